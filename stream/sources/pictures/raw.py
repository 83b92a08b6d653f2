"""Numbers without a header, picture after picture: what cameras and tools dump (Y16 and others)."""

from __future__ import annotations

import os
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np

from stream.config import InputSettings
from stream.errors import SourceError
from stream.frame import Pixels, Side
from stream.sources.base import Source
from stream.sources.number_format import check_one_picture, check_unsigned
from stream.sources.options import STATED, check_options, size_option
from stream.sources.pictures.convert import cuts_rows
from stream.sources.pictures.stack import StackSource
from stream.sources.pictures.times import rate_of
from stream.sources.video.pixels import check_bits
from stream.uri import Uri


class RawCounts:
    """Numbers of one format, row after row and picture after picture, without any header.

    Attributes:
        count: how many whole pictures there are.
        broken: bytes are left over that make no picture.
    """

    def __init__(self, path: Path, size: tuple[int, int], dtype: np.dtype[Any]) -> None:
        """Open a file.

        Args:
            path: the file.
            size: width and height in pixels.
            dtype: number format and byte order.

        Raises:
            OSError: the file cannot be opened.
        """
        self._size, self._dtype = size, dtype
        self._frame_bytes = dtype.itemsize * size[0] * size[1]
        self._file = path.open("rb", buffering=0)
        self.count, left = divmod(os.fstat(self._file.fileno()).st_size, self._frame_bytes)
        self.broken = left > 0

    def read(self, index: int) -> Pixels | None:
        """Numbers of a picture, [H, W]; None when it cannot be read, or the file became shorter."""
        width, height = self._size
        try:
            self._file.seek(index * self._frame_bytes)
            counts = np.fromfile(self._file, self._dtype, width * height)
        except OSError:
            return None
        if counts.size != width * height:
            return None
        return counts.astype(self._dtype.newbyteorder("=")).reshape(height, width)

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._file.close()


def open_raw(settings: InputSettings, uri: Uri, path: Path, role: Side) -> Source:
    """Open numbers without a header.

    Args:
        settings: of the input; bits, layout of counts and unit hold here.
        uri: with the options `size`, `rate` and `endian`.
        path: the file.
        role: decides the pixel format of the frames.

    Raises:
        SourceError: the file cannot be read, or size and number format cannot be right.
    """
    check_options(uri, {"size", "rate", "endian"} | STATED)
    layout = settings.count_layout
    check_bits(settings.count_bits, 8 if layout.bits == 8 else 16, str(uri))
    if not path.is_file():
        raise SourceError(f"the file {path} does not exist")
    size = _size(uri)
    if not (layout.half or layout.whole or cuts_rows(settings)):
        check_one_picture(size, str(uri))
    dtype = np.dtype(layout.dtype)
    if "endian" in uri.options:
        dtype = dtype.newbyteorder(">" if _big_endian(uri) else "<")
    with ExitStack() as opened:
        stack = opened.enter_context(closing(_opened(uri, path, size, dtype)))
        _check_content(uri, stack, size, settings)
        source = StackSource(settings, role, stack, "raw counts", rate_of(settings, uri))
        opened.pop_all()
        return source


def _opened(uri: Uri, path: Path, size: tuple[int, int], dtype: np.dtype[Any]) -> RawCounts:
    try:
        return RawCounts(path, size, dtype)
    except OSError as error:
        raise SourceError(f"{uri} cannot be read: {error.strerror}") from None


def _check_content(uri: Uri, stack: RawCounts, size: tuple[int, int], settings: InputSettings) -> None:
    """Counts tell whether size, number format and byte order can be right.

    Raises:
        SourceError: they cannot.
    """
    first = stack.read(0) if stack.count else None
    if first is None:
        raise SourceError(f"{uri} is shorter than one picture of {size[0]}x{size[1]} pixels; check the size")
    bits = settings.count_bits
    top = 2 ** (bits or 16) - 1
    if first.dtype.kind == "u" and np.median(first) > top:
        raise SourceError(
            f"{uri} has counts up to {first.max()} where {bits} bits reach {top}; "
            "check bits, and whether endian is little or big"
        )
    if not (settings.count_layout.numbers or settings.count_layout.big_endian or "endian" in uri.options):
        check_unsigned(first, str(uri))


def _size(uri: Uri) -> tuple[int, int]:
    size = size_option(uri)
    if size is None:
        raise SourceError(
            f"{uri} is raw counts, whose size nothing tells; write thermal://FILE?size=640x512, and rate=, "
            "bits=, endian=big and layout= where they are needed"
        )
    return size


def _big_endian(uri: Uri) -> bool:
    endian = uri.options.get("endian", "little")
    if endian not in ("little", "big"):
        raise SourceError(f"{uri}: endian must be little or big, got {endian!r}")
    return endian == "big"
