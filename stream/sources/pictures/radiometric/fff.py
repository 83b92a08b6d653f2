"""FLIR's radiometric JPEG: the raw thermal counts that lie beside the picture, and what they mean.

    JPEG       APP1 segments `FLIR 00 01 NUMBER LAST` + part; the parts in order make an FFF file
    FFF        64 bytes of header, a directory of records of 32 bytes each, the records
    record 1   raw image: 32 bytes of header, then counts of 16 bits, or a PNG or JPEG-LS file of them
    record 32  camera: see `camera.py`

The layout is the one that ExifTool documents in its list of FLIR tags. Files come from anywhere, so nothing
in them is believed: every place and length is checked against the bytes that are there.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stream.radiometry import Radiometry
from stream.sources.pictures.radiometric.camera import camera_radiometry
from stream.sources.pictures.radiometric.jpeg import APP1, segments
from stream.sources.pictures.radiometric.raw_image import FlirError, Record, raw_counts

RAW_IMAGE, CAMERA = 0x01, 0x20
MOST_RECORDS = 4096

_PART = b"FLIR\0"
_PART_HEAD = 8
FFF, _FFF_HEAD, _ENTRY = b"FFF\0", 64, 32
_VERSION_AT, _DIRECTORY_AT = 0x14, 0x18


@dataclass(frozen=True, slots=True, eq=False)
class FlirPicture:
    """The thermal part of a radiometric JPEG.

    Attributes:
        counts: [H, W] uint16.
        radiometry: what they mean; None where the file does not tell.
        camera: the camera record, and the byte order of its numbers; empty where there is none.
    """

    counts: NDArray[np.uint16]
    radiometry: Radiometry | None
    camera: tuple[bytes, str] = (b"", "<")


class Sliceable(Protocol):
    """Bytes of which parts can be taken, as of a mapped file."""

    def __getitem__(self, part: slice, /) -> bytes:
        """A part."""


def read_flir(data: bytes) -> FlirPicture | None:
    """The thermal part of a JPEG.

    Args:
        data: a JPEG file.

    Returns:
        Counts and radiometry; None for a JPEG without a raw thermal image.

    Raises:
        FlirError: there is one, but it is damaged.
    """
    block = fff_of(data)
    if block is None:
        return None
    return read_fff(block)


def read_fff(block: bytes) -> FlirPicture | None:
    """The thermal part of an FFF file.

    Returns:
        None for one without a raw thermal image.

    Raises:
        FlirError: it is damaged.
    """
    records = find_records(block)
    if RAW_IMAGE not in records:
        return None
    counts, camera = raw_counts(records[RAW_IMAGE]), records.get(CAMERA, Record(b"", "<"))
    return FlirPicture(counts, camera_radiometry(*camera), camera)


def block_end(data: Sliceable, start: int) -> int:
    """Length of the FFF file that begins at an offset, by its directory; 0 if that is invalid."""
    block = bytes(data[start : start + _FFF_HEAD])
    try:
        order, at, count = _directory(block)
        entries = bytes(data[start + at : start + at + count * _ENTRY])
        ends = [
            struct.unpack_from(order + "II", entries, entry + 12) for entry in range(0, len(entries), _ENTRY)
        ]
        return max(int(at) + int(length) for at, length in ends)
    except (FlirError, struct.error, ValueError):
        return 0


def fff_of(data: bytes) -> bytes | None:
    """The parts of all FLIR segments, joined; None without any."""
    parts: dict[int, bytes] = {}
    last = 0
    for marker, segment in segments(data):
        if marker == APP1 and segment.startswith(_PART) and len(segment) >= _PART_HEAD:
            number, last = segment[6], segment[7]
            parts.setdefault(number, segment[_PART_HEAD:])
    if not parts:
        return None
    if sorted(parts) != list(range(last + 1)):
        raise FlirError(f"{last + 1} FLIR segments are announced and {len(parts)} are there")
    return b"".join(parts[number] for number in range(last + 1))


def _directory(block: bytes) -> tuple[str, int, int]:
    """Byte order, place and length of the directory."""
    if len(block) < _FFF_HEAD or not block.startswith(FFF):
        raise FlirError("the FLIR segments hold no FFF file")
    order = next((each for each in "<>" if 100 <= _number(block, each + "I", _VERSION_AT) < 200), None)
    if order is None:
        raise FlirError("the FFF file is of an unknown version")
    start, count = struct.unpack_from(order + "II", block, _DIRECTORY_AT)
    if count > MOST_RECORDS:
        raise FlirError(f"the FFF file ends before its directory of {count} records")
    return order, start, count


def find_records(block: bytes, kinds: tuple[int, ...] = (RAW_IMAGE, CAMERA)) -> dict[int, Record]:
    """The first record of each of some types in an FFF file.

    Raises:
        FlirError: it is damaged.
    """
    order, start, count = _directory(block)
    if start + count * _ENTRY > len(block):
        raise FlirError(f"the FFF file ends before its directory of {count} records")
    records: dict[int, Record] = {}
    for entry in range(start, start + count * _ENTRY, _ENTRY):
        kind = int(_number(block, order + "H", entry))
        at, length = struct.unpack_from(order + "II", block, entry + 12)
        if kind in kinds and kind not in records:
            records[kind] = _record(block[at : at + length], length, kind, order)
    return records


def _record(data: bytes, length: int, kind: int, order: str) -> Record:
    if len(data) < max(length, 2):
        raise FlirError(f"record {kind} of {length} bytes breaks off after {len(data)}")
    # It begins with a small number, which tells the byte order of those that follow.
    if _number(data, order + "H", 0) >= 0x100:
        order = "<" if order == ">" else ">"
    return Record(data, order)


def _number(data: bytes, kind: str, at: int) -> float:
    (value,) = struct.unpack_from(kind, data, at)
    return float(value)
