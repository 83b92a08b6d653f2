"""Maps [H, W, C] with a border of reflections around them, and memory that is used again and again."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from gifnet.config import PAD_MULTIPLE_PX
from gifnet.folding import FittedSide, FoldedSide


class Border(NamedTuple):
    """Pixels of reflection beyond the sides of a map."""

    top: int
    bottom: int
    left: int
    right: int

    @classmethod
    def even(cls, margin: int) -> Border:
        """The same on all sides."""
        return cls(margin, margin, margin, margin)


class Rows(NamedTuple):
    """A band of rows from edge to edge, which one thread works on."""

    top: int
    bottom: int


def bands(height: int, unit: int, count: int) -> Iterator[Rows]:
    """At most `count` bands of about the same height, in units of rows; the last one ends at the height."""
    units = -(-height // unit)
    count = min(count, units)
    edges = [index * units // count * unit for index in range(count + 1)]
    for top, bottom in itertools.pairwise(edges):
        yield Rows(top, min(bottom, height))


class Memory:
    """Named pieces of memory that are taken again and again; what a name held before is overwritten."""

    def __init__(self, dtype: torch.dtype, device: torch.device) -> None:
        self._dtype, self._device = dtype, device
        self._pieces: dict[str, Tensor] = {}

    def take(self, name: str, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
        """An uninitialised tensor of this shape."""
        size = math.prod(shape)
        piece = self._pieces.get(name)
        if piece is None or piece.numel() < size:
            piece = self._pieces[name] = torch.empty(size, dtype=dtype or self._dtype, device=self._device)
        return piece[:size].view(shape)


class Scratch(threading.local):
    """Memory of each thread for what lives no longer than a band.

    Attributes:
        memory: of the thread that asks.
    """

    def __init__(self, dtype: torch.dtype, device: torch.device) -> None:
        self.memory = Memory(dtype, device)


class BorderedMap:
    """Values [H, W, C] and around them what reflection gives, so that readers need no copy at the edges.

    Beyond an edge lies first what fills the map up to sides that divide by 4, then the reflection of that.

    Attributes:
        whole: with the border, [H + top + bottom, W + left + right, C].
        values: [H, W, C], a view.
        border: its widths in pixels.
    """

    def __init__(self, memory: Memory, name: str, shape: tuple[int, int, int], border: Border) -> None:
        height, width, channels = shape
        top, bottom, left, right = self.border = border
        self.whole = memory.take(name, height + top + bottom, width + left + right, channels)
        self.values = self.whole[top : top + height, left : left + width]

    def part(self, top: int, left: int, high: int, wide: int) -> Tensor:
        """A view of a rectangle, which may reach into the border."""
        top, left = top + self.border.top, left + self.border.left
        return self.whole[top : top + high, left : left + wide]

    def rows(self, rows: Rows, margin: int, width: int) -> Tensor:
        """A view of rows of that width with a margin on all sides, as far as the border reaches."""
        high = rows.bottom - rows.top
        return self.part(rows.top - margin, -margin, high + 2 * margin, width + 2 * margin)

    def reflect(self, channels: slice = slice(None)) -> None:
        """Fill the border of these channels, after the values are written."""
        whole = self.whole[..., channels]
        height, width = self.values.shape[:2]
        for dimension, length, before in ((0, height, self.border.top), (1, width, self.border.left)):
            for place in range(whole.shape[dimension]):
                if not before <= place < before + length:
                    source = before + _mirrored(place - before, length)
                    whole.select(dimension, place).copy_(whole.select(dimension, source))


class FeatureMap(BorderedMap):
    """Features of which a constant a channel, the offset, is kept apart; knows their statistics."""

    def __init__(
        self,
        memory: Memory,
        name: str,
        shape: tuple[int, int, int],
        border: Border,
        offset: Tensor | None = None,
    ) -> None:
        super().__init__(memory, name, shape, border)
        self.offset = torch.zeros(shape[2], device=self.values.device) if offset is None else offset
        # By the first row of bands: sums over channels, and of squares.
        self._sums: dict[int, tuple[Tensor, Tensor]] = {}

    def count(self, rows: Rows, memory: Memory) -> None:
        """Add written rows to the statistics: float32 within them, float64 across bands."""
        part = self.values[rows.top : rows.bottom]
        exact = memory.take("statistics", *part.shape, dtype=torch.float32).copy_(part)
        exact = exact.view(-1, part.shape[-1])
        self._sums[rows.top] = exact.sum(dim=0), torch.linalg.vector_norm(exact)

    def fit(self, side: FoldedSide, dtype: torch.dtype) -> FittedSide:
        """The side's weights for this frame."""
        mean, variance = self.statistics()
        return side.fit(mean.float(), variance.float(), self.offset, dtype)

    def statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and variance over channels and pixels, float64."""
        pixels, offset = self.values.shape[0] * self.values.shape[1], self.offset.double()
        count = pixels * len(offset)
        # In one order, whichever band was done first.
        parts, norms = zip(*(self._sums[top] for top in sorted(self._sums)), strict=True)
        sums, own_squares = torch.stack(parts).double().sum(dim=0), torch.stack(norms).double().square().sum()
        mean = (sums + pixels * offset).sum() / count
        squares = own_squares + (2 * offset * sums + pixels * offset.square()).sum()
        return mean, (squares / count - mean.square()).clamp_min(0)


def _mirrored(place: int, length: int) -> int:
    """The place inside a map that one outside shows."""
    for size in (length + -length % PAD_MULTIPLE_PX, length):
        place = abs(place)
        place = place if place < size else 2 * (size - 1) - place
    return place
