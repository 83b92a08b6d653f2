"""Arguments of libav for a live stream: address, format and options."""

from __future__ import annotations

from dataclasses import dataclass, field

from stream.config import InputSettings
from stream.errors import RefusedError
from stream.uri import Uri, with_credentials

# Read as little as possible before the first frame, or it is a second old when it comes.
_SMALL_PROBE = {"probesize": "32", "analyzeduration": "0"}
# A transport stream names its codec in tables that come every tenth of a second or so.
_TABLES_PROBE = {"probesize": "200000", "analyzeduration": "500000"}
# Of pictures without boundaries libav would read a megabyte before it believes them, some twenty seconds.
_HTTP_PROBE = {"formatprobesize": "32768"}
_V4L2_OPTIONS = {"size": "video_size", "rate": "framerate", "format": "input_format"}

# Of libav's RTSP client.
_LONGEST_USER = 127

_NETWORK = ("rtsp", "rtsps", "rtmp", "rtmps", "udp", "tcp", "http", "https")
SCHEMES = (*_NETWORK, "v4l2", "screen", "lavfi")


@dataclass(frozen=True, slots=True)
class Address:
    """Arguments of libav.

    Attributes:
        url: with its password.
        format: libav's name, None to find out.
        options: of the demuxer and the protocol.
        stamps: True where time stamps are the time of day.
    """

    url: str
    format: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    stamps: bool = False


def address_of(uri: Uri, settings: InputSettings) -> Address:
    """The address of a live stream for libav.

    Args:
        uri: one of `SCHEMES`.
        settings: of the input.

    Raises:
        RefusedError: an option of the URI is unknown.
    """
    match uri.scheme:
        case "rtsp" | "rtsps":
            # Sound is not asked for: it would keep a session alive whose pictures have stopped.
            options = {"rtsp_transport": settings.transport, "allowed_media_types": "video"}
            return Address(_with_password(uri, settings), "rtsp", {**_SMALL_PROBE, **options})
        case "udp" | "tcp":
            return Address(uri.text, "mpegts", dict(_TABLES_PROBE))
        case "http" | "https":
            # The format (motion JPEG, transport stream, FLV or HLS) is known once it is open. HLS starts one
            # segment before the newest, so that playing it never waits for the next one.
            options = {**_TABLES_PROBE, **_HTTP_PROBE, "live_start_index": "-2"}
            return Address(_with_password(uri, settings), None, options)
        case "rtmp" | "rtmps":
            return Address(uri.text, "flv", {**_SMALL_PROBE, "rtmp_live": "live"})
        case "v4l2":
            return Address(uri.path, "v4l2", _device_options(uri), stamps=True)
        case "screen":
            return Address(uri.path or ":0.0", "x11grab", _device_options(uri), stamps=True)
        case _:
            # Generated pictures come as fast as they are asked for; this filter paces them.
            return Address(uri.text.split("://", 1)[1] + ",realtime", "lavfi")


def is_rtsp_by_tcp(address: Address) -> bool:
    """True for RTSP whose packets come by the connection itself, without encryption."""
    return address.url.lower().startswith("rtsp://") and address.options.get("rtsp_transport") == "tcp"


def _with_password(uri: Uri, settings: InputSettings) -> str:
    password = settings.password.get_secret_value() if settings.password else None
    url = with_credentials(uri.text.strip(), settings.user, password)
    user = url.split("/", 3)[2].rpartition("@")[0]
    if uri.scheme.startswith("rtsp") and len(user) > _LONGEST_USER:
        raise RefusedError(
            f"{uri}: user name and password take {len(user)} characters as URLs write them, and at most "
            f"{_LONGEST_USER} are sent; take shorter ones, with fewer signs other than letters and digits"
        )
    return url


def _device_options(uri: Uri) -> dict[str, str]:
    unknown = sorted(set(uri.options) - set(_V4L2_OPTIONS))
    if unknown:
        known = ", ".join(_V4L2_OPTIONS)
        raise RefusedError(f"{uri}: unknown option {', '.join(unknown)}; known are {known}")
    options = {_V4L2_OPTIONS[key]: value for key, value in uri.options.items()}
    if uri.scheme == "v4l2":
        options["timestamps"] = "abs"
    else:
        options.pop("input_format", None)
    return options
