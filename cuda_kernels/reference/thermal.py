"""Thermal counts: bad pixels, percentiles, and how counts become brightness by a span."""

from __future__ import annotations

import torch
from torch import Tensor

from cuda_kernels.reference.results import deliver

COUNTS = 1 << 16


def percentiles(counts: Tensor, low: float, high: float, *, out: Tensor | None = None) -> Tensor:
    """Two percentiles of raw counts from their histogram, exact on whole numbers.

    The p-th percentile is the smallest count that at least p % of the pixels do not exceed (the inverse of
    the empirical distribution); 0 gives the minimum and 100 the maximum.

    Args:
        counts: [H, W] uint8 or uint16, or float32 (rounded half to even, clipped to 0..65535; NaN pixels
            are left out).
        low: percentile in 0..100.
        high: percentile in 0..100.
        out: [2] float32 to write into.

    Returns:
        [2] float32: the low and the high percentile, both 0 where no pixel is a number.
    """
    cumulative = torch.cumsum(histogram(counts), dim=0)
    shares = torch.tensor((low / 100, high / 100), dtype=torch.float64, device=counts.device)
    # The small term keeps a product that should be whole from reaching the next rank by rounding.
    ranks = torch.ceil(shares * cumulative[-1] - 1e-6).clamp(min=1).to(cumulative.dtype)
    found = torch.searchsorted(cumulative, ranks)
    return deliver(torch.where(cumulative[-1] > 0, found, 0), out, torch.float32)


def replace_bad_pixels(
    counts: Tensor, places: Tensor, sources: Tensor, *, out: Tensor | None = None
) -> Tensor:
    """Counts with bad pixels replaced by the mean of four good ones.

    Args:
        counts: [H, W] uint8 or uint16.
        places: [N] int32, bad pixels by their index `row * W + column`, each once.
        sources: [N, 4] int32, indices of four good pixels for each; one may stand there more than once.
        out: [H, W] uint16 to write into.

    Returns:
        [H, W] uint16; means rounded half up.
    """
    flat = counts.reshape(-1).to(torch.int32)
    means = (flat[sources.to(torch.int64)].sum(dim=1, dtype=torch.int32) + 2) // 4
    replaced = flat.index_put((places.to(torch.int64),), means)
    return deliver(replaced.reshape(counts.shape), out, torch.uint16)


def damp_span(measured: Tensor, previous: Tensor, ema_weight: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The span of this frame: between the measured one and the last one, and not much wider than that.

    Each end goes the share `1 - ema_weight` of its way, as `torch.lerp(measured, previous, ema_weight)`, but
    no further than `width * (1 - ema_weight) / (2 * ema_weight)`, so that whatever enters the scene, the rest
    never changes its brightness by more than that share of black to white. Where the new scene fills only a
    part of the last span, little of it is visible to be kept calm: the bound is divided by that part, and
    none holds where the two have nothing in common.

    Args:
        measured: [2] float32, low and high count of this frame.
        previous: [2] float32, the span of the last frame.
        ema_weight: [1] float32 in 0..1, weight of the last span; 0 takes the measured one as it is.
        out: [2] float32 to write into.

    Returns:
        [2] float32.
    """
    wanted = torch.lerp(measured, previous, ema_weight)
    width = previous[1] - previous[0]
    common = torch.minimum(measured[1], previous[1]) - torch.maximum(measured[0], previous[0])
    bound = width * ((1 - ema_weight) / (2 * ema_weight)) * (width / common)
    bounded = torch.maximum(torch.minimum(wanted, previous + bound), previous - bound)
    return deliver(torch.where((common > 0) & (ema_weight > 0), bounded, wanted), out, torch.float32)


def normalise(counts: Tensor, span: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Counts as brightness: 0 at the first end of a span and beyond, 1 at its second end and beyond.

    Args:
        counts: [H, W] uint8, uint16 or float32.
        span: [2] float32, the count that becomes black and the one that becomes white; where the first is
            the greater one, hot is black.
        out: [H, W] float32 to write into.

    Returns:
        [H, W] float32 in 0..1; 0 everywhere where the span is empty, and 0 for NaN counts.
    """
    width = span[1] - span[0]
    shares = torch.where(width != 0, (counts.to(torch.float32) - span[0]) / width, 0)
    return deliver(shares.nan_to_num(nan=0.0).clamp(0, 1), out, torch.float32)


def to_gray8(brightness: Tensor, coverage: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Thermal brightness as a grey picture, black where the thermal camera does not see.

    Args:
        brightness: [H, W] float32 in 0..1.
        coverage: [H, W] float32 in 0..1.
        out: [H, W] uint8 to write into.

    Returns:
        [H, W] uint8: 255 * brightness * coverage, rounded half to even.
    """
    return deliver((255 * brightness * coverage).round(), out, torch.uint8)


def histogram(counts: Tensor) -> Tensor:
    """Number of pixels of each count from 0 to 65535: [65536] int32; NaN is left out."""
    numbers = torch.ones_like(counts, dtype=torch.int32)
    if counts.is_floating_point():
        numbers = (~torch.isnan(counts)).to(torch.int32)
        counts = counts.nan_to_num(nan=0.0).round().clamp(0, COUNTS - 1)
    histogram = torch.zeros(COUNTS, dtype=torch.int32, device=counts.device)
    return histogram.index_add_(0, counts.reshape(-1).to(torch.int64), numbers.reshape(-1))
