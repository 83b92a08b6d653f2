"""Segments of a JPEG file, its size, its maker, and what lies behind its picture.

Source of the layout: ITU-T T.81, annex B; Exif 2.3, section 4.5. Files come from anywhere: every length is
checked against the bytes that are there.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
# Start of frame, of every coding process; the others between are tables.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_EXIF, _MAKE, _ASCII = b"Exif\0\0", 271, 2
APP0, APP1, APP3, APP15 = 0xE0, 0xE1, 0xE3, 0xEF


class Segment(NamedTuple):
    """A segment: its marker, the second byte of two, and its content."""

    marker: int
    content: bytes


def segments(data: bytes) -> Iterator[Segment]:
    """Segments of a JPEG, up to where the picture begins or the file breaks off; none of other files."""
    at = 2
    while data[:2] == b"\xff\xd8" and at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in (_START_OF_SCAN, _END_OF_IMAGE):
            return
        if marker == 0xFF:  # fill
            at += 1
            continue
        if marker in _WITHOUT_LENGTH:
            at += 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4])
        if length < 2 or at + 2 + length > len(data):
            return
        yield Segment(marker, data[at + 4 : at + 2 + length])
        at += 2 + length


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels as stored; None where the file does not tell."""
    for marker, content in segments(data):
        if marker in _FRAMES and len(content) >= 5:
            height, width = struct.unpack_from(">HH", content, 1)
            return width, height
    return None


def behind_picture(data: bytes) -> bytes:
    """Bytes behind the end of a JPEG's picture."""
    start = data.find(b"\xff\xda")
    end = data.find(b"\xff\xd9", start) if start >= 0 else -1
    return data[end + 2 :] if end >= 0 else b""


def maker_of(data: bytes) -> str:
    """The maker of the camera by a JPEG's Exif; empty where it is not told."""
    exif = _exif(data)
    for order, kind, count, at in _entries(exif, _MAKE):
        if kind == _ASCII and 0 < count <= 256:
            start = at if count <= 4 else int(struct.unpack_from(order + "I", exif, at)[0])
            return exif[start : start + count].split(b"\0")[0].decode("ascii", "replace").strip()
    return ""


def _exif(data: bytes) -> bytes:
    parts = (part for marker, part in segments(data) if marker == APP1 and part.startswith(_EXIF))
    return next(parts, b"")[len(_EXIF) :]


def _entries(exif: bytes, wanted: int) -> Iterator[tuple[str, int, int, int]]:
    """Byte order, type, count and place of the value of a tag of the first directory."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return
    try:
        (start,) = struct.unpack_from(order + "I", exif, 4)
        (entries,) = struct.unpack_from(order + "H", exif, start)
        for at in range(start + 2, start + 2 + 12 * entries, 12):
            tag, kind, count, _ = struct.unpack_from(order + "HHII", exif, at)
            if tag == wanted:
                yield order, kind, count, at + 8
    except struct.error:
        return
