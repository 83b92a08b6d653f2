"""Metrics of a fused picture, by the conventions of the common Python evaluator (CDDFuse line of papers).

All take `[H, W]` uint8 pictures. Definitions: EN entropy; SD standard deviation; SF spatial frequency
(Eskicioglu and Fisher 1995); AG average gradient (Cui et al. 2015); SCD sum of correlations of differences
(Aslantas and Bendes 2015); MI mutual information (Qu et al. 2002).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]


def measure(fused: Grey, visible: Grey, thermal: Grey) -> dict[str, float]:
    """All metrics of this module by name, and the correlation of the fused picture with each source."""
    return {
        "EN": entropy(fused),
        "SD": float(np.std(fused)),
        "SF": spatial_frequency(fused),
        "AG": average_gradient(fused),
        "MI": mutual_information(fused, visible) + mutual_information(fused, thermal),
        "SCD": sum_of_difference_correlations(fused, visible, thermal),
        "CC visible": correlation(fused, visible),
        "CC thermal": correlation(fused, thermal),
    }


def entropy(picture: Grey) -> float:
    """Entropy of the histogram of 256 grey levels, in bits, 0 to 8."""
    return _entropy(np.bincount(picture.ravel(), minlength=256))


def spatial_frequency(picture: Grey) -> float:
    """Root of the summed mean squares of row and column differences, in grey levels."""
    values = picture.astype(np.float64)
    return float(np.sqrt(np.mean(np.diff(values, axis=0) ** 2) + np.mean(np.diff(values, axis=1) ** 2)))


def average_gradient(picture: Grey) -> float:
    """Mean of `sqrt((dx^2 + dy^2) / 2)` with central differences, over all H * W pixels, in grey levels."""
    rows, columns = np.gradient(picture.astype(np.float64))
    return float(np.mean(np.sqrt((rows**2 + columns**2) / 2)))


def mutual_information(first: Grey, second: Grey) -> float:
    """Mutual information of two pictures from their joint histogram of 256 x 256 bins, in bits."""
    joint = np.bincount(first.ravel().astype(np.int64) * 256 + second.ravel(), minlength=65536)
    counts = joint.reshape(256, 256)
    return _entropy(counts.sum(axis=0)) + _entropy(counts.sum(axis=1)) - _entropy(joint)


def sum_of_difference_correlations(fused: Grey, visible: Grey, thermal: Grey) -> float:
    """SCD in [-2, 2]: what the fused picture has beyond one source, correlated with the other source."""
    whole, first, second = (picture.astype(np.float64) for picture in (fused, visible, thermal))
    return correlation(whole - second, first) + correlation(whole - first, second)


def correlation(first: NDArray[np.generic], second: NDArray[np.generic]) -> float:
    """Pearson correlation of two pictures; 0 where one of them is flat."""
    centred = [
        picture.astype(np.float64) - np.mean(picture.astype(np.float64)) for picture in (first, second)
    ]
    energy = float(np.sqrt(np.sum(centred[0] ** 2) * np.sum(centred[1] ** 2)))
    return float(np.sum(centred[0] * centred[1])) / energy if energy > 0 else 0.0


def _entropy(counts: NDArray[np.int64]) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-np.sum(shares * np.log2(shares))) + 0.0
