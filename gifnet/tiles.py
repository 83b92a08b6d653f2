"""Rectangles of [H, W, C] maps: tiles, and their surroundings with reflection at the border."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from gifnet.config import PAD_MULTIPLE_PX
from gifnet.folding import FoldedBlock


class Region(NamedTuple):
    """A rectangle of a map; it may reach over the border, where the map is reflected."""

    top: int
    bottom: int
    left: int
    right: int

    def grown(self, margin: int) -> Region:
        """The rectangle with a margin on all four sides."""
        return Region(self.top - margin, self.bottom + margin, self.left - margin, self.right + margin)

    def seen_from(self, other: Region) -> Region:
        """The rectangle in coordinates that begin at the other one's corner."""
        top, left = other.top, other.left
        return Region(self.top - top, self.bottom - top, self.left - left, self.right - left)


def tiles_of(maps: Tensor, tile_px: tuple[int, int]) -> Iterator[Region]:
    """Tiles of at most that height and width that cover [H, W, C] maps."""
    return _cut(Region(0, maps.shape[0], 0, maps.shape[1]), tile_px)


def window_tiles(maps: Tensor, block: FoldedBlock, tile_px: tuple[int, int]) -> Iterator[Region]:
    """Tiles of whole attention windows; shifted windows and the last ones reach over the border."""
    height, width = maps.shape[:2]
    shift, window = block.shift_px, block.window_px
    bottom = height + -(height + shift) % window
    right = width + -(width + shift) % window
    return _cut(Region(-shift, bottom, -shift, right), tile_px)


def _cut(whole: Region, tile_px: tuple[int, int]) -> Iterator[Region]:
    height, width = tile_px
    for top in range(whole.top, whole.bottom, height):
        for left in range(whole.left, whole.right, width):
            yield Region(top, min(top + height, whole.bottom), left, min(left + width, whole.right))


def clipped(tile: Region, maps: Tensor) -> Region:
    """The part of a region that lies inside [H, W, C] maps."""
    height, width = maps.shape[:2]
    return Region(max(tile.top, 0), min(tile.bottom, height), max(tile.left, 0), min(tile.right, width))


def part_of(maps: Tensor, tile: Region) -> Tensor:
    """A view of a region of [H, W, C] maps; the region lies inside them."""
    return maps[tile.top : tile.bottom, tile.left : tile.right]


def reflected(maps: Tensor, region: Region) -> Tensor:
    """A region of [H, W, C]; what lies outside the map is reflected at its border."""
    height, width = maps.shape[:2]
    inside = clipped(region, maps)
    part = part_of(maps, inside)
    if inside == region:
        return part
    over = (
        inside.left - region.left,
        region.right - inside.right,
        inside.top - region.top,
        region.bottom - inside.bottom,
    )
    if max(over[:2]) < part.shape[1] and max(over[2:]) < part.shape[0]:
        return as_map(F.pad(as_channels_last(part), over, mode="reflect"))
    # A sliver at the border of the map: what is reflected into it lies in the neighbouring tile.
    rows = _reflected_index(region.top, region.bottom, height, maps.device)
    columns = _reflected_index(region.left, region.right, width, maps.device)
    return maps[rows[:, None], columns]


def _reflected_index(start: int, stop: int, length: int, device: torch.device) -> Tensor:
    index = torch.arange(start, stop, device=device).abs()
    return torch.where(index < length, index, 2 * (length - 1) - index)


def padded(features: Tensor) -> Tensor:
    """[H, W, C] reflected at the bottom and right so that both sides divide by 4."""
    height, width = features.shape[:2]
    return reflected(
        features, Region(0, height + -height % PAD_MULTIPLE_PX, 0, width + -width % PAD_MULTIPLE_PX)
    )


def as_channels_last(maps: Tensor) -> Tensor:
    """[H, W, C] as [1, C, H, W] in channels-last order."""
    # The batch dimension goes in before the permutation: torch would not see channels-last strides otherwise.
    return maps[None].permute(0, 3, 1, 2)


def as_map(maps: Tensor) -> Tensor:
    """[1, C, H, W] in channels-last order as [H, W, C]."""
    return maps[0].permute(1, 2, 0)
