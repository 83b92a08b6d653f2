"""The orientation of a picture, as its EXIF block states it (1 to 8)."""

from __future__ import annotations

import struct

import numpy as np

from stream.frame import Pixels

ORIENTATION = 274
_EXIF = b"Exif\0\0"
_APP1, _START_OF_SCAN = 0xE1, 0xDA


def exif_entries(exif: bytes) -> tuple[str, list[tuple[int, int]], int]:
    """Byte order, tags of the first directory with their places, and the place of the next link."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return "<", [], 0
    try:
        (start,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, start)
        places = [start + 2 + 12 * index for index in range(count)]
        found = [(int(struct.unpack_from(order + "H", exif, at)[0]), at) for at in places]
    except struct.error:
        return "<", [], 0
    after = start + 2 + 12 * count
    return order, found, after if after + 4 <= len(exif) else 0


def orientation_of(exif: bytes) -> int:
    """The orientation in an EXIF block, 1 where it states none."""
    order, entries, _ = exif_entries(exif)
    return next((int(struct.unpack_from(order + "H", exif, at + 8)[0]) for tag, at in entries
                 if tag == ORIENTATION and at + 10 <= len(exif)), 1)  # fmt: skip


def jpeg_orientation(data: bytes) -> int:
    """The orientation of a JPEG file, 1 where it states none."""
    at = 2
    while data[:2] == b"\xff\xd8" and at + 4 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if marker == _APP1 and data.startswith(_EXIF, at + 4):
            return orientation_of(data[at + 4 + len(_EXIF) : at + 2 + length])
        if marker == _START_OF_SCAN or (marker != 0xFF and length < 2):
            break
        at += 1 if marker == 0xFF else 2 + length
    return 1


def turned(pixels: Pixels, orientation: int) -> Pixels:
    """[H, W] pixels as the EXIF orientation (1 to 8) says that they are seen; a view, or a copy in order."""
    if orientation == 1:
        return pixels
    if orientation >= 5:
        pixels = pixels.T
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
