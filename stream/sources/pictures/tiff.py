"""Pages of a TIFF file, one by one, however many there are.

The chain of directories is walked here, once, and each page is handed to OpenCV as a small TIFF of its own;
OpenCV alone walks from the first page on for every page. Classic TIFF and BigTIFF, in both byte orders.

Source of the layout: TIFF revision 6.0, Adobe 1992; BigTIFF, as the library libtiff describes it.
"""

from __future__ import annotations

import os
import struct
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, NamedTuple

import cv2
import numpy as np

from stream.errors import SourceError
from stream.frame import Pixels
from stream.picture_size import MOST_BYTES, is_bounded

TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
MOST_PAGES = 1 << 22
MOST_ENTRIES = 4096
# Strip tables are the longest values; a page of a million strips is none that a camera wrote.
MOST_VALUE_BYTES = 8 << 20

# Type of a value -> its size in bytes.
_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_FRACTIONS = (5, 10)
_WHOLE_NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_SUBFILE, _DESCRIPTION = 254, 270
# Tags of the offsets of strips or tiles -> tags of their byte counts.
_PLACES = {273: 279, 324: 325}
# All that a decoder must know; private tags stay out.
_NEEDED = (
    *(254, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 292),
    *(317, 320, 322, 323, 324, 325, 338, 339, 347),
)
_REDUCED_OR_MASK = 1 | 4
_LONG = 4


class _Layout(NamedTuple):
    """The byte order of the file, as `struct` writes it."""

    order: str
    length: str
    entry: str
    offset: str

    def size(self, kind: str) -> int:
        return struct.calcsize(self.order + kind)


_CLASSIC, _BIG = ("H", "HHI4s", "I"), ("Q", "HHQ8s", "Q")


class TagValue(NamedTuple):
    """A tag's value: its type, how many, and their bytes."""

    kind: int
    number: int
    data: bytes


