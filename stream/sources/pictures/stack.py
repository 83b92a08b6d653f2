"""Many pictures in one file: the pages of a TIFF, or raw counts of 16 bits one after the other (Y16)."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np

from stream.config import InputSettings
from stream.errors import SourceError
from stream.frame import Frame, Pixels, Side
from stream.sources.base import SourceBase, SourceInfo
from stream.sources.pictures.decode import check_alike, choose_picture_target, convert_picture
from stream.sources.pictures.unsupported import CONVERT, describe_unsupported
from stream.uri import mask, parse_uri

_log = logging.getLogger(__name__)


class Stack(Protocol):
    """Pictures of a file by their numbers.

    Attributes:
        broken: the file ends within a picture, or its list of pictures does not end.
    """

    broken: bool

    @property
    def count(self) -> int:
        """The number of whole pictures."""

    def read(self, index: int) -> Pixels | None:
        """One as it is stored, [H, W] or [H, W, 3] (BGR); None when it is damaged."""

    def close(self) -> None:
        """Release the file; may be called twice."""


class RawCounts:
    """Counts of 16 bits, row after row and picture after picture, without any header.

    Attributes:
        count: how many whole pictures there are.
        broken: bytes are left over that make no picture.
    """

    def __init__(self, path: Path, size: tuple[int, int], big_endian: bool) -> None:
        """Open a file.

        Args:
            path: the file.
            size: width and height in pixels.
            big_endian: the high byte of each count comes first.

        Raises:
            OSError: the file cannot be opened.
        """
        self._size, self._dtype = size, np.dtype(">u2" if big_endian else "<u2")
        self._frame_bytes = 2 * size[0] * size[1]
        self._file = path.open("rb", buffering=0)
        self.count, left = divmod(os.fstat(self._file.fileno()).st_size, self._frame_bytes)
        self.broken = left > 0

    def read(self, index: int) -> Pixels | None:
        """Counts of a picture, [H, W] uint16; None when it cannot be read, or the file became shorter."""
        width, height = self._size
        try:
            self._file.seek(index * self._frame_bytes)
            counts = np.fromfile(self._file, self._dtype, width * height)
        except OSError:
            return None
        return counts.astype(np.uint16).reshape(height, width) if counts.size == width * height else None

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._file.close()


class StackSource(SourceBase):
    """The pictures of a stack, one after the other at a rate.

    A picture that cannot be read is counted in `lost["corrupt"]` and keeps its place in time; so is what is
    left of one at the end of a file that was cut off.
    """

    def __init__(self, settings: InputSettings, role: Side, stack: Stack, codec: str, rate: Fraction) -> None:
        """Read the first picture that can be read; the source closes the stack with itself, but not here.

        Args:
            settings: of the input; `bits` holds here.
            role: decides the pixel format of the frames.
            stack: the pictures.
            codec: name of the reader, for people.
            rate: frames a second.

        Raises:
            SourceError: no picture can be read, or the settings do not fit.
        """
        super().__init__()
        self._uri = settings.uri
        self._name, self._role, self._bits = mask(settings.uri), role, settings.bits
        self._stack, self._rate = stack, rate
        first = self._first_readable()
        target = choose_picture_target(first, role, settings.bits, self._name)
        self._dtype = first.dtype
        self.stored_bits = settings.bits or 8 * first.dtype.itemsize
        self.stored_format = f"{'gray' if first.ndim == 2 else 'rgb'}{8 * first.dtype.itemsize}"
        self.info = SourceInfo(
            uri=self._name,
            width=first.shape[1],
            height=first.shape[0],
            pixel_format=target.pixel_format,
            bits=target.bits,
            rate=rate,
            frames=stack.count,
            time_base=1 / rate,
            codec=codec,
            radiometry=settings.radiometry,
        )

    def _first_readable(self) -> Pixels:
        for index in range(self._stack.count):
            pixels = self._stack.read(index)
            if pixels is not None:
                return pixels
        kind = describe_unsupported(Path(parse_uri(self._uri).path))
        if kind:
            raise SourceError(f"{self._name} is {kind}, which is not supported; {CONVERT}")
        raise SourceError(
            f"{self._name}: none of its {self._stack.count} pictures can be read: it is damaged"
        )

    def _read(self) -> Iterator[Frame]:
        info = self.info
        for index in range(self._stack.count):
            pixels = self._stack.read(index)
            if pixels is None:
                self.lost["corrupt"] += 1
                continue
            check_alike(f"picture {index} of {self._name}", pixels, info, self._dtype)
            upright = convert_picture(pixels, self._role, self._bits)
            yield Frame(
                upright,
                info.pixel_format,
                index / self._rate,
                "pts",
                index,
                info.bits,
                radiometry=info.radiometry,
            )
        if self._stack.broken:
            self.lost["corrupt"] += 1
            _log.warning("%s breaks off after %d pictures", self._name, self._stack.count)

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._end_reading()
        self._stack.close()
