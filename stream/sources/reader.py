"""What the sources of recorded and generated frames share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from types import TracebackType
from typing import Literal, Self

from stream.frame import Frame
from stream.sources.base import SourceInfo

Role = Literal["visible", "thermal"]


class Reader:
    """A source that reads its frames once through; subclasses write `_read`.

    Attributes:
        stored_format: pixel format before conversion, for people.
        stored_bits: significant bits of a value before conversion.
        rotation: degrees counter-clockwise by which frames were turned to stand upright.
    """

    info: SourceInfo
    stored_format: str = ""
    stored_bits: int = 8

    def __init__(self) -> None:
        self.rotation = 0
        self.lost: Counter[str] = Counter()
        self._frames: Iterator[Frame] | None = None

    def _read(self) -> Iterator[Frame]:
        raise NotImplementedError

    def __iter__(self) -> Iterator[Frame]:
        """Frames in the order of their times; a second call goes on where the first one stopped."""
        if self._frames is None:
            self._frames = self._read()
        return self._frames

    def _end_reading(self) -> None:
        """Close the iteration where it stands, with all that it holds."""
        frames, self._frames = self._frames, iter(())
        if isinstance(frames, Generator):
            frames.close()

    def close(self) -> None:
        """Release everything; may be called twice."""
        self._end_reading()

    def __enter__(self) -> Self:
        """The source itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()
