"""FLIR's radiometric JPEG: the raw thermal counts that lie beside the picture, and what they mean.

    JPEG       APP1 segments `FLIR 00 01 NUMBER LAST` + part; the parts in order make an FFF file
    FFF        64 bytes of header, a directory of records of 32 bytes each, the records
    record 1   raw image: 32 bytes of header, then counts of 16 bits, or a PNG file of them
    record 32  camera: Planck constants, emissivity, reflected temperature

The layout is the one that ExifTool documents in its list of FLIR tags. Files come from anywhere, so nothing
in them is believed: every place and length is checked against the bytes that are there.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.picture_size import MOST_PIXELS, is_bounded
from stream.radiometry import ZERO_CELSIUS_K, Planck, Radiometry

RAW_IMAGE, CAMERA = 0x01, 0x20
MOST_RECORDS = 4096

_APP1, _START_OF_SCAN, _END_OF_IMAGE = 0xE1, 0xDA, 0xD9
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_PART = b"FLIR\0"
_PART_HEAD = 8
_FFF, _FFF_HEAD, _ENTRY = b"FFF\0", 64, 32
_VERSION_AT, _DIRECTORY_AT = 0x14, 0x18
_RAW_HEAD = 32
_PNG, _PNG_HEAD = b"\x89PNG\r\n\x1a\n", 33
_GREY_16 = b"\x10\x00"  # bit depth 16, colour type 0
_EMISSIVITY_AT, _REFLECTED_AT = 0x20, 0x28
_R1_B_F_AT, _O_R2_AT, _CAMERA_LENGTH = 0x58, 0x308, 0x310
# A count of neighbours differs little; in the wrong byte order it differs by multiples of 256.
_CLEARLY_SMOOTHER = 0.5


class FlirError(ValueError):
    """A radiometric JPEG whose thermal part is damaged."""


@dataclass(frozen=True, slots=True, eq=False)
class FlirPicture:
    """The thermal part of a radiometric JPEG.

    Attributes:
        counts: [H, W] uint16.
        radiometry: what they mean; None where the file does not tell.
    """

    counts: NDArray[np.uint16]
    radiometry: Radiometry | None


class _Record(NamedTuple):
    data: bytes
    order: str  # of its numbers, `<` or `>`


def read_flir(data: bytes) -> FlirPicture | None:
    """The thermal part of a JPEG.

    Args:
        data: a JPEG file.

    Returns:
        Counts and radiometry; None for a JPEG without a raw thermal image.

    Raises:
        FlirError: there is one, but it is damaged.
    """
    block = _fff_of(data)
    if block is None:
        return None
    records = _records(block)
    if RAW_IMAGE not in records:
        return None
    counts = _counts(records[RAW_IMAGE])
    return FlirPicture(counts, _planck(records[CAMERA]) if CAMERA in records else None)


def _fff_of(data: bytes) -> bytes | None:
    """The parts of all FLIR segments, joined; None without any."""
    parts: dict[int, bytes] = {}
    last = 0
    for segment in _app1_segments(data):
        if segment.startswith(_PART) and len(segment) >= _PART_HEAD:
            number, last = segment[6], segment[7]
            parts.setdefault(number, segment[_PART_HEAD:])
    if not parts:
        return None
    if sorted(parts) != list(range(last + 1)):
        raise FlirError(f"{last + 1} FLIR segments are announced and {len(parts)} are there")
    return b"".join(parts[number] for number in range(last + 1))


def _app1_segments(data: bytes) -> list[bytes]:
    """Contents of a JPEG's APP1 segments, up to where the picture begins or the file breaks off."""
    found, at = [], 2
    while data[:2] == b"\xff\xd8" and at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in (_START_OF_SCAN, _END_OF_IMAGE):
            break
        if marker == 0xFF:  # fill
            at += 1
            continue
        if marker in _WITHOUT_LENGTH:
            at += 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4])
        if length < 2 or at + 2 + length > len(data):
            break
        if marker == _APP1:
            found.append(data[at + 4 : at + 2 + length])
        at += 2 + length
    return found


