"""Addresses that frames are sent on to, and their options for libav."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from stream.errors import SinkError
from stream.files.output_path import check_place
from stream.sinks.images import check_folder
from stream.sinks.restream.hls import check_foreign, muxer_options
from stream.sinks.restream.settings import HlsSettings
from stream.uri import Uri, with_credentials

DEFAULT_SEGMENTS = 6
DEFAULT_SEGMENT_S = 1.0

_H264 = ("libx264", "h264_nvenc")
_FORMATS = {"rtsp": "rtsp", "rtsps": "rtsp", "rtmp": "flv", "rtmps": "flv", "hls": "hls"}
_SERVER_OPTIONS = {
    # One connection, which firewalls let through; libav's timeout is in microseconds.
    "rtsp": {"rtsp_transport": "tcp", "timeout": "2000000"},
    # A stream has no end at which its duration could be written into its beginning.
    "flv": {"flvflags": "no_duration_filesize"},
}
# Encoders for each muxer whose streams common players show.
ENCODERS = {"rtsp": (*_H264, "libx265", "hevc_nvenc"), "flv": _H264, "hls": _H264}


@dataclass(frozen=True, slots=True)
class Address:
    """Arguments of libav.

    Attributes:
        url: of the server, with its password; or the playlist's path.
        format: libav's name of the muxer.
        options: of the muxer.
        playlist: of HLS; None for others.
    """

    url: str
    format: str
    options: dict[str, str] = field(default_factory=dict)
    playlist: Path | None = None

    @property
    def kind(self) -> str:
        """Name of the protocol, for messages."""
        return {"rtsp": "RTSP", "flv": "RTMP", "hls": "HLS"}[self.format]


def address_of(uri: Uri, live: bool, segment_s: float | None) -> Address:
    """Check a URI and translate it.

    Args:
        uri: `rtsp://`, `rtsps://`, `rtmp://` or `rtmps://` of a server, `hls://FOLDER`, or a playlist's path.
        live: True when frames come from cameras.
        segment_s: seconds of an HLS segment, None for one second.

    Raises:
        SinkError: says what is wrong with it.
    """
    if uri.scheme in ("", "file", "hls"):
        return _playlist(uri, live, segment_s or DEFAULT_SEGMENT_S)
    _check_server(uri)
    format_name = _FORMATS[uri.scheme]
    return Address(with_credentials(uri.text), format_name, dict(_SERVER_OPTIONS[format_name]))


def _check_server(uri: Uri) -> None:
    example = f"{uri.scheme}://HOST/{'NAME' if uri.scheme.startswith('rtsp') else 'APP/NAME'}"
    try:
        parts = urlsplit(with_credentials(uri.text))
        usable = bool(parts.hostname) and parts.port != 0 and bool(parts.path.strip("/"))
    except ValueError:
        usable = False
    if not usable:
        raise SinkError(f"{uri} is not the address of a stream on a server; write {example}")


def _playlist(uri: Uri, live: bool, segment_s: float) -> Address:
    settings = HlsSettings.read(uri, {})
    segments = settings.segments
    if segments is None:
        segments = DEFAULT_SEGMENTS if live else 0
    path = settings.playlist()
    if path == Path(uri.path):
        check_place(path)
    else:
        check_folder(path.parent)
    check_foreign(path)
    path = path.absolute()  # a relative one may look like a URL
    if "%" in str(path):
        raise SinkError(f"{uri}: libav numbers segments by a % in their names; name a path without one")
    return Address(str(path), "hls", muxer_options(path, segments, segment_s, live), path)
