"""A sink that counts frames and keeps none, to measure everything before it."""

from __future__ import annotations

from stream.frame import FusedFrame
from stream.render.views import render
from stream.sinks.base import SinkBase, SinkOptions


class NullSink(SinkBase):
    """Renders the view, as every sink does, and forgets it."""

    def __init__(self, options: SinkOptions) -> None:
        self.written = 0
        self._view = options.view

    def write(self, frame: FusedFrame) -> None:
        """Count one frame."""
        render(frame, self._view)
        self.written += 1

    def close(self) -> None:
        """Nothing is held."""
