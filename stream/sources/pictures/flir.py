"""FLIR's radiometric JPEG: the raw thermal counts that lie beside the picture, and what they mean.

    JPEG       APP1 segments `FLIR 00 01 NUMBER LAST` + part; the parts in order make an FFF file
    FFF        64 bytes of header, a directory of records of 32 bytes each, the records
    record 1   raw image: 32 bytes of header, then counts of 16 bits, or a PNG or JPEG-LS file of them
    record 32  camera: see `flir_camera.py`

The layout is the one that ExifTool documents in its list of FLIR tags. Files come from anywhere, so nothing
in them is believed: every place and length is checked against the bytes that are there.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from stream.picture_size import LIBAV_BOUNDS, MOST_PIXELS, is_bounded
from stream.radiometry import Radiometry
from stream.sources.pictures.flir_camera import camera_radiometry
from stream.sources.pictures.jpeg import APP1, segments

RAW_IMAGE, CAMERA = 0x01, 0x20
MOST_RECORDS = 4096

_PART = b"FLIR\0"
_PART_HEAD = 8
FFF, _FFF_HEAD, _ENTRY = b"FFF\0", 64, 32
_VERSION_AT, _DIRECTORY_AT = 0x14, 0x18
_RAW_HEAD = 32
_PNG, _PNG_HEAD = b"\x89PNG\r\n\x1a\n", 33
_JPEG_LS = b"\xff\xd8\xff\xf7"
_GREY_16 = b"\x10\x00"  # bit depth 16, colour type 0
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
        camera: the camera record, and the byte order of its numbers; empty where there is none.
    """

    counts: NDArray[np.uint16]
    radiometry: Radiometry | None
    camera: tuple[bytes, str] = (b"", "<")


class Sliceable(Protocol):
    """Bytes of which parts can be taken, as of a mapped file."""

    def __getitem__(self, part: slice, /) -> bytes:
        """A part."""


class Record(NamedTuple):
    """A record of an FFF file: its bytes, and the byte order of its numbers, `<` or `>`."""

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
    counts, camera = _counts(records[RAW_IMAGE]), records.get(CAMERA, Record(b"", "<"))
    return FlirPicture(counts, camera_radiometry(*camera), camera)


def block_end(data: Sliceable, start: int) -> int:
    """Length of the FFF file that begins at a place, by its directory; 0 where that makes no sense."""
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


def raw_size(record: Record) -> tuple[int, int] | None:
    """Width and height that the record of the raw image states; None where it is too short."""
    if len(record.data) < _RAW_HEAD:
        return None
    width, height = struct.unpack_from(record.order + "HH", record.data, 2)
    return (width, height) if width * height else None


def _counts(record: Record) -> NDArray[np.uint16]:
    if len(record.data) < _RAW_HEAD:
        raise FlirError("the raw image has no header")
    width, height = struct.unpack_from(record.order + "HH", record.data, 2)
    pixels = record.data[_RAW_HEAD:]
    if pixels.startswith(_PNG):
        return _png_counts(pixels)
    if pixels.startswith(_JPEG_LS):
        return _jpeg_ls_counts(pixels, width, height)
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


def _jpeg_ls_counts(data: bytes, width: int, height: int) -> NDArray[np.uint16]:
    """Counts of a picture compressed without loss, as in a `.csq`."""
    size = struct.unpack_from(">HH", data, 7) if len(data) >= 11 else None
    if size != (height, width) or width * height > MOST_PIXELS:
        raise FlirError(f"the raw image says {width}x{height} pixels and is of another size")
    try:
        decoder: Any = av.CodecContext.create("jpegls", "r")
        decoder.options = dict(LIBAV_BOUNDS)
        pictures = decoder.decode(av.Packet(data))
        counts = pictures[0].to_ndarray() if pictures else None
    except (av.error.FFmpegError, ValueError):
        counts = None
    if counts is None or counts.shape != (height, width) or counts.dtype != np.uint16:
        raise FlirError("the raw image is damaged JPEG-LS, or not of 16 bits")
    return np.ascontiguousarray(counts)


def _roughness(counts: NDArray[np.uint16]) -> float:
    """Mean difference of neighbours in a row."""
    return float(np.abs(np.diff(counts.astype(np.int32), axis=1)).mean()) if counts.shape[1] > 1 else 0.0


def _number(data: bytes, kind: str, at: int) -> float:
    (value,) = struct.unpack_from(kind, data, at)
    return float(value)
