"""Grey pictures of both cameras, and what brings one onto the grid of the other."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.frame import Pixels
from stream.registration.calibration import Size

Grey = NDArray[np.float32]
Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Warping to fewer pixels needs softening first.
SHRINKS_BELOW = 0.9


def grey_visible(pixels: Pixels) -> Grey:
    """Brightness of [H, W, 3] uint8 RGB."""
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.float32)


def grey_thermal(counts: Pixels) -> Grey:
    """Counts [H, W] stretched to about 0..200; a few hot pixels may be above."""
    if counts.ndim == 3:
        counts = np.asarray(cv2.cvtColor(counts, cv2.COLOR_RGB2GRAY))
    raw = counts.astype(np.float32)
    low, high = np.percentile(raw, (1, 99.5))
    return np.asarray(np.clip((raw - low) / max(float(high - low), 1.0), 0, 1.2) * 200, np.float32)


def warp(picture: Grey, matrix: Numbers, size: Size) -> tuple[Grey, Mask]:
    """A picture brought onto another grid, and where it is known there.

    Args:
        picture: [H, W].
        matrix: [3, 3] from its pixels to those of the grid.
        size: width and height of the grid.
    """
    scale = scale_of(matrix, (picture.shape[1], picture.shape[0]))
    if scale < SHRINKS_BELOW:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.5 * (1 / scale**2 - 1) ** 0.5))
    moved = cv2.warpPerspective(picture, matrix, size)
    whole = np.full(picture.shape, 255, np.uint8)
    return np.asarray(moved), np.asarray(cv2.warpPerspective(whole, matrix, size) > 250)


def scale_of(matrix: Numbers, size: Size) -> float:
    """Magnification of a pixel in the middle of a picture."""
    middle = np.array((size[0] / 2, size[1] / 2, 1.0))
    depth = abs(float(matrix[2] @ middle))
    return float(np.sqrt(abs(np.linalg.det(matrix)) / max(depth, 1e-9) ** 3))


def resized(picture: Grey, size: Size) -> Grey:
    """A picture with another number of pixels."""
    smaller = size[0] < picture.shape[1]
    return np.asarray(
        cv2.resize(picture, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    )
