"""The session description, by which a camera announces its stream before it sends it (RFC 8866)."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

START_CODE = b"\x00\x00\x00\x01"
# Names of codecs in descriptions, and libav's.
CODECS = {"H264": "h264", "H265": "hevc"}
_PARAMETERS = ("sprop-vps", "sprop-sps", "sprop-pps", "sprop-parameter-sets")


@dataclass(frozen=True, slots=True)
class Description:
    """The first video track.

    Attributes:
        codec: libav's name.
        payload_type: of its RTP packets.
        clock_hz: steps of RTP time in a second.
        parameter_sets: with start codes; empty where they come with the pictures.
        track_url: to be set up.
        session_url: to be played.
    """

    codec: str
    payload_type: int
    clock_hz: int
    parameter_sets: bytes
    track_url: str
    session_url: str


def read_description(text: str, base_url: str) -> Description | None:
    """The video track of a description; None where it has none of `CODECS` in the usual form.

    Args:
        text: of the description.
        base_url: which relative URLs in it go by.
    """
    session, *media = re.split(r"(?m)^m=", text)
    track = next((part for part in media if part.startswith("video ")), "")
    codec = re.search(r"(?m)^a=rtpmap:(\d+) +(\w+)/(\d+)", track)
    if not codec or codec[2].upper() not in CODECS or codec[1] not in track.split("\n", 1)[0].split()[3:4]:
        return None
    settings = re.search(rf"(?m)^a=fmtp:{codec[1]} +(.*?)\r?$", track)
    values = _values(settings[1] if settings else "")
    # Packets out of order, which would have to be sorted (RFC 6184, 5.4 and RFC 7798, 7.1).
    if values.get("packetization-mode") == "2" or values.get("sprop-max-don-diff", "0") != "0":
        return None
    session_url = _joined(base_url, _control(session))
    return Description(
        CODECS[codec[2].upper()],
        int(codec[1]),
        int(codec[3]),
        _parameter_sets(values),
        _joined(session_url, _control(track)),
        session_url,
    )


def _values(settings: str) -> dict[str, str]:
    pairs = (setting.partition("=") for setting in settings.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _parameter_sets(values: dict[str, str]) -> bytes:
    units = ",".join(values[name] for name in _PARAMETERS if name in values).split(",")
    try:
        return b"".join(START_CODE + base64.b64decode(unit, validate=True) for unit in units if unit)
    except binascii.Error:
        return b""


def _control(part: str) -> str:
    found = re.search(r"(?m)^a=control:(.*?)\s*$", part)
    return found[1].strip() if found else "*"


def _joined(base_url: str, control: str) -> str:
    if control in ("*", ""):
        return base_url
    if "://" in control:
        return control
    return f"{base_url.rstrip('/')}/{control}"
