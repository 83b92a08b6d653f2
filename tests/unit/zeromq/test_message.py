"""Messages from strangers: only `MessageError` comes out, and nothing large is allocated."""

from __future__ import annotations

import json
import resource
import struct
from typing import Any

import cv2
import numpy as np
import pytest

from stream.radiometry import from_json
from stream.zeromq.message import Header, MessageError, decode_payload, parse_header

FIELDS: dict[str, Any] = {
    "schema": "gifnet.frame/1", "stream": "main", "view": "fused", "seq": 3, "shape": [48, 64, 3],
    "dtype": "uint8", "pixel_format": "rgb24", "encoding": "raw", "t_visible_ns": 1, "t_thermal_ns": None,
    "clock_visible": "rtcp", "clock_thermal": None, "pairing_error_ms": None, "flags": [],
    "registration": None, "model": {"name": "default", "sha256": "00" * 32}, "latency_ms": 12.5,
}  # fmt: skip


def head(**change: Any) -> bytes:
    return json.dumps(FIELDS | change).encode()


def jpeg_header(height: int, width: int) -> Header:
    return parse_header(head(encoding="jpeg", shape=[height, width, 3]))


def jpeg(height: int, width: int, stated: tuple[int, int] | None = None) -> memoryview:
    data = bytes(cv2.imencode(".jpg", np.zeros((height, width, 3), np.uint8))[1])
    at = data.index(b"\xff\xc0") + 5
    return memoryview(data[:at] + struct.pack(">HH", *(stated or (height, width))) + data[at + 4 :])


@pytest.mark.parametrize("digits", [21, 400, 4299, 5000])
@pytest.mark.parametrize("key", ["seq", "t_visible_ns", "pairing_error_ms", "latency_ms"])
def test_long_numbers_are_refused(key: str, digits: int) -> None:
    header = head(**{key: 0}).replace(f'"{key}": 0'.encode(), f'"{key}": '.encode() + b"9" * digits)
    with pytest.raises(MessageError, match=r"not JSON|is wrong"):
        parse_header(header)


@pytest.mark.parametrize("sign", [1, -1])
def test_times_of_64_bits_are_taken(sign: int) -> None:
    assert parse_header(head(t_visible_ns=sign * (2**63 - 1))).t_visible_ns == sign * (2**63 - 1)


def test_a_jpeg_is_decoded_up_to_the_allowed_bytes() -> None:
    header, data = jpeg_header(48, 64), jpeg(48, 64)
    assert decode_payload(header, data, 48 * 64 * 3).shape == (48, 64, 3)
    with pytest.raises(MessageError, match="9216 bytes when it is decoded, and 9215 are allowed"):
        decode_payload(header, data, 48 * 64 * 3 - 1)


@pytest.mark.parametrize("side", [9000, 20_000, 65_500])
def test_a_jpeg_and_a_header_that_agree_on_too_much_are_refused_before_decoding(side: int) -> None:
    peak_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(MessageError, match="bytes when it is decoded"):
        decode_payload(jpeg_header(side, side), jpeg(48, 64, (side, side)))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_before < 50_000  # kB


def test_another_kind_of_picture_is_no_jpeg() -> None:
    data = cv2.imencode(".png", np.zeros((48, 64, 3), np.uint8))[1]
    with pytest.raises(MessageError, match="no JPEG picture"):
        decode_payload(jpeg_header(48, 64), memoryview(bytes(data)))


@pytest.mark.parametrize(
    "values",
    [
        {"model": "linear", "celsius_per_count": 10**400, "celsius_at_zero": 0},
        {"model": "linear", "celsius_per_count": 0.1, "celsius_at_zero": None},
        {"model": "planck", "r1": 1, "r2": 1e-300, "b": 1e-300, "f": 1 - 1e-16, "o": 0},
        {"model": "planck", "r1": 1, "r2": 1, "b": 1, "f": 1, "o": 0, "emissivity": "1"},
    ],
)
def test_wrong_radiometry_is_a_value_error(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        from_json(values)
