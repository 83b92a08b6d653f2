"""Metrics of a fused picture alone: EN, SD, SF, AG, EI. All take [H, W] uint8 grey."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gifnet.eval.filters import sobel

Grey = NDArray[np.uint8]


def entropy(picture: Grey) -> float:
    """EN: entropy of the histogram of 256 grey levels, in bits, 0 to 8 (Roberts et al. 2008)."""
    return entropy_of_counts(np.bincount(picture.ravel(), minlength=256))


def standard_deviation(picture: Grey) -> float:
    """SD: standard deviation over all pixels (divided by their number), in grey levels (Rao 1997)."""
    return float(np.std(picture))


def spatial_frequency(picture: Grey) -> float:
    """SF: root of the summed mean squares of row and column differences, in grey levels.

    Eskicioglu and Fisher 1995. The MATLAB toolbox gives the same divided by 255.
    """
    values = picture.astype(np.float64)
    return float(np.sqrt(np.mean(np.diff(values, axis=0) ** 2) + np.mean(np.diff(values, axis=1) ** 2)))


def average_gradient(picture: Grey) -> float:
    """AG: mean of `sqrt((dx^2 + dy^2) / 2)` with central differences, over all H * W pixels, in grey levels.

    Cui et al. 2015. The MATLAB toolbox divides the same sum by (H - 1)(W - 1).
    """
    rows, columns = np.gradient(picture.astype(np.float64))
    return float(np.mean(np.sqrt((rows**2 + columns**2) / 2)))


def edge_intensity(picture: Grey) -> float:
    """EI: mean length of the Sobel vector (weights 1 2 1), border repeated, in grey levels (Xydeas 2000)."""
    along_x, along_y = sobel(picture.astype(np.float64), "edge")
    return float(np.mean(np.hypot(along_x, along_y)))


def entropy_of_counts(counts: NDArray[np.int64]) -> float:
    """Entropy in bits of a histogram of counts of any shape."""
    shares = counts[counts > 0] / counts.sum()
    return float(-np.sum(shares * np.log2(shares))) + 0.0
