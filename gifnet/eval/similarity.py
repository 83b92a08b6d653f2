"""Likeness of a fused picture to its sources: CC, SCD, PSNR, SSIM, MS-SSIM. All take [H, W] uint8 grey."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gifnet.eval.filters import Array, convolve_valid, gaussian_window
from gifnet.eval.single import Grey

_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
# Wang, Simoncelli and Bovik 2003, table of their section 3.2: finest scale first.
_SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def correlation(first: NDArray[np.generic], second: NDArray[np.generic]) -> float:
    """Pearson correlation of two pictures, -1 to 1; 0 where one of them is flat."""
    one, other = _centred(first), _centred(second)
    energy = float(np.sqrt(np.sum(one**2) * np.sum(other**2)))
    return float(np.sum(one * other)) / energy if energy > 0 else 0.0


def mean_correlation(fused: Grey, visible: Grey, thermal: Grey) -> float:
    """CC: mean of the correlations of the fused picture with both sources, -1 to 1 (Deshmukh 2010)."""
    return (correlation(fused, visible) + correlation(fused, thermal)) / 2


def sum_of_difference_correlations(fused: Grey, visible: Grey, thermal: Grey) -> float:
    """SCD: what is fused beyond one source, correlated with the other; -2 to 2 (Aslantas and Bendes 2015)."""
    whole, first, second = (picture.astype(np.float64) for picture in (fused, visible, thermal))
    return correlation(whole - second, first) + correlation(whole - first, second)


def peak_signal_to_noise(fused: Grey, visible: Grey, thermal: Grey) -> float:
    """PSNR in dB: of the mean of both sources' mean squared errors, peak 255; infinite for equal pictures."""
    error = sum(np.mean((fused - source.astype(np.float64)) ** 2) for source in (visible, thermal)) / 2
    return float(10 * np.log10(255**2 / error)) if error > 0 else float("inf")


def structural_similarity(first: Grey, second: Grey) -> float:
    """SSIM of two pictures, -1 to 1: uniform windows of 7x7, sample covariance, range 255.

    Wang et al. 2004 with the window of scikit-image, which the field's Python tables use.
    """
    one, other = first.astype(np.float64), second.astype(np.float64)
    window = np.full(7, 1 / 7)
    return float(np.mean(np.prod(_luminance_and_structure(one, other, window, 49 / 48), axis=0)))


def sum_of_ssim(fused: Grey, visible: Grey, thermal: Grey) -> float:
    """SSIM: summed over both sources, -2 to 2."""
    return structural_similarity(fused, visible) + structural_similarity(fused, thermal)


def multi_scale_ssim(first: Grey, second: Grey) -> float:
    """MS-SSIM of two pictures: five scales, Gaussian windows of 11x11 with sigma 1.5 (Wang et al. 2003).

    Returns:
        0 to 1; NaN where the smaller side has fewer than 176 pixels, which five scales need.
    """
    one, other = first.astype(np.float64), second.astype(np.float64)
    if min(one.shape) < 11 * 2 ** (len(_SCALE_WEIGHTS) - 1):
        return float("nan")
    window, result = gaussian_window(11, 1.5), 1.0
    for scale, weight in enumerate(_SCALE_WEIGHTS):
        luminance, structure = _luminance_and_structure(one, other, window, 1.0)
        last = scale == len(_SCALE_WEIGHTS) - 1
        # Negative structure has no real power; as in the usual implementations it counts as none.
        result *= max(float(np.mean(luminance * structure if last else structure)), 0.0) ** weight
        one, other = _halved(one), _halved(other)
    return result


def sum_of_ms_ssim(fused: Grey, visible: Grey, thermal: Grey) -> float:
    """MS-SSIM: summed over both sources, 0 to 2; NaN for pictures below 176 pixels."""
    return multi_scale_ssim(fused, visible) + multi_scale_ssim(fused, thermal)


def _luminance_and_structure(
    one: Array, other: Array, window: Array, correction: float
) -> tuple[Array, Array]:
    """The two factors of SSIM for each place where the window fits."""
    mean_one, mean_other = convolve_valid(one, window), convolve_valid(other, window)
    variance_one = correction * (convolve_valid(one * one, window) - mean_one**2)
    variance_other = correction * (convolve_valid(other * other, window) - mean_other**2)
    covariance = correction * (convolve_valid(one * other, window) - mean_one * mean_other)
    luminance = (2 * mean_one * mean_other + _C1) / (mean_one**2 + mean_other**2 + _C1)
    return luminance, (2 * covariance + _C2) / (variance_one + variance_other + _C2)


def _halved(picture: Array) -> Array:
    """Means of 2x2 pixels; an odd last row or column is left out."""
    height, width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
    rows = picture[0:height:2, :width] + picture[1:height:2, :width]
    return np.asarray((rows[:, ::2] + rows[:, 1::2]) / 4, np.float64)


def _centred(picture: NDArray[np.generic]) -> Array:
    values = picture.astype(np.float64)
    return np.asarray(values - float(np.mean(values)), np.float64)
