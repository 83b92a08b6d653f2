"""Many pictures in one file, as a stream at a rate."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from stream.config import InputSettings
from stream.errors import SourceError
from stream.frame import Frame, Pixels, Side
from stream.sources.base import SourceBase, SourceInfo
from stream.sources.pictures.convert import choose_converter
from stream.sources.pictures.decode import check_alike, stored_format
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
        self._uri, self._name = settings.uri, mask(settings.uri)
        self._stack, self._rate = stack, rate
        first = self._first_readable()
        self._convert = choose_converter(first, role, settings, self._name)
        target = self._convert.target
        self._dtype = first.dtype
        self.stored_bits = settings.count_bits or 8 * first.dtype.itemsize
        self.stored_format = stored_format(first)
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
            radiometry=self._convert.radiometry,
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
            yield Frame(
                self._convert(pixels),
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
