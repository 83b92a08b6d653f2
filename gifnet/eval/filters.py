"""Filters that the metrics share, in float64: separable convolution without border, Gaussian, Sobel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def gaussian_window(size: int, sigma: float) -> Array:
    """Gaussian weights of one axis, [size] float64, sum 1, centred."""
    places = np.arange(size) - (size - 1) / 2
    weights = np.exp(-(places**2) / (2 * sigma**2))
    return np.asarray(weights / weights.sum(), np.float64)


def convolve_valid(picture: Array, weights: Array) -> Array:
    """Convolve rows and columns with the same symmetric weights, where the window fits.

    Args:
        picture: [H, W] float64.
        weights: [N] float64, symmetric.

    Returns:
        [H - N + 1, W - N + 1] float64.
    """
    size = len(weights)
    rows, columns = picture.shape[0] - size + 1, picture.shape[1] - size + 1
    tall = np.zeros((rows, picture.shape[1]))
    for place, weight in enumerate(weights):
        tall += weight * picture[place : place + rows]
    small = np.zeros((rows, columns))
    for place, weight in enumerate(weights):
        small += weight * tall[:, place : place + columns]
    return small


def sobel(picture: Array, border: str) -> tuple[Array, Array]:
    """Sobel differences along x and along y, not scaled.

    Args:
        picture: [H, W] float64.
        border: `zero`, `edge` or `wrap`: what lies outside.

    Returns:
        Two arrays [H, W] float64; sums of eight weights, so a step of 1 gives 4.
    """
    modes = {"zero": "constant", "edge": "edge", "wrap": "wrap"}
    wide = np.pad(picture, 1, mode=modes[border])  # type: ignore[call-overload]  # numpy wants a literal mode
    smooth_y = wide[:-2] + 2 * wide[1:-1] + wide[2:]
    smooth_x = wide[:, :-2] + 2 * wide[:, 1:-1] + wide[:, 2:]
    return smooth_y[:, 2:] - smooth_y[:, :-2], smooth_x[2:] - smooth_x[:-2]
