"""Digital detail enhancement: counts split into a base and details, and details made stronger."""

from __future__ import annotations

import torch
from torch import Tensor

from cuda_kernels.reference.results import deliver

RADIUS = 3
"""Of the window, in pixels: details are smaller than 2 * RADIUS + 1."""

EDGE = 0.05
"""Contrast, as a share of the span, above which something is an edge, which stays as it is, not a detail."""


def enhance(counts: Tensor, span: Tensor, gain: float, *, out: Tensor | None = None) -> Tensor:
    """Counts with their details multiplied: base + gain * (counts - base).

    The base is the counts through a guided filter, guided by themselves (He, Sun, Tang, "Guided image
    filtering", 2013): a mean over the window where it is even, the counts themselves at edges, so that no
    halo surrounds hot things. With m and v the mean and variance of a window, and
    flat = e / (v + e), e = (EDGE * width of the span)^2, the detail of a pixel is the mean over its window
    of flat * (count - m).

    Args:
        counts: [H, W] uint8 or uint16; borders are repeated.
        span: [2] float32, low and high count, which says how strong an edge is.
        gain: of details; 1 changes nothing, 0 leaves the base.
        out: [H, W] float32 to write into.

    Returns:
        [H, W] float32 counts, not clipped.
    """
    window = 2 * RADIUS + 1
    exact = counts.to(torch.float64)
    sums, squares = _window_sums(exact), _window_sums(exact * exact)
    number = window * window
    mean = (sums / number).to(torch.float32)
    variance = ((number * squares - sums * sums) / number**2).to(torch.float32)
    edge = EDGE * (span[1] - span[0])
    flat = edge * edge / (variance + edge * edge).clamp(min=1e-12)
    drop = _window_sums((flat * mean).to(torch.float64))
    detail = (exact * _window_sums(flat.to(torch.float64)) - drop) / number
    return deliver(exact + (gain - 1) * detail, out, torch.float32)


def _window_sums(plane: Tensor) -> Tensor:
    """Sums over the window around each pixel, borders repeated; [H, W] float64, exact for whole numbers."""
    padded = torch.nn.functional.pad(plane[None, None], (RADIUS,) * 4, mode="replicate")
    window = 2 * RADIUS + 1
    return padded.unfold(2, window, 1).sum(-1).unfold(3, window, 1).sum(-1)[0, 0]
