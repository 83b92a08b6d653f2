"""A live source whose frames are each changed a little on their way."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from stream.frame import Frame
from stream.sources.base import Source
from stream.sources.reader import Reader


class Trimmed(Reader):
    """The frames of another source, each as a function gives it back."""

    def __init__(self, inner: Source, change: Callable[[Frame], Frame]) -> None:
        super().__init__()
        self._inner, self._change = inner, change
        self.info, self.lost = inner.info, inner.lost

    def _read(self) -> Iterator[Frame]:
        for frame in self._inner:
            yield self._change(frame)

    def close(self) -> None:
        """Close the other source; may be called twice."""
        self._end_reading()
        self._inner.close()
