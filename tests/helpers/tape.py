"""A recording made of thin air."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from stream.frame import Frame
from stream.sources.base import SourceBase, SourceInfo

RATE = 10


class Tape(SourceBase):
    """A recording of a hundred frames, ten a second, each with its number as its brightness."""

    def __init__(self, count: int = 100, begin_s: Fraction | int = 7) -> None:
        super().__init__()
        self.info = SourceInfo("tape", 64, 48, "gray8", rate=Fraction(RATE), frames=count)
        self._count, self._begin_s = count, begin_s
        self.closed = False

    def _read(self) -> Iterator[Frame]:
        for index in range(self._count):
            pixels = np.full((48, 64), index, np.uint8)
            yield Frame(pixels, "gray8", self._begin_s + Fraction(index, RATE), "pts", index)

    def close(self) -> None:
        self.closed = True


def numbers(frames: list[Frame]) -> list[int]:
    """The number of each frame, by its brightness."""
    return [int(np.asarray(frame.pixels)[0, 0]) for frame in frames]
