"""A sink that counts frames and keeps none, to measure everything before it."""

from __future__ import annotations

from typing import ClassVar

from stream.config.outputs import ShownColours, ShownView
from stream.frame import FusedFrame
from stream.render.views import render
from stream.sinks.base import SinkBase, SinkOptions
from stream.sinks.settings import SinkSettings


class NullSettings(SinkSettings):
    """`null://`."""

    schemes: ClassVar = {"null": False}
    form: ClassVar = "null://"
    kind: ClassVar = "an output that keeps nothing"

    view: ShownView = "fused"
    colour_map: ShownColours = "heat"

    def open(self, options: SinkOptions) -> NullSink:
        """A sink that keeps nothing."""
        return NullSink(self.over(options))


class NullSink(SinkBase):
    """Renders the view, as every sink does, and drops it."""

    def __init__(self, options: SinkOptions) -> None:
        self.written = 0
        self._view, self._colour_map = options.view, options.colour_map

    def write(self, frame: FusedFrame) -> None:
        """Count one frame."""
        render(frame, self._view, self._colour_map)
        self.written += 1

    def close(self) -> None:
        """Nothing is held."""
