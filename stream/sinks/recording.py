"""A sink that keeps the frames that were fused, so that they can be fused again."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

from pydantic import model_validator

from stream.config.outputs import FreeSpace, SegmentBytes, SegmentLength
from stream.frame import FusedFrame
from stream.recording.writer import RecordingWriter
from stream.sinks.base import SinkBase, SinkOptions
from stream.sinks.settings import SinkSettings, name_folder


class RecordingSettings(SinkSettings):
    """`recording://FOLDER`."""

    schemes: ClassVar = {"recording": True}
    form: ClassVar = "recording://FOLDER"
    kind: ClassVar = "a recording"

    segment_s: SegmentLength = None
    segment_mb: SegmentBytes = None
    keep_free_mb: FreeSpace = None

    @model_validator(mode="after")
    def _has_folder(self) -> Self:
        name_folder(self.uri, "recording://FOLDER")
        return self

    def open(self, options: SinkOptions) -> RecordingSink:
        """A sink of both cameras' frames."""
        return RecordingSink(self.path(), self.over(options))


class RecordingSink(SinkBase):
    """Writes both cameras' frames of everything that was fused, exactly, and how they were paired.

    Frames that reached no pair are not among them; `gifnet record` keeps those too.
    """

    def __init__(self, folder: Path, options: SinkOptions) -> None:
        """Make the folder.

        Raises:
            SinkError: it holds a recording already, or cannot be made.
        """
        self.written = 0
        self._writer = RecordingWriter(
            folder, {}, options.segment_s, options.segment_mb, options.keep_free_mb
        )

    def write(self, frame: FusedFrame) -> None:
        """Write the frames of a frame set that were not written with an earlier one.

        Raises:
            SinkError: when they cannot be written.
        """
        pair = frame.pair
        if pair.visible is not None:
            self._writer.add_frame("visible", pair.visible)
        if pair.thermal is not None and self._writer.number("thermal", pair.thermal) is None:
            self._writer.add_frame("thermal", pair.thermal)
        self._writer.add_frame_set(pair)
        self.written = self._writer.frame_sets
        self.skipped = self._writer.skipped["visible"]

    def close(self) -> None:
        """Finish the recording; may be called twice."""
        self._writer.close()
