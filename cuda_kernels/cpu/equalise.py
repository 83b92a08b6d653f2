"""Adaptive equalisation and detail enhancement on a CPU; see `cuda_kernels.cpu`."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cuda_kernels import reference
from cuda_kernels.cpu.geometry import remap, remaps_exactly
from cuda_kernels.cpu.thermal import normalise
from cuda_kernels.reference.detail import EDGE, RADIUS
from cuda_kernels.reference.equalise import LEVELS, TILES, limited_curves, tiles_of

_WINDOW = (2 * RADIUS + 1, 2 * RADIUS + 1)


def tile_curves(counts: Tensor, span: Tensor, contrast: float, *, out: Tensor | None = None) -> Tensor:
    """As `reference.tile_curves`."""
    levels = normalise(counts, span).mul_(LEVELS).clamp_(max=LEVELS - 1).to(torch.int32)
    places = levels.add_(_first_bins(tuple(counts.shape))).reshape(-1)
    bins = torch.bincount(places, minlength=TILES * TILES * LEVELS).reshape(-1, LEVELS)
    curves = limited_curves(bins, contrast)
    return curves.to(torch.float32) if out is None else out.copy_(curves)


def equalise_tiles(counts: Tensor, span: Tensor, curves: Tensor, *, out: Tensor | None = None) -> Tensor:
    """As `reference.equalise_tiles`: curves are the rows of a picture, which is looked up in twice."""
    if not remaps_exactly():
        return reference.equalise_tiles(counts, span, curves, out=out)
    levels = normalise(counts, span).mul_(LEVELS).sub_(0.5).clamp_(0, LEVELS - 1).numpy()
    above, below, down = _rows_of_curves(tuple(counts.shape))
    upper = remap(curves, levels, above, torch.empty(counts.shape))
    lower = remap(curves, levels, below, torch.empty(counts.shape))
    return torch.lerp(upper, lower, down, out=out)


def enhance(counts: Tensor, span: Tensor, gain: float, *, out: Tensor | None = None) -> Tensor:
    """As `reference.enhance`."""
    stored, edge = counts.numpy(), EDGE * float(span[1] - span[0])
    mean = torch.from_numpy(cv2.boxFilter(stored, cv2.CV_64F, _WINDOW, borderType=cv2.BORDER_REPLICATE))
    squares = cv2.sqrBoxFilter(stored, cv2.CV_64F, _WINDOW, borderType=cv2.BORDER_REPLICATE)
    variance = torch.from_numpy(squares).sub_(mean.square()).to(torch.float32).clamp_(min=0)
    flat = variance.add_(edge * edge).clamp_(min=1e-12).reciprocal_().mul_(edge * edge)
    # Counted from a value amid the others, float32 has figures enough.
    middle = float(stored.reshape(-1)[len(stored.reshape(-1)) // 2])
    drop = _window_mean(mean.sub_(middle).to(torch.float32).mul_(flat))
    plain = counts.to(torch.float32)
    detail = (plain - middle).mul_(_window_mean(flat)).sub_(drop)
    return torch.add(plain, detail, alpha=gain - 1, out=out)


def _window_mean(plane: Tensor) -> Tensor:
    mean = cv2.boxFilter(plane.numpy(), cv2.CV_32F, _WINDOW, borderType=cv2.BORDER_REPLICATE)
    return torch.from_numpy(mean)


@lru_cache(maxsize=4)
def _first_bins(shape: tuple[int, int]) -> Tensor:
    """The first bin of the tile of each pixel; [H, W] int32."""
    down, across = (torch.arange(size, dtype=torch.int32) * TILES // size for size in shape)
    return (down[:, None] * TILES + across) * LEVELS


@lru_cache(maxsize=4)
def _rows_of_curves(shape: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32], Tensor]:
    """For each pixel where its curve lies among those of the tiles above and below; and [H, 1] shares."""
    top, bottom, down = tiles_of(shape[0], torch.device("cpu"))
    left, _, past = tiles_of(shape[1], torch.device("cpu"))
    along = left + past
    above, below = ((row[:, None] * TILES + along).contiguous().numpy() for row in (top, bottom))
    return above, below, down[:, None]
