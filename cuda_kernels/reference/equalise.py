"""Histogram equalisation of thermal counts: by one curve for the picture, or by one for each of its tiles."""

from __future__ import annotations

import torch
from torch import Tensor

from cuda_kernels.reference.results import deliver
from cuda_kernels.reference.thermal import COUNTS, histogram, normalise

TILES = 8
"""Tiles across, and as many down."""

LEVELS = 256
"""Bins of a tile's histogram, evenly over the span."""


def plateau_curve(counts: Tensor, plateau: float, *, out: Tensor | None = None) -> Tensor:
    """Plateau equalisation: brightness of each count by the cumulative sum of a clipped histogram.

    Every count's bin holds at most the plateau value, so that a large area of one temperature takes no more
    of the brightness than that. The brightness of a count is the share of clipped pixels below it, and half
    of those in its own bin: (2 * sum up to it - its bin) / (2 * sum of all).

    Args:
        counts: [H, W] uint8, uint16, or float32 (as for `percentiles`).
        plateau: plateau value in percent of the pixels, in 0..100; at least one pixel.
        out: [65536] float32 to write into.

    Returns:
        [65536] float32 in 0..1, never falling; 0 everywhere where no pixel is a number.
    """
    bins = histogram(counts).to(torch.int64)
    # The small term keeps a product that should be whole from being rounded up.
    limit = torch.ceil(bins.sum() * (plateau / 100) - 1e-6).clamp(min=1).to(torch.int64)
    clipped = torch.minimum(bins, limit)
    cumulative = torch.cumsum(clipped, dim=0)
    total = cumulative[-1].clamp(min=1)
    return deliver((2 * cumulative - clipped).to(torch.float64) / (2 * total), out, torch.float32)


def ema(measured: Tensor, previous: Tensor, ema_weight: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The curves of this frame: between the measured ones and the last ones, `torch.lerp`.

    Args:
        measured: [N] float32, of this frame.
        previous: [N] float32, of the last frame.
        ema_weight: [1] float32 in 0..1, weight of the last ones.
        out: [N] float32 to write into.

    Returns:
        [N] float32.
    """
    return deliver(torch.lerp(measured, previous, ema_weight), out, torch.float32)


def equalise(counts: Tensor, curve: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Brightness of counts by a curve, linear between whole counts.

    Args:
        counts: [H, W] uint8, uint16, or float32 (clipped to 0..65535).
        curve: [65536] float32 in 0..1.
        out: [H, W] float32 to write into.

    Returns:
        [H, W] float32 in 0..1; 0 for NaN counts.
    """
    if not counts.is_floating_point():
        return deliver(curve[counts.to(torch.int64)], out, torch.float32)
    places = counts.nan_to_num(nan=0.0).clamp(0, COUNTS - 1)
    below = places.floor().to(torch.int64)
    above = (below + 1).clamp(max=COUNTS - 1)
    brightness = torch.lerp(curve[below], curve[above], places - below)
    return deliver(brightness.masked_fill(torch.isnan(counts), 0.0), out, torch.float32)


def tile_curves(counts: Tensor, span: Tensor, contrast: float, *, out: Tensor | None = None) -> Tensor:
    """Contrast limited adaptive histogram equalisation (CLAHE): the curve of each tile.

    Pixel (row, column) belongs to tile (row * TILES // H, column * TILES // W). A tile's histogram has
    `LEVELS` bins over the span, and no bin may hold more than `contrast` times the mean of all, rounded half
    to even and at least 1; what lies above is spread evenly over all bins. A bin's brightness is then that
    of `plateau_curve`. (Pizer et al., "Adaptive histogram equalization and its variations", 1987; Zuiderveld,
    "Contrast limited adaptive histogram equalization", 1994.)

    Args:
        counts: [H, W] uint8, uint16 or float32.
        span: [2] float32, low and high count.
        contrast: limit, at least 1; 1 leaves the span as it is.
        out: [TILES * TILES, LEVELS] float32 to write into.

    Returns:
        [TILES * TILES, LEVELS] float32 in 0..1, never falling along a row; a tile without pixels has a
        straight line.
    """
    (height, width), device = counts.shape, counts.device
    down = torch.arange(height, device=device) * TILES // height
    across = torch.arange(width, device=device) * TILES // width
    tiles = down[:, None] * TILES + across
    levels = (normalise(counts, span) * LEVELS).to(torch.int64).clamp(max=LEVELS - 1)
    bins = torch.zeros(TILES * TILES * LEVELS, dtype=torch.int64, device=device)
    ones = torch.ones_like(levels).reshape(-1)
    bins = bins.index_add_(0, (tiles * LEVELS + levels).reshape(-1), ones).reshape(-1, LEVELS)
    return deliver(limited_curves(bins, contrast), out, torch.float32)


def limited_curves(bins: Tensor, contrast: float) -> Tensor:
    """[tiles, LEVELS] int64 numbers of pixels to float64 brightness; one division of whole numbers."""
    pixels = bins.sum(dim=1, keepdim=True)
    limit = torch.round(pixels * (contrast / LEVELS)).clamp(min=1).to(torch.int64)
    clipped = torch.minimum(bins, limit)
    excess = pixels - clipped.sum(dim=1, keepdim=True)
    # A tile without pixels is taken to hold one, spread evenly.
    excess, pixels = torch.where(pixels == 0, 1, excess), pixels.clamp(min=1)
    middles = 2 * torch.arange(LEVELS, device=bins.device) + 1
    doubled = 2 * torch.cumsum(clipped, dim=1) - clipped
    return (LEVELS * doubled + excess * middles).to(torch.float64) / (2 * LEVELS * pixels)


def equalise_tiles(counts: Tensor, span: Tensor, curves: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Brightness of counts by the curves of the four nearest tiles, bilinear between their middles.

    Along a curve it is linear between the middles of bins, and level beyond the outermost ones.

    Args:
        counts: [H, W] uint8, uint16 or float32.
        span: [2] float32, low and high count.
        curves: [TILES * TILES, LEVELS] float32 in 0..1.
        out: [H, W] float32 to write into.

    Returns:
        [H, W] float32 in 0..1.
    """
    height, width = counts.shape
    level, next_level, up = _between(normalise(counts, span) * LEVELS - 0.5, LEVELS)
    top, bottom, down = (part[:, None] for part in tiles_of(height, counts.device))
    left, right, across = tiles_of(width, counts.device)
    flat = curves.reshape(-1)

    def look_up(row: Tensor, column: Tensor) -> Tensor:
        first = (row * TILES + column) * LEVELS
        return torch.lerp(flat[first + level], flat[first + next_level], up)

    upper = torch.lerp(look_up(top, left), look_up(top, right), across)
    lower = torch.lerp(look_up(bottom, left), look_up(bottom, right), across)
    return deliver(torch.lerp(upper, lower, down), out, torch.float32)


def tiles_of(pixels: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """The tiles whose middles lie around each pixel of a row or column."""
    places = torch.arange(pixels, dtype=torch.float32, device=device) + 0.5
    return _between(places * TILES / pixels - 0.5, TILES)


def _between(places: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Whole places beside each one, held to 0..size - 1, and how far it lies past the first."""
    inside = places.clamp(0, size - 1)
    before = inside.floor()
    after = (before + 1).clamp(max=size - 1)
    return before.to(torch.int64), after.to(torch.int64), inside - before
