"""The size that a picture file states, read from its first bytes, so that nothing large is allocated for it.

A file of some hundred bytes may state a picture of gigabytes, and decoders believe it. Whatever decodes bytes
that come from elsewhere asks `is_bounded` first. Kinds that are not known here are never decoded.

Sources of the layouts: ITU-R T.81 (JPEG), W3C PNG 3, RFC 9649 (WebP), Microsoft's BITMAPINFOHEADER (BMP),
TIFF revision 6.0 with BigTIFF as libtiff describes it, the Netpbm manual (PNM).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path

from stream.errors import SourceError

Size = tuple[int, int]
Bytes = bytes | memoryview

MOST_PIXELS = 1 << 26
"""Of a picture or video frame: 8192x8192, twice 8K."""

MOST_SIDE = 1 << 16
"""Width and height; OpenCV takes no million, JPEG 65535."""

LIBAV_BOUNDS = {"max_pixels": str(MOST_PIXELS)}
"""The same as an option of libav's, for a container that is opened and for each decoder."""

MOST_BYTES = 8 * MOST_PIXELS
"""Of a decoded TIFF, as stored: four channels of 16 bits."""

MOST_SCANS = 100
"""Of a progressive JPEG, each of which is a pass over the whole picture; encoders write about ten."""

# Header of a Netpbm file: its kind, then width and height among spaces and comments.
_PNM = re.compile(rb"P[1-6](?:\s|#[^\n]*\n)+(\d{1,6})(?:\s|#[^\n]*\n)+(\d{1,6})\s")
_PNM_HEAD = 4096
# Start of frame: C0 to CF without the tables C4 and CC and the extension C8.
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN = b"\xff\xda"
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD8)})
_FILL = 0xFF
_CORE_HEADER = 12
# Tags of a TIFF: width, height, bits and number of samples, width and height of a tile.
_WIDTH, _HEIGHT, _BITS, _SAMPLES, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 258, 277, 322, 323
_NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_MOST_TAGS = 4096


def picture_size(data: Bytes) -> Size | None:
    """Width and height in pixels as the file states them, before it is turned upright.

    Args:
        data: the file, or its beginning as far as the header goes.

    Returns:
        None for bytes that are no JPEG, PNG, WebP, BMP, TIFF or PNM, or whose header is cut off.
    """
    head = bytes(data[:4])
    for start, read in _READERS.items():
        if head.startswith(start):
            try:
                return read(data)
            except (struct.error, ValueError, OverflowError):
                return None
    return _pnm_size(data)


def is_bounded(data: Bytes, most_pixels: int = MOST_PIXELS) -> bool:
    """True for a picture of a known kind that takes no unreasonable memory or time to decode.

    Args:
        data: the whole file.
        most_pixels: that it may have.
    """
    size = picture_size(data)
    if size is None or max(size) > MOST_SIDE:
        return False
    return 0 < size[0] * size[1] <= most_pixels and _is_plain(data)


def check_size(path: Path) -> None:
    """Refuse a picture file that is too large to be decoded; what else is wrong with it is not asked.

    Raises:
        SourceError: it is too large.
    """
    try:
        data = path.read_bytes()
    except OSError:
        return
    size = picture_size(data)
    if size is None or size[0] * size[1] <= MOST_PIXELS:
        return
    raise SourceError(
        f"{path} states {size[0]}x{size[1]} pixels and has {len(data)} bytes; pictures of up to "
        f"{MOST_PIXELS // 10**6} million pixels are read: save it smaller, or in parts"
    )


def _is_plain(data: Bytes) -> bool:
    """True where decoding takes about the time and memory of the pixels alone."""
    head = bytes(data[:2])
    if head == b"\xff\xd8":
        return bytes(data).count(_START_OF_SCAN) <= MOST_SCANS + len(data) // 8192
    if head == b"\x89P":
        return _has_whole_chunks(data)
    return head not in (b"II", b"MM") or _is_plain_tiff(data)


