"""The size that a JPEG file states, without decoding it."""

from __future__ import annotations

import struct

# Start of frame, ITU-T T.81 table B.1: C0 to CF without the tables C4 and CC and the extension C8.
_START_OF_FRAME = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEGMENT = struct.Struct(">BBH")
_SIZE = struct.Struct(">xHH")


def jpeg_size(data: memoryview) -> tuple[int, int] | None:
    """Height and width in pixels; None for what is no JPEG file.

    Args:
        data: the file, bytes.
    """
    if bytes(data[:2]) != b"\xff\xd8":
        return None
    at = 2
    while at + _SEGMENT.size <= len(data):
        mark, kind, length = _SEGMENT.unpack_from(data, at)
        if mark != 0xFF or length < 2:
            return None
        if kind in _START_OF_FRAME:
            begin = at + _SEGMENT.size
            return _SIZE.unpack_from(data, begin) if begin + _SIZE.size <= len(data) else None
        at += 2 + length
    return None
