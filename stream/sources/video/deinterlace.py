"""Interlaced video: the two half pictures of a frame, taken one after the other, become one whole picture."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
from av import VideoFrame
from av.filter import Graph

from stream.config import Deinterlace

Timed = tuple[VideoFrame, Fraction]
# One picture a frame, of its first half.
OPTIONS = "mode=send_frame:parity=auto:deint="


def deinterlaced(pictures: Iterable[Timed], wanted: Deinterlace) -> Iterator[Timed]:
    """Pictures without combs, each at the time of its frame.

    Args:
        pictures: decoded frames and their times in seconds.
        wanted: `auto` touches only frames that are marked as interlaced, `on` all, `off` none.

    Yields:
        As many, one frame later than they came.
    """
    weaver: Deinterlacer | None = None
    for picture, time_s in pictures:
        # Pictures on a GPU stay as they are: what is interlaced from its start is decoded by the CPU.
        if weaver is None and to_weave(picture, wanted) and picture.format.name != "cuda":
            weaver = Deinterlacer(picture, every=wanted == "on")
        if weaver is None:
            yield picture, time_s
        else:
            yield from weaver.push(picture, time_s)
    if weaver is not None:
        yield from weaver.end()


def to_weave(picture: VideoFrame, wanted: Deinterlace) -> bool:
    """True when a decoded frame is to be deinterlaced."""
    return wanted == "on" or (wanted == "auto" and picture.interlaced_frame)


class Deinterlacer:
    """libav's `bwdif`, which fills missing lines from the same half picture and those around it in time."""

    def __init__(self, first: VideoFrame, every: bool) -> None:
        """Set the filter up for frames like the first one; `every` frame, or those marked as interlaced."""
        self._graph = Graph()
        source = self._graph.add_buffer(
            width=first.width, height=first.height, format=first.format, time_base=Fraction(1, 1000)
        )
        weaver, sink = (
            self._graph.add("bwdif", OPTIONS + ("all" if every else "interlaced")),
            self._graph.add("buffersink"),
        )
        source.link_to(weaver)
        weaver.link_to(sink)
        self._graph.configure()
        self._times_s: deque[Fraction] = deque()
        self._count = 0

    def push(self, picture: VideoFrame, time_s: Fraction) -> Iterator[Timed]:
        """Add one frame, and get the finished ones."""
        self._times_s.append(time_s)
        # The filter counts in stamps of its own; those of the file may be missing.
        picture.pts, self._count = self._count, self._count + 1
        self._graph.push(picture)
        return self._ready()

    def end(self) -> Iterator[Timed]:
        """Get the remaining frames."""
        self._graph.push(None)
        return self._ready()

    def _ready(self) -> Iterator[Timed]:
        while True:
            try:
                picture = self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            assert isinstance(picture, VideoFrame)
            yield picture, self._times_s.popleft()
