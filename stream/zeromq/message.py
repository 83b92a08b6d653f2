"""The message in which a fused frame travels, version 1; needs numpy only.

Three parts, `[topic, header, payload]`: topic `<stream>/<view>`; header JSON in UTF-8, see
`frame_message.schema.json`; payload the picture's bytes, row-major, or a JPEG file. For readers that want the
latest frame only, the same in one part, since ZeroMQ's CONFLATE keeps one part of a message:

    latest/<stream>/<view> NUL  header length, 4 bytes little-endian  header  payload
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.picture_size import MOST_PIXELS, is_bounded, picture_size

SCHEMA = "gifnet.frame/1"
SCHEMA_NAME = "gifnet.frame/"
VIEWS = ("fused", "visible", "thermal")
ENCODINGS = ("raw", "jpeg")
CLOCKS = ("device", "rtcp", "v4l2", "pts", "arrival")
LATEST = b"latest/"
# Largest header in bytes; real ones have some hundred.
LARGEST_HEADER = 65_536
LARGEST_SIDE_PX = 65_535
LARGEST_PICTURE = 3 * MOST_PIXELS
# Of a whole number: 64 bits have 19 digits and a sign.
MOST_DIGITS = 20

_LENGTH = struct.Struct("<I")
_CHANNELS = {"rgb24": 3, "gray8": 1, "gray16le": 1}
# Keys that a message may lack, and those that are not taken over as they are.
_OPTIONAL = {"radiometry", "epoch_ns"}
_SPECIAL = {"shape", "flags", *_OPTIONAL}
_DTYPES: dict[str, np.dtype[Any]] = {
    "rgb24": np.dtype("u1"),
    "gray8": np.dtype("u1"),
    "gray16le": np.dtype("<u2"),
}
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class MessageError(ValueError):
    """Bytes that are not a valid message of a fused frame, or one of another version."""


@dataclass(frozen=True, slots=True)
class Header:
    """The header that travels beside a picture.

    Attributes:
        stream: id of the camera pair.
        view: `fused`, `visible` or `thermal`.
        seq: number of the fused frame, from 0; gaps are frames that did not arrive.
        shape: of the decoded array, [H, W, 3] or [H, W].
        pixel_format: `rgb24`, `gray8` or `gray16le`.
        encoding: `raw` or `jpeg`.
        t_visible_ns: capture time, nanoseconds since 1970 UTC (since the start, for recordings); None where
            that side is absent.
        t_thermal_ns: the same of the thermal frame, on its own clock.
        clock_visible: where that time is from: `device`, `rtcp`, `v4l2`, `pts` or `arrival`.
        clock_thermal: the same of the thermal frame.
        pairing_error_ms: thermal minus visible time after the offset is taken out; None for a single frame.
        flags: of `held`, `single`, `stale`.
        registration: `id` and `sha256` of the calibration; None without one.
        model: `name` and `sha256` of the network.
        latency_ms: from capture to publishing; None where the capture time is no time of day.
        radiometry: what a raw thermal count means in degrees Celsius, for `stream.radiometry.from_json`;
            None, and then no part of the JSON, where that is not known.
        epoch_ns: start of the publisher, nanoseconds since 1970 UTC, from which `seq` counts; None of older
            publishers, which do not say it.
    """

    stream: str
    view: str
    seq: int
    shape: tuple[int, ...]
    pixel_format: str
    encoding: str
    t_visible_ns: int | None
    t_thermal_ns: int | None
    clock_visible: str | None
    clock_thermal: str | None
    pairing_error_ms: float | None
    flags: tuple[str, ...]
    registration: dict[str, str] | None
    model: dict[str, str]
    latency_ms: float | None
    radiometry: dict[str, Any] | None = None
    epoch_ns: int | None = None

    @property
    def topic(self) -> str:
        """`<stream>/<view>`."""
        return f"{self.stream}/{self.view}"

    @property
    def dtype(self) -> str:
        """Of the decoded array, as numpy names it."""
        return _DTYPES[self.pixel_format].name

    def as_json(self) -> bytes:
        """As it travels."""
        values = {"schema": SCHEMA, "stream": self.stream, "view": self.view, "seq": self.seq}
        values |= {"shape": list(self.shape), "dtype": self.dtype, "pixel_format": self.pixel_format}
        names = [name for name in self.__dataclass_fields__ if name not in values]
        values |= {name: getattr(self, name) for name in names} | {"flags": list(self.flags)}
        values = {name: value for name, value in values.items() if name not in _OPTIONAL or value is not None}
        return _encode(values).encode()


def latest_topic(topic: bytes) -> bytes:
    """The first bytes of the one-part form of a topic."""
    return LATEST + topic + b"\0"


def one_part_head(topic: bytes, header: bytes) -> bytes:
    """Everything of the one-part form but the payload."""
    return latest_topic(topic) + _LENGTH.pack(len(header)) + header


def split_one_part(message: memoryview) -> tuple[bytes, memoryview]:
    """Header and payload of the one-part form.

    Raises:
        MessageError: it is none.
    """
    begin = bytes(message[:1024]).find(b"\0") + 1
    if not begin or len(message) < begin + _LENGTH.size:
        raise MessageError("the message has no topic and length")
    (length,) = _LENGTH.unpack(message[begin : begin + _LENGTH.size])
    end = begin + _LENGTH.size + length
    if length > LARGEST_HEADER or end > len(message):
        raise MessageError(f"the message states a header of {length} bytes and has {len(message)} in all")
    return bytes(message[begin + _LENGTH.size : end]), message[end:]


def parse_header(data: bytes) -> Header:
    """Read and check a header.

    Raises:
        MessageError: it is none, or of another version.
    """
    if len(data) > LARGEST_HEADER:
        raise MessageError(f"a header of {len(data)} bytes is none; at most {LARGEST_HEADER} are allowed")
    try:
        values = json.loads(data, parse_constant=_no_number, parse_int=_whole_number)
    except (ValueError, RecursionError):
        raise MessageError("the header is not JSON") from None
    if not isinstance(values, dict):
        raise MessageError("the header is no JSON object")
    schema = values.get("schema")
    if schema != SCHEMA:
        ours = isinstance(schema, str) and schema.startswith(SCHEMA_NAME)
        remedy = "; update this client" if ours else ""
        raise MessageError(f"the message is {str(schema)[:60]!r}, and this client reads {SCHEMA!r}{remedy}")
    try:
        return _header(values)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise MessageError(f"the header is wrong: {error}") from None


def decode_payload(header: Header, payload: memoryview, largest_bytes: int = LARGEST_PICTURE) -> NDArray[Any]:
    """The picture; raw ones share memory with the payload and are read-only.

    Args:
        header: of the message.
        payload: the picture as it came.
        largest_bytes: of the decoded picture.

    Raises:
        MessageError: the payload does not fit the header, or the picture is too large.
    """
    if header.encoding == "jpeg":
        return _decode_jpeg(header, payload, largest_bytes)
    dtype = _DTYPES[header.pixel_format]
    wanted = math.prod(header.shape) * dtype.itemsize
    if len(payload) != wanted:
        raise MessageError(f"the payload has {len(payload)} bytes where {header.shape} needs {wanted}")
    pixels = np.frombuffer(payload, dtype=dtype).reshape(header.shape)
    pixels.flags.writeable = False
    return pixels


def _decode_jpeg(header: Header, payload: memoryview, largest_bytes: int) -> NDArray[Any]:
    import cv2

    decoded_bytes = math.prod(header.shape)
    if decoded_bytes > largest_bytes:
        raise MessageError(
            f"the picture has {decoded_bytes} bytes when it is decoded, and {largest_bytes} are allowed; "
            "take a larger largest_mb"
        )
    grey = header.pixel_format == "gray8"
    mode = cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR
    # Asked first: a file of some hundred bytes may state a picture of gigabytes.
    height, width = header.shape[:2]
    is_jpeg = bytes(payload[:2]) == b"\xff\xd8"
    fits = is_jpeg and picture_size(payload) == (width, height) and is_bounded(payload)
    try:
        pixels = cv2.imdecode(np.frombuffer(payload, np.uint8), mode) if fits else None
    except cv2.error:
        pixels = None
    if pixels is None or pixels.shape != header.shape:
        raise MessageError("the payload is no JPEG picture of the size in the header")
    return pixels if grey else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))


def _header(values: dict[str, Any]) -> Header:
    header = Header(
        **{name: values[name] for name in Header.__dataclass_fields__ if name not in _SPECIAL},
        radiometry=values.get("radiometry"),
        epoch_ns=values.get("epoch_ns"),
        shape=tuple(_list(values["shape"])),
        flags=tuple(_list(values["flags"])),
    )
    channels = _CHANNELS[header.pixel_format]
    sides = header.shape if channels == 1 else header.shape[:-1]
    fits = len(sides) == 2 and (channels == 1 or header.shape[-1] == channels)
    whole = all(type(side) is int and 0 < side <= LARGEST_SIDE_PX for side in sides)
    if not (fits and whole):
        raise ValueError(f"shape {header.shape} does not fit {header.pixel_format}")
    for name, is_right in _FIELDS.items():
        if not is_right(getattr(header, name)):
            raise ValueError(f"{name} is {str(getattr(header, name))[:60]!r}")
    if not isinstance(header.radiometry, dict | None):
        raise ValueError("radiometry is not an object")
    return header


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{str(value)[:60]!r} is not a list")
    return value


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is not a JSON number")


def _whole_number(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def _is_time(value: Any) -> bool:
    return value is None or (type(value) is int and abs(value) < 2**63)


def _is_number(value: Any) -> bool:
    return value is None or (type(value) in (int, float) and math.isfinite(value))


def _is_clock(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value in CLOCKS)


def _is_file(value: Any) -> bool:
    names = isinstance(value, dict) and all(isinstance(each, str) for each in value.values())
    return names and len(value) == 2 and "sha256" in value


# Checks of the fields that readers rely on, as in `frame_message.schema.json`.
_FIELDS: dict[str, Callable[[Any], bool]] = {
    "stream": lambda value: isinstance(value, str),
    "view": lambda value: isinstance(value, str) and value in VIEWS,
    "seq": lambda value: type(value) is int and 0 <= value < 2**63,
    "encoding": lambda value: isinstance(value, str) and value in ENCODINGS,
    "t_visible_ns": _is_time,
    "t_thermal_ns": _is_time,
    "clock_visible": _is_clock,
    "clock_thermal": _is_clock,
    "pairing_error_ms": _is_number,
    "flags": lambda value: all(isinstance(flag, str) for flag in value),
    "registration": lambda value: value is None or _is_file(value),
    "model": _is_file,
    "latency_ms": _is_number,
    "epoch_ns": _is_time,
}
