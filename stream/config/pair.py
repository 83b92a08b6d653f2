"""One device with a visible and a thermal channel: both addresses from one."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from stream.errors import ConfigError
from stream.uri import mask, with_credentials

# Paths of the main stream of the first channel, taken for the visible one of a bispectral camera; the thermal
# one is taken to be the next. docs/live.md says which of this the makers document; no device was tried.
MAKERS = {
    "hikvision": "/Streaming/Channels/101",
    "dahua": "/cam/realmonitor?channel=1&subtype=0",
    "axis": "/axis-media/media.amp?camera=1",
}
# The number of the channel in the paths of a maker, wherever it stands, up to what follows it.
_CHANNELS = (
    re.compile(r"(?<=/streaming/channels/)\d{1,3}(?=\d\d(?:[/?]|$))", re.IGNORECASE),
    re.compile(r"(?<=/cam/realmonitor\?channel=)\d{1,3}", re.IGNORECASE),
    re.compile(r"(?<=/axis-media/media\.amp\?camera=)\d{1,3}", re.IGNORECASE),
)
_AXIS_WITHOUT_CAMERA = re.compile(r"^/axis-media/media\.amp\??", re.IGNORECASE)


def with_pair(values: dict[str, Any]) -> dict[str, Any]:
    """Settings with the inputs that `pair` stands for; the thermal side takes the visible one's user too.

    Args:
        values: nested, not yet checked; changed in place.

    Raises:
        ConfigError: `pair` is no such address, or stands beside other inputs.
    """
    uri = values.get("pair")
    if not isinstance(uri, str):
        return values
    addresses = pair_of(uri)
    for side, address in zip(("visible", "thermal"), addresses, strict=True):
        section = values.setdefault(side, {})
        if not isinstance(section, dict):
            continue
        if section.get("uri", address) != address:
            raise ConfigError(f"pair names both cameras; leave out pair, or {side}.uri")
        section["uri"] = address
    visible, thermal = values["visible"], values["thermal"]
    if isinstance(visible, dict) and isinstance(thermal, dict):
        for key in ("user", "password"):
            if key in visible:
                thermal.setdefault(key, visible[key])
    return values


def pair_of(uri: str) -> tuple[str, str]:
    """Addresses of the visible and the thermal channel of a device.

    Args:
        uri: `rtsp://HOST/MAKER` with one of `MAKERS`, or the full address of the visible channel.

    Raises:
        ConfigError: the path is none that is known.
    """
    try:
        parts = urlsplit(with_credentials(uri.strip()))
        is_camera = parts.scheme in ("rtsp", "rtsps") and bool(parts.hostname)
    except ValueError:
        is_camera = False
    if not is_camera:
        raise ConfigError(
            f"pair must be rtsp://HOST/..., as in rtsp://192.168.1.64/hikvision, got {mask(uri)}"
        )
    where = MAKERS.get(parts.path.strip("/").lower(), parts.path + (f"?{parts.query}" if parts.query else ""))
    if "camera=" not in where:
        where = _AXIS_WITHOUT_CAMERA.sub("/axis-media/media.amp?camera=1&", where).rstrip("&")
    for channel in _CHANNELS:
        if channel.search(where):
            next_one = channel.sub(_next, where, count=1)
            return _address(parts, where), _address(parts, next_one)
    raise ConfigError(
        f"pair knows the paths of {', '.join(MAKERS)} (rtsp://HOST/hikvision, or the whole address of "
        f"the visible channel), got {mask(uri)}; name other devices by their two addresses"
    )


def _next(channel: re.Match[str]) -> str:
    return str(int(channel[0]) + 1)


def _address(parts: Any, where: str) -> str:
    path, _, query = where.partition("?")
    return str(urlunsplit((parts.scheme, parts.netloc, path, query, "")))
