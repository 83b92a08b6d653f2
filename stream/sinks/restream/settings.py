"""Settings of the sinks that send frames on to a server or into a playlist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar, Self

from pydantic import field_validator, model_validator

from stream.config.outputs import EncoderName, Quality, SegmentLength, ShownColours, ShownView
from stream.sinks.base import Sink, SinkOptions
from stream.sinks.settings import SinkSettings, name_folder
from stream.uri import Uri, parse_uri

PLAYLIST_SUFFIX = ".m3u8"
DEFAULT_PLAYLIST = "index" + PLAYLIST_SUFFIX
MOST_SEGMENTS = 100_000


class _RestreamSettings(SinkSettings):
    view: ShownView = "fused"
    colour_map: ShownColours = "heat"
    encoder: EncoderName = None
    quality: Quality = None

    def open(self, options: SinkOptions) -> Sink:
        """A sink with a process of its own."""
        from stream.sinks.restream.sink import OnwardSink

        return OnwardSink(parse_uri(self.uri), self.over(options))


class ServerSettings(_RestreamSettings):
    """An RTSP or RTMP server, to which the query of the URI belongs."""

    schemes: ClassVar = {"rtsp": False, "rtsps": False, "rtmp": False, "rtmps": False}
    form: ClassVar = "rtsp://HOST/NAME, rtmp://HOST/APP/NAME"
    kind: ClassVar = "an RTSP or RTMP server"
    reads_query: ClassVar = False


class HlsSettings(_RestreamSettings):
    """A folder of segments and their playlist."""

    schemes: ClassVar = {"hls": True}
    form: ClassVar = "hls://FOLDER or a file *.m3u8"
    kind: ClassVar = "HLS"

    segment_s: SegmentLength = None
    segments: int | None = None

    @classmethod
    def claims(cls, uri: Uri) -> bool:
        """True for `hls://` and for a path of a playlist."""
        plain = uri.scheme in ("", "file") and uri.path.lower().endswith(PLAYLIST_SUFFIX)
        return uri.scheme in cls.schemes or (plain and not Path(uri.path).is_dir())

    @field_validator("segments", mode="before")
    @classmethod
    def _whole_number(cls, value: object) -> int | None:
        text = str(value)
        if value is None:
            return None
        if not text.isascii() or not text.isdigit() or int(text[:7]) > MOST_SEGMENTS or int(text) in (1, 2):
            raise ValueError(
                f"segments must be a whole number from 3 to {MOST_SEGMENTS}, or 0 for all, got {text!r}"
            )
        return int(text)

    @model_validator(mode="after")
    def _has_folder(self) -> Self:
        name_folder(self.uri, "hls://FOLDER")
        return self

    def playlist(self) -> Path:
        """Path of the playlist."""
        path = self.path()
        is_file = path.suffix.lower() == PLAYLIST_SUFFIX and not path.is_dir()
        return path if is_file else path / DEFAULT_PLAYLIST

    def replaces(self, path: Path) -> bool:
        """True for the playlist and for segments that have its name."""
        playlist = self.playlist()
        own = re.fullmatch(rf"{re.escape(playlist.stem)}-\d+\.ts(\.tmp)?", path.name)
        return path.resolve().parent == playlist.resolve().parent and bool(own or path.name == playlist.name)
