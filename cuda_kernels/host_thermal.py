"""Statistics and brightness of thermal counts on a CPU; see `cuda_kernels.host`."""

from __future__ import annotations

import math

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cuda_kernels import reference
from cuda_kernels.reference.thermal import COUNTS

# OpenCV gives numbers of pixels in float32.
_MOST_PIXELS = 1 << 24


def percentiles(counts: Tensor, low: float, high: float, *, out: Tensor | None = None) -> Tensor:
    """As `reference.percentiles`."""
    if not _can_count(counts):
        return reference.percentiles(counts, low, high, out=out)
    cumulative = np.cumsum(_histogram(counts))
    shares = np.array((low / 100, high / 100))
    ranks = np.maximum(np.ceil(shares * cumulative[-1] - 1e-6), 1)
    found = torch.from_numpy(np.searchsorted(cumulative, ranks))
    return found.to(torch.float32) if out is None else out.copy_(found)


def plateau_curve(counts: Tensor, plateau: float, *, out: Tensor | None = None) -> Tensor:
    """As `reference.plateau_curve`."""
    if not _can_count(counts):
        return reference.plateau_curve(counts, plateau, out=out)
    bins = _histogram(counts)
    clipped = np.minimum(bins, max(math.ceil(counts.numel() * (plateau / 100) - 1e-6), 1))
    cumulative = np.cumsum(clipped)
    total = 2 * cumulative[-1]
    curve = torch.ones(COUNTS) if out is None else out.fill_(1.0)
    # Above the largest stored value, 255 for 8 bits, everything has been counted.
    curve[: len(bins)] = torch.from_numpy((2 * cumulative - clipped) / total)
    return curve


def mend(counts: Tensor, places: Tensor, sources: Tensor, *, out: Tensor | None = None) -> Tensor:
    """As `reference.mend`."""
    mended = counts.to(torch.uint16, copy=True) if out is None else out.copy_(counts)
    flat = counts.reshape(-1).numpy()
    means = (flat[sources.numpy()].sum(axis=1, dtype=np.int32) + 2) // 4
    mended.view(-1).numpy()[places.numpy()] = means
    return mended


def normalise(counts: Tensor, span: Tensor, *, out: Tensor | None = None) -> Tensor:
    """As `reference.normalise`."""
    brightness = counts.to(torch.float32, copy=True) if out is None else out.copy_(counts)
    return brighten(brightness, span, may_be_nan=counts.is_floating_point())


def brighten(counts: Tensor, span: Tensor, may_be_nan: bool) -> Tensor:
    """As `reference.normalise`, in place.

    Args:
        counts: float32 counts, any shape.
        span: [2] float32.
        may_be_nan: whether NaN has to be looked for.
    """
    width = span[1] - span[0]
    if not width:
        return counts.zero_()
    counts.sub_(span[0]).div_(width).clamp_(0, 1)
    if may_be_nan or not math.isfinite(width):
        counts.nan_to_num_(nan=0.0)
    return counts


def equalise(counts: Tensor, curve: Tensor, *, out: Tensor | None = None) -> Tensor:
    """As `reference.equalise`."""
    brightness = torch.empty(counts.shape) if out is None else out
    if not counts.is_floating_point():
        torch.index_select(curve, 0, counts.to(torch.int32).reshape(-1), out=brightness.view(-1))
        return brightness
    places = counts.nan_to_num(nan=0.0).clamp_(0, COUNTS - 1)
    below = places.to(torch.int32).reshape(-1)
    start = curve.index_select(0, below).reshape(places.shape)
    end = curve.index_select(0, (below + 1).clamp_(max=COUNTS - 1)).reshape(places.shape)
    torch.lerp(start, end, places.sub_(below.reshape(places.shape)), out=brightness)
    return brightness.masked_fill_(torch.isnan(counts), 0.0)


def _can_count(counts: Tensor) -> bool:
    return not counts.is_floating_point() and counts.numel() <= _MOST_PIXELS


def _histogram(counts: Tensor) -> NDArray[np.float64]:
    """How often each stored value occurs: whole numbers, [256] or [65536]."""
    bins = 256 if counts.dtype == torch.uint8 else COUNTS
    found = cv2.calcHist([counts.numpy()], [0], None, [bins], [0, bins])
    return np.asarray(found.reshape(-1), np.float64)
