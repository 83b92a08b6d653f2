"""TIFF files of many pages, built byte by byte for tests."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def tiff(
    pages: Sequence[NDArray[np.uint16]],
    *,
    order: str = "<",
    big: bool = False,
    kinds: Sequence[int] = (),
    description: str = "",
) -> bytes:
    """An uncompressed TIFF of 16-bit grey pages, two strips each.

    Args:
        pages: [H, W] each.
        order: byte order of everything, `<` or `>`.
        big: BigTIFF.
        kinds: NewSubfileType of each page, by default 0; 1 marks a reduced copy.
        description: of the first page.
    """
    number = "Q" if big else "I"
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if big else 42)
    head += struct.pack(order + "HHQ", 8, 0, 16) if big else struct.pack(order + "I", 8)
    data = bytearray(head)
    for index, counts in enumerate(pages):
        height, width = counts.shape
        half = height // 2
        if 2 * half != height:
            raise ValueError("pages of an even height, please")
        strips = [each.astype(order + "u2").tobytes() for each in (counts[:half], counts[half:])]
        text = description.encode() + b"\0" if not index else b"\0"
        tags: list[tuple[int, int, Any]] = [
            (254, 4, [kinds[index] if kinds else 0]), (256, 3, [width]), (257, 3, [height]), (258, 3, [16]),
            (259, 3, [1]), (262, 3, [1]), (270, 2, text), (273, 4, strips), (277, 3, [1]), (278, 3, [half]),
            (279, 4, [len(each) for each in strips]),
        ]  # fmt: skip
        last = index + 1 == len(pages)
        data += _directory(len(data), tags, order, number, last)
    return bytes(data)


def _directory(at: int, tags: list[tuple[int, int, Any]], order: str, number: str, last: bool) -> bytes:
    room = struct.calcsize(order + number)
    counted = "Q" if number == "Q" else "H"
    entry_bytes = 4 + 2 * room
    body_at = at + struct.calcsize(order + counted) + len(tags) * entry_bytes + room
    entries, body = b"", b""
    for tag, kind, values in tags:
        if tag == 273:  # the strips themselves: put them there, and note where
            places = []
            for strip in values:
                places.append(body_at + len(body))
                body += strip
            values = places
        value = (
            values if kind == 2 else struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values)
        )
        entries += struct.pack(order + "HH" + number, tag, kind, len(values))
        if len(value) > room:
            entries += struct.pack(order + number, body_at + len(body))
            body += value
        else:
            entries += value.ljust(room, b"\0")
    following = struct.pack(order + number, 0 if last else body_at + len(body))
    return struct.pack(order + counted, len(tags)) + entries + following + body