class TiffPages:
    """The pages of a TIFF file, without reduced copies and masks.

    Attributes:
        count: how many pages there are.
        broken: the chain of pages leads out of the file, back into itself, or through directories that
            overlap; the pages before that are read.
    """

    def __init__(self, path: Path, most: int = MOST_PAGES) -> None:
        """Walk the chain of directories, without reading pixels.

        Args:
            path: the file.
            most: number of pages to look at.

        Raises:
            OSError: the file cannot be opened.
        """
        self.broken = False
        self._offsets: list[int] = []
        self._file: BinaryIO = path.open("rb")
        try:
            self._bytes = os.fstat(self._file.fileno()).st_size
            self._walk(most)
        except BaseException:
            self.close()
            raise

    @property
    def count(self) -> int:
        """The number of pages."""
        return len(self._offsets)

    def read(self, index: int, alpha: bool = False) -> Pixels | None:
        """A page as it is stored: [H, W], [H, W, 3] BGR, or BGRA with alpha; None when it cannot be read."""
        try:
            page = self._page(self._tags(self._offsets[index], _NEEDED))
            if not is_bounded(page):
                return None
            form = cv2.IMREAD_UNCHANGED if alpha else cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR
            return cv2.imdecode(np.frombuffer(page, np.uint8), form)
        except (ValueError, OSError, struct.error, cv2.error):
            return None

    def tags(self, index: int, wanted: tuple[int, ...]) -> dict[int, TagValue]:
        """Values of those of the wanted tags that a page has, their bytes always little-endian.

        Raises:
            ValueError: the file ends before a value.
        """
        tags = self._tags(self._offsets[index], wanted)
        if self._layout.order == "<":
            return tags
        return {tag: value._replace(data=_swapped(value)) for tag, value in tags.items()}

    def whole_number(self, tag: int, default: int) -> int:
        """The first number of a tag of the first page."""
        try:
            value = self._tags(self._offsets[0], (tag,)).get(tag)
            return self._numbers(value)[0] if value and value.number else default
        except (LookupError, ValueError, OSError, struct.error):
            return default

    def undirected(self) -> int:
        """Pictures of an ImageJ stack that follow the first one without a directory of their own."""
        try:
            text = self._tags(self._offsets[0], (_DESCRIPTION,))[_DESCRIPTION].data
        except (LookupError, ValueError, OSError):
            return 0
        lines = text.decode("latin-1").rstrip("\0").splitlines() if text.startswith(b"ImageJ=") else []
        stated = next((line[7:] for line in lines if line.startswith("images=")), "")
        return max(int(stated) - self.count, 0) if stated.isdecimal() and len(stated) < 10 else 0

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._file.close()

    def _walk(self, most: int) -> None:
        seen: set[int] = set()
        walked = 0
        try:
            self._layout, offset = self._head()
            while offset and self.count < most:
                if offset in seen or len(seen) >= MOST_PAGES:
                    raise ValueError("the chain of pages leads back into itself")
                seen.add(offset)
                entries, following = self._directory(offset)
                walked += len(entries)
                if walked > self._bytes:
                    raise ValueError("directories that overlap")
                if not self._kind(entries) & _REDUCED_OR_MASK:
                    self._offsets.append(offset)
                offset = following
        except ValueError:
            self.broken = True

    def _head(self) -> tuple[_Layout, int]:
        head = self._file.read(16).ljust(16, b"\0")
        order = {b"II": "<", b"MM": ">"}.get(head[:2])
        if order is None:
            raise ValueError("no TIFF")
        (version,) = struct.unpack_from(order + "H", head, 2)
        if version == 42:
            return _Layout(order, *_CLASSIC), struct.unpack_from(order + "I", head, 4)[0]
        if version == 43:
            return _Layout(order, *_BIG), struct.unpack_from(order + "Q", head, 8)[0]
        raise ValueError("no TIFF")

    def _directory(self, offset: int) -> tuple[bytes, int]:
        """Bytes of a directory's entries, and where the next directory is."""
        layout = self._layout
        (count,) = struct.unpack(layout.order + layout.length, self._at(offset, layout.size(layout.length)))
        if count > MOST_ENTRIES:
            raise ValueError(f"a directory of {count} entries")
        length = count * layout.size(layout.entry)
        data = self._at(offset + layout.size(layout.length), length + layout.size(layout.offset))
        return data[:length], struct.unpack(layout.order + layout.offset, data[length:])[0]

    def _kind(self, entries: bytes) -> int:
        for tag, kind, _, data in struct.iter_unpack(self._layout.order + self._layout.entry, entries):
            if tag == _SUBFILE and kind == _LONG:
                return int(struct.unpack_from(self._layout.order + "I", data)[0])
        return 0

    def _tags(self, offset: int, wanted: tuple[int, ...]) -> dict[int, TagValue]:
        layout, tags = self._layout, {}
        entries, _ = self._directory(offset)
        for tag, kind, count, data in struct.iter_unpack(layout.order + layout.entry, entries):
            if tag not in wanted or kind not in _SIZES or tag in tags:
                continue
            length = count * _SIZES[kind]
            if length > MOST_VALUE_BYTES:
                raise ValueError(f"tag {tag} of {length} bytes")
            if length > len(data):
                data = self._at(struct.unpack(layout.order + layout.offset, data)[0], length)
            tags[tag] = TagValue(kind, count, data[:length])
        return tags

    def _page(self, tags: dict[int, TagValue]) -> bytes:
        """A TIFF file of one page: header, pixels, values that are too long for an entry, directory."""
        order = self._layout.order
        page = bytearray(b"II*\0" if order == "<" else b"MM\0*") + bytes(4)
        places = next((tag for tag in _PLACES if tag in tags and _PLACES[tag] in tags), None)
        if places is None:
            raise ValueError("a page without pixels")
        starts, lengths = self._numbers(tags[places]), self._numbers(tags[_PLACES[places]])
        if len(starts) != len(lengths) or sum(lengths) > min(self._bytes, MOST_BYTES):
            raise ValueError("a page whose pixels are nowhere")
        moved = []
        for start, length in zip(starts, lengths, strict=True):
            moved.append(len(page))
            page += self._at(start, length)
        for tag, numbers in ((places, moved), (_PLACES[places], lengths)):
            tags[tag] = TagValue(_LONG, len(numbers), struct.pack(f"{order}{len(numbers)}I", *numbers))
        return _finish(page, tags, order)

    def _numbers(self, value: TagValue) -> tuple[int, ...]:
        if value.kind not in _WHOLE_NUMBERS:
            raise ValueError("offsets that are not whole numbers")
        return struct.unpack(f"{self._layout.order}{value.number}{_WHOLE_NUMBERS[value.kind]}", value.data)

    def _at(self, offset: int, length: int) -> bytes:
        """Bytes of the file.

        Raises:
            ValueError: it ends before them.
        """
        if offset + length > self._bytes:
            raise ValueError(f"the file ends before byte {offset + length}")
        self._file.seek(offset)
        data = self._file.read(length)
        if len(data) != length:
            raise ValueError(f"the file ends before byte {offset + length}")
        return data


def _swapped(value: TagValue) -> bytes:
    """The bytes of a value in the other order; a fraction is two numbers of four bytes."""
    size = 4 if value.kind in _FRACTIONS else _SIZES[value.kind]
    return np.frombuffer(value.data, f"V{size}").view(np.uint8).reshape(-1, size)[:, ::-1].tobytes()


def _finish(page: bytearray, tags: dict[int, TagValue], order: str) -> bytes:
    """Add values and directory to a page's pixels, and point its header there."""
    entries = b""
    for tag, value in sorted(tags.items()):
        data = value.data.ljust(4, b"\0")
        if len(data) > 4:
            data = struct.pack(order + "I", len(page))
            page += value.data
        entries += struct.pack(order + "HHI", tag, value.kind, value.number) + data
    page += bytes(len(page) % 2)
    struct.pack_into(order + "I", page, 4, len(page))
    return bytes(page + struct.pack(order + "H", len(tags)) + entries + bytes(4))


def is_stack(pages: TiffPages) -> bool:
    """True when a TIFF is a stream of pictures, not one picture with a small copy."""
    if pages.count < 2:
        return False
    first, second = pages.read(0), pages.read(1)
    return first is None or second is None or first.shape == second.shape


def check_single(path: Path) -> None:
    """Refuse a file of many pictures among files of one picture each.

    Raises:
        SourceError: it is one.
    """
    if path.suffix.lower() not in TIFF_SUFFIXES:
        return
    with closing(TiffPages(path, most=2)) as pages:
        if is_stack(pages):
            raise SourceError(
                f"{path} holds several pictures, and of a folder only files of one picture are read; "
                "give that file alone"
            )
