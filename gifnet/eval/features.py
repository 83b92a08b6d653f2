"""FMI: local information of one picture's pixels found again in the fused one."""

from __future__ import annotations

import numpy as np

from gifnet.eval.filters import Array
from gifnet.eval.single import Grey

_WINDOW = 3
_CHUNK = 20_000


def feature_mutual_information(fused: Grey, visible: Grey, thermal: Grey) -> float:
    """FMI of pixel values, windows of 3x3, mean over both sources (Haghighat et al. 2011 and 2014).

    Each window is taken as a distribution over its 9 pixels. How two windows hang together is estimated from
    their correlation by the bounds of Frechet, which gives the joint distribution and so their mutual
    information, over the mean of their entropies.

    Returns:
        0 to 1; 1 for equal pictures.
    """
    windows = [_windows(picture) for picture in (fused, visible, thermal)]
    total = 0.0
    for start in range(0, len(windows[0]), _CHUNK):
        part = [_distributions(window[start : start + _CHUNK]) for window in windows]
        total += float(np.sum(_shared(part[0], part[1]) + _shared(part[0], part[2]))) / 2
    return total / len(windows[0])


def _windows(picture: Grey) -> Array:
    """All windows, [windows, 9]."""
    view = np.lib.stride_tricks.sliding_window_view(picture.astype(np.float64), (_WINDOW, _WINDOW))
    # Columns first, as the published code reads a window.
    return np.ascontiguousarray(view.transpose(0, 1, 3, 2)).reshape(-1, _WINDOW**2)


def _distributions(windows: Array) -> Array:
    """Stretch each window to 0..1 and divide by its sum; a flat one is uniform."""
    low, high = windows.min(axis=1, keepdims=True), windows.max(axis=1, keepdims=True)
    flat = low == high
    stretched = np.where(flat, 1.0, (windows - low) / np.where(flat, 1.0, high - low))
    return np.asarray(stretched / stretched.sum(axis=1, keepdims=True), np.float64)


def _shared(one: Array, other: Array) -> Array:
    """Normalised mutual information of each pair of distributions, [windows]; equal ones share all."""
    joint = _joint(one, other)
    apart = _entropy(one) + _entropy(other)
    same = np.all(one == other, axis=1)
    ratio = 2 * (apart - _entropy(joint.reshape(len(joint), -1))) / np.where(apart > 0, apart, 1.0)
    return np.where(same | (apart <= 0), 1.0, ratio)


def _joint(one: Array, other: Array) -> Array:
    """The joint distribution, [windows, 9, 9]: independence mixed with the bound of Frechet."""
    independent = one[:, :, None] * other[:, None, :]
    cumulated, other_cumulated = np.cumsum(one, axis=1)[:, :, None], np.cumsum(other, axis=1)[:, None, :]
    upper = np.minimum(cumulated, other_cumulated)
    lower = np.maximum(cumulated + other_cumulated - 1, 0)
    correlation = _correlation(one, other)
    bound = np.where(correlation[:, None, None] >= 0, upper, lower)
    reach = np.sum(bound - cumulated * other_cumulated, axis=(1, 2))
    spread = _spread(one) * _spread(other)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.nan_to_num(correlation * spread / reach, nan=0.0, posinf=0.0, neginf=0.0)
    share = np.clip(share, 0, 1)[:, None, None]
    masses = np.diff(np.diff(bound, axis=1, prepend=0), axis=2, prepend=0)
    return np.asarray(share * masses + (1 - share) * independent, np.float64)


def _correlation(one: Array, other: Array) -> Array:
    first, second = one - one.mean(axis=1, keepdims=True), other - other.mean(axis=1, keepdims=True)
    energy = np.sqrt(np.sum(first**2, axis=1) * np.sum(second**2, axis=1))
    return np.asarray(np.sum(first * second, axis=1) / np.where(energy > 0, energy, 1.0), np.float64)


def _spread(masses: Array) -> Array:
    """Standard deviation of the place 1..9 under each distribution."""
    places = np.arange(1, masses.shape[1] + 1)
    return np.asarray(np.sqrt(np.maximum(masses @ places**2 - (masses @ places) ** 2, 0)), np.float64)


def _entropy(masses: Array) -> Array:
    positive = np.where(masses > 1e-15, masses, 1.0)
    return np.asarray(-np.sum(positive * np.log2(positive), axis=1), np.float64)
