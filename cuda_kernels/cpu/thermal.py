"""Statistics and brightness of thermal counts on a CPU; see `cuda_kernels.cpu`."""

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
_LEVELS = 256
# Bins that are looked at together.
_BLOCK = 256


def percentiles(counts: Tensor, low: float, high: float, *, out: Tensor | None = None) -> Tensor:
    """As `reference.percentiles`."""
    if not _can_count(counts):
        return reference.percentiles(counts, low, high, out=out)
    bins = _histogram(counts).reshape(-1, _BLOCK)
    blocks = np.cumsum(bins.sum(axis=1), dtype=np.float64)
    found = torch.tensor([_find(bins, blocks, share) for share in (low / 100, high / 100)])
    return found.to(torch.float32) if out is None else out.copy_(found)


def _find(bins: NDArray[np.float32], blocks: NDArray[np.float64], share: float) -> int:
    """The smallest count whose rank is reached: first its block of bins, then its bin."""
    rank = max(math.ceil(share * float(blocks[-1]) - 1e-6), 1)
    block = int(np.searchsorted(blocks, rank))
    before = float(blocks[block - 1]) if block else 0.0
    return block * _BLOCK + int(np.searchsorted(np.cumsum(bins[block], dtype=np.float64), rank - before))


def damp_span(measured: Tensor, previous: Tensor, ema_weight: Tensor, *, out: Tensor | None = None) -> Tensor:
    """As `reference.damp_span`.

    It computes with numbers of Python: on a CPU, calls on tensors of two numbers cost more than the sums.
    """
    (low, high), (last_low, last_high), share = measured.tolist(), previous.tolist(), float(ema_weight)
    width, common = last_high - last_low, min(high, last_high) - max(low, last_low)
    bound = width * (1 - share) / (2 * share) * width / common if common > 0 and share > 0 else math.inf

    def go(last: float, new: float) -> float:
        step = (new - last) * (1 - share)
        return new if share == 0 else last + max(-bound, min(step, bound))

    damped = torch.tensor((go(last_low, low), go(last_high, high)))
    return damped if out is None else out.copy_(damped)


def plateau_curve(counts: Tensor, plateau: float, *, out: Tensor | None = None) -> Tensor:
    """As `reference.plateau_curve`."""
    if not _can_count(counts):
        return reference.plateau_curve(counts, plateau, out=out)
    bins = _histogram(counts)
    used = bins > 0
    first, end = int(used.argmax()), len(used) - int(used[::-1].argmax())
    clipped = np.minimum(bins[first:end], max(math.ceil(counts.numel() * (plateau / 100) - 1e-6), 1))
    cumulative = np.cumsum(clipped, dtype=np.float64)
    curve = torch.empty(COUNTS) if out is None else out
    # Below and above what occurs, nothing and everything has been counted.
    curve[:first], curve[end:] = 0.0, 1.0
    curve[first:end] = torch.from_numpy((2 * cumulative - clipped) / (2 * cumulative[-1]))
    return curve


def replace_bad_pixels(
    counts: Tensor, places: Tensor, sources: Tensor, *, out: Tensor | None = None
) -> Tensor:
    """As `reference.replace_bad_pixels`."""
    replaced = counts.to(torch.uint16, copy=True) if out is None else out.copy_(counts)
    flat = counts.reshape(-1).numpy()
    means = (flat[sources.numpy()].sum(axis=1, dtype=np.int32) + 2) // 4
    replaced.view(-1).numpy()[places.numpy()] = means
    return replaced


def normalise(counts: Tensor, span: Tensor, *, out: Tensor | None = None) -> Tensor:
    """As `reference.normalise`."""
    if counts.dtype == torch.uint8 and counts.numel() > _LEVELS:
        # All that can occur, worked out once and looked up.
        table = normalise(torch.arange(_LEVELS, dtype=torch.uint8), span).numpy()
        found = torch.empty(counts.shape) if out is None else out
        cv2.LUT(counts.numpy(), table, dst=found.numpy())
        return found
    brightness = counts.to(torch.float32, copy=True) if out is None else out.copy_(counts)
    return brighten(brightness, span, may_be_nan=counts.is_floating_point())


def brighten(counts: Tensor, span: Tensor, may_be_nan: bool) -> Tensor:
    """As `reference.normalise`, in place.

    Args:
        counts: float32 counts, any shape.
        span: [2] float32.
        may_be_nan: whether NaN has to be looked for.
    """
    start, width = float(span[0]), float(span[1] - span[0])
    if not width:
        return counts.zero_()
    if (start, width) != (0, 1):
        counts.sub_(start).div_(width)
    counts.clamp_(0, 1)
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
    # A sum is soon made, and NaN where any number is none.
    return brightness.masked_fill_(torch.isnan(counts), 0.0) if counts.sum().isnan() else brightness


def _can_count(counts: Tensor) -> bool:
    return not counts.is_floating_point() and counts.numel() <= _MOST_PIXELS


def _histogram(counts: Tensor) -> NDArray[np.float32]:
    """Number of pixels of each stored value: whole numbers, [256] or [65536]."""
    bins = 256 if counts.dtype == torch.uint8 else COUNTS
    found = cv2.calcHist([counts.numpy()], [0], None, [bins], [0, bins])
    return np.asarray(found.reshape(-1), np.float32)