def _records(block: bytes) -> dict[int, _Record]:
    """The first record of each type."""
    if len(block) < _FFF_HEAD or not block.startswith(_FFF):
        raise FlirError("the FLIR segments hold no FFF file")
    order = next((each for each in "<>" if 100 <= _number(block, each + "I", _VERSION_AT) < 200), None)
    if order is None:
        raise FlirError("the FFF file is of an unknown version")
    start, count = struct.unpack_from(order + "II", block, _DIRECTORY_AT)
    if count > MOST_RECORDS or start + count * _ENTRY > len(block):
        raise FlirError(f"the FFF file ends before its directory of {count} records")
    records: dict[int, _Record] = {}
    for entry in range(start, start + count * _ENTRY, _ENTRY):
        kind = int(_number(block, order + "H", entry))
        at, length = struct.unpack_from(order + "II", block, entry + 12)
        if kind in (RAW_IMAGE, CAMERA) and kind not in records:
            records[kind] = _record(block[at : at + length], length, kind, order)
    return records


def _record(data: bytes, length: int, kind: int, order: str) -> _Record:
    if len(data) < max(length, 2):
        raise FlirError(f"record {kind} of {length} bytes breaks off after {len(data)}")
    # It begins with a small number, which tells the byte order of those that follow.
    if _number(data, order + "H", 0) >= 0x100:
        order = "<" if order == ">" else ">"
    return _Record(data, order)


def _counts(record: _Record) -> NDArray[np.uint16]:
    if len(record.data) < _RAW_HEAD:
        raise FlirError("the raw image has no header")
    width, height = struct.unpack_from(record.order + "HH", record.data, 2)
    pixels = record.data[_RAW_HEAD:]
    if pixels.startswith(_PNG):
        return _png_counts(pixels)
    if not 0 < width * height <= MOST_PIXELS or len(pixels) < 2 * width * height:
        raise FlirError(f"the raw image says {width}x{height} pixels and has {len(pixels)} bytes")
    stored = np.frombuffer(pixels, record.order + "u2", width * height)
    return stored.astype(np.uint16).reshape(height, width)


def _png_counts(data: bytes) -> NDArray[np.uint16]:
    """Counts of a PNG; most cameras write the two bytes of each count in the wrong order."""
    if len(data) < _PNG_HEAD or data[24:26] != _GREY_16:
        raise FlirError("the raw image is a PNG, but not of 16-bit grey")
    width, height = struct.unpack_from(">II", data, 16)
    if not is_bounded(data):
        raise FlirError(f"the raw image says {width}x{height} pixels")
    try:
        stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        stored = None
    if stored is None or stored.shape != (height, width):
        raise FlirError("the raw image is a damaged PNG")
    swapped: NDArray[np.uint16] = stored.byteswap()
    return stored if _roughness(stored) < _CLEARLY_SMOOTHER * _roughness(swapped) else swapped


def _roughness(counts: NDArray[np.uint16]) -> float:
    """Mean difference of neighbours in a row."""
    return float(np.abs(np.diff(counts.astype(np.int32), axis=1)).mean()) if counts.shape[1] > 1 else 0.0


def _planck(record: _Record) -> Radiometry | None:
    """Radiometry of the camera; None where its constants make no sense, as in cameras that do not measure."""
    if len(record.data) < _CAMERA_LENGTH:
        return None
    data, order = record.data, record.order
    r1, b, f = struct.unpack_from(order + "fff", data, _R1_B_F_AT)
    o, r2 = struct.unpack_from(order + "if", data, _O_R2_AT)
    emissivity = _number(data, order + "f", _EMISSIVITY_AT)
    reflected_k = _number(data, order + "f", _REFLECTED_AT)
    try:
        return Planck(r1, r2, b, f, o, emissivity, reflected_k - ZERO_CELSIUS_K)
    except ValueError:
        return None


def _number(data: bytes, kind: str, at: int) -> float:
    (value,) = struct.unpack_from(kind, data, at)
    return float(value)