def _jpeg_size(data: Bytes) -> Size | None:
    at = 2
    while at + 4 <= len(data):
        mark, kind, length = struct.unpack_from(">BBH", data, at)
        # Decoders search on after a wrong byte, to a size that is not seen here.
        if mark != _FILL:
            return None
        if kind == _FILL:
            at += 1
        elif kind in _WITHOUT_LENGTH:
            at += 2
        elif kind in _START_OF_FRAME:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        elif length < 2:
            return None
        else:
            at += 2 + length
    return None


def _png_size(data: Bytes) -> Size | None:
    if bytes(data[:8]) != b"\x89PNG\r\n\x1a\n" or bytes(data[12:16]) != b"IHDR":
        return None
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _has_whole_chunks(data: Bytes) -> bool:
    """False for a PNG with a chunk that states more bytes than follow: decoders allocate them first."""
    at = 8
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            return False
        if kind == b"IEND":
            return True
        at += 12 + length
    return True


def _webp_size(data: Bytes) -> Size | None:
    if bytes(data[8:12]) != b"WEBP":
        return None
    kind = bytes(data[12:16])
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
        return (width + 1, height + 1) if len(data) >= 30 else None
    if kind == b"VP8L":
        (packed,) = struct.unpack_from("<I", data, 21)
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _bmp_size(data: Bytes) -> Size | None:
    (header,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if header == _CORE_HEADER else "<ii", data, 18)
    return abs(width), abs(height)


def _pnm_size(data: Bytes) -> Size | None:
    match = _PNM.match(bytes(data[:_PNM_HEAD]))
    return (int(match[1]), int(match[2])) if match else None


def _tiff_size(data: Bytes) -> Size | None:
    tags = _tiff_tags(data)
    return (tags[_WIDTH], tags[_HEIGHT]) if _WIDTH in tags and _HEIGHT in tags else None


def _is_plain_tiff(data: Bytes) -> bool:
    """True where neither the samples nor the tiles are larger than the picture lets one think."""
    tags = _tiff_tags(data)
    bits = tags.get(_SAMPLES, 1) * tags.get(_BITS, 1)
    places = [(tags[_WIDTH], tags[_HEIGHT]), (tags.get(_TILE_WIDTH, 0), tags.get(_TILE_HEIGHT, 0))]
    return all(width * height * bits <= 8 * MOST_BYTES for width, height in places)


def _tiff_tags(data: Bytes) -> dict[int, int]:
    """The first number of each tag of the first directory, as far as it is a whole one."""
    order = "<" if bytes(data[:2]) == b"II" else ">"
    (version,) = struct.unpack_from(order + "H", data, 2)
    if version not in (42, 43):
        raise ValueError("no TIFF")
    length, entry, offset, at = ("H", "HHI4s", "I", 4) if version == 42 else ("Q", "HHQ8s", "Q", 8)
    (start,) = struct.unpack_from(order + offset, data, at)
    (count,) = struct.unpack_from(order + length, data, start)
    if count > _MOST_TAGS:
        raise ValueError("a directory that no encoder writes")
    tags: dict[int, int] = {}
    entry_bytes = struct.calcsize(order + entry)
    start += struct.calcsize(order + length)
    for place in range(start, start + count * entry_bytes, entry_bytes):
        tag, kind, number, value = struct.unpack_from(order + entry, data, place)
        if kind not in _NUMBERS or not number:
            continue
        form = order + _NUMBERS[kind]
        if number * struct.calcsize(form) > len(value):
            value = data[struct.unpack(order + offset, value)[0] :]
        tags.setdefault(tag, struct.unpack_from(form, value)[0])
    return tags


_READERS: dict[bytes, Callable[[Bytes], Size | None]] = {
    b"\xff\xd8": _jpeg_size,
    b"\x89PNG": _png_size,
    b"RIFF": _webp_size,
    b"BM": _bmp_size,
    b"II": _tiff_size,
    b"MM": _tiff_size,
}
