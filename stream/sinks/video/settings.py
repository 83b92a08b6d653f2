"""Settings of a video file."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from stream.config.outputs import (
    Audio,
    EncoderName,
    FreeSpace,
    Quality,
    SegmentBytes,
    SegmentLength,
    ShownColours,
    ShownView,
    WithSidecar,
)
from stream.sinks.base import Sink, SinkOptions
from stream.sinks.settings import SinkSettings
from stream.uri import Uri

# Suffix -> libav's name of the container.
CONTAINERS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}
SIDECAR_SUFFIX = ".jsonl"


class VideoSettings(SinkSettings):
    """A path that ends in a suffix of `CONTAINERS`."""

    schemes: ClassVar = {"": True, "file": True}
    form: ClassVar = "a file *.mp4, *.mkv or *.mov"
    kind: ClassVar = "a video file"

    view: ShownView = "fused"
    colour_map: ShownColours = "heat"
    encoder: EncoderName = None
    quality: Quality = None
    audio: Audio = True
    segment_s: SegmentLength = None
    segment_mb: SegmentBytes = None
    keep_free_mb: FreeSpace = None
    sidecar: WithSidecar = False

    @classmethod
    def claims(cls, uri: Uri) -> bool:
        """True for a path of a video file."""
        path = Path(uri.path)
        known = uri.scheme in cls.schemes and path.suffix.lower() in CONTAINERS
        return known and not uri.path.endswith("/") and not path.is_dir()

    def places(self) -> list[Path]:
        """The file, and the sidecar beside it."""
        path = self.path()
        return [path, path.with_suffix(SIDECAR_SUFFIX)] if self.sidecar else [path]

    def open(self, options: SinkOptions) -> Sink:
        """A sink of one file, or of file after file where they may have to change."""
        from stream.sinks.video.segments import SegmentedSink
        from stream.sinks.video.sink import VideoSink

        options = self.over(options)
        if not self.audio:
            options = options.without_audio()
        segmented = options.live or options.sidecar or options.keep_free_mb is not None
        if segmented or options.segment_s is not None or options.segment_mb is not None:
            return SegmentedSink(self.path(), options)
        return VideoSink(self.path(), options)
