"""Transformer blocks of the inference form, on bands of whole rows of windows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from torch import Tensor

from gifnet.folding import FittedSide, FoldedBlock
from gifnet.maps import Border, BorderedMap, FeatureMap, Rows, bands
from gifnet.row_layers import add_product_, apply_linear, attend_windows, convolve_rows, heads_of

_REACH_PX = 2
"""The depth-wise convolution reads as many pixels around what it makes."""


class WindowGrid:
    """The windows of a block on a map; shifted windows and the last ones reach over its edges.

    Attributes:
        height: pixels that the windows cover; their first row is `shift_px` above the map's.
        width: the same to the side.
        window_px: side of a window.
        shift_px: pixels by which the windows begin before the map.
    """

    def __init__(self, block: FoldedBlock, height: int, width: int) -> None:
        self.window_px, self.shift_px = block.window_px, block.shift_px
        self._map_px = height, width
        self.height, self.width = (
            side + self.shift_px + -(side + self.shift_px) % self.window_px for side in (height, width)
        )

    @property
    def border(self) -> Border:
        """The border that the block reads around the map."""
        before = self.shift_px + _REACH_PX
        below, beside = (
            covered - self.shift_px - side + _REACH_PX
            for covered, side in zip((self.height, self.width), self._map_px, strict=True)
        )
        return Border(before, below, before, beside)

    def inside(self, rows: Rows) -> Rows:
        """Rows of the map that rows of the grid cover."""
        return Rows(max(rows.top - self.shift_px, 0), min(rows.bottom - self.shift_px, self._map_px[0]))

    def cut(self, maps: Tensor) -> Tensor:
        """[h, w, C] of whole windows as a view [rows, columns, window_px, window_px, C]."""
        window, (height, width, channels) = self.window_px, maps.shape
        return maps.view(height // window, window, width // window, window, channels).transpose(1, 2)

    def write(self, windows: Tensor, part: Part, values: Tensor) -> None:
        """Put windows [n, window_px**2, C] to their place in a map, without what lies outside of it."""
        high, wide = part.bottom - part.top, part.right - part.left
        pixels = windows.view(high // self.window_px, -1, self.window_px, self.window_px, windows.shape[-1])
        top, left = part.top - self.shift_px, part.left - self.shift_px
        target = values[max(top, 0) : top + high, max(left, 0) : left + wide]
        if target.shape[:2] == (high, wide):
            self.cut(target).copy_(pixels)
            return
        above, before = max(-top, 0), max(-left, 0)
        picture = pixels.transpose(1, 2).reshape(high, wide, -1)
        target.copy_(picture[above : above + target.shape[0], before : before + target.shape[1]])


class Part(NamedTuple):
    """Whole windows of a grid that are worked on at once, in the grid's pixels."""

    top: int
    bottom: int
    left: int
    right: int


class BlockRows:
    """Works off a block in bands.

    Args:
        block: the block.
        grid: its windows.
        sides: features and fitted weights of the main side, and of the other one where it counts.
        part_px: height and about the width of the windows that are worked on at once.
    """

    def __init__(
        self,
        block: FoldedBlock,
        grid: WindowGrid,
        sides: list[tuple[FeatureMap, FittedSide]],
        part_px: tuple[int, int],
    ) -> None:
        self._block, self._grid, self._sides, self._part_px = block, grid, sides, part_px
        self._gate = block.gate.to(sides[0][0].values.dtype)

    def fuse(self, rows: Rows, values: Tensor) -> None:
        """Write the new features of a band of the grid's rows into a map's values."""
        sides = [_SideRows(self._block, self._grid, maps, side, rows) for maps, side in self._sides]
        for part in self._parts(rows):
            fused, query = sides[0].fuse(part)
            for other in sides[1:]:
                fused.addcmul_(other.fuse(part, query)[0], self._gate)
            self._grid.write(fused, part, values)

    def _parts(self, rows: Rows) -> Iterator[Part]:
        high, wide = self._part_px
        window, width = self._grid.window_px, self._grid.width
        columns = max(round(width / wide), 1)
        for top in range(rows.top, rows.bottom, high):
            for left, right in bands(width, window, columns):
                yield Part(top, min(top + high, rows.bottom), left, right)


class _SideRows:
    """One side of a block on a band: what windows share is computed for all of it."""

    def __init__(
        self, block: FoldedBlock, grid: WindowGrid, maps: BorderedMap, side: FittedSide, rows: Rows
    ) -> None:
        self._block, self._grid, self._side, self._top = block, grid, side, rows.top
        top, left = rows.top - grid.shift_px - _REACH_PX, -grid.shift_px - _REACH_PX
        high, wide = rows.bottom - rows.top, grid.width
        around = maps.part(top, left, high + 2 * _REACH_PX, wide + 2 * _REACH_PX)
        value = apply_linear(around, side.value)
        self._local = convolve_rows(value, side.depthwise)
        inside = slice(_REACH_PX, -_REACH_PX)
        self._value, self._features = value[inside, inside], around[inside, inside]

    def fuse(self, part: Part, query: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """New features of some windows, [n, window_px**2, C], and their queries.

        Args:
            part: the windows.
            query: that of the main side where this is the other one.
        """
        side, block = self._side, self._block
        features, value, local = (
            self._cut(maps, part) for maps in (self._features, self._value, self._local)
        )
        fused = features.reshape(-1, block.window_px**2, features.shape[-1])
        query_key = apply_linear(fused, side.query_key)
        own_query, key = heads_of(query_key, block, 2)
        own_value = heads_of(value, block, 1)[0]
        mixed = attend_windows(own_query if query is None else query, key, own_value, block)
        mixed.view(local.shape).add_(local)
        add_product_(fused, mixed, side.project)
        add_product_(fused, apply_linear(fused, side.mlp_in).relu_(), side.mlp_out)
        return fused, own_query

    def _cut(self, maps: Tensor, part: Part) -> Tensor:
        return self._grid.cut(maps[part.top - self._top : part.bottom - self._top, part.left : part.right])
