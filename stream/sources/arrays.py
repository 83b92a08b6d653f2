"""Arrays from Python code: their checks, and a recorded source of them.

A live source of them is `stream.sources.live.iterable`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from stream.config import InputSettings
from stream.errors import SourceError
from stream.frame import Frame, PixelFormat, Side
from stream.radiometry import Radiometry
from stream.sources.base import SourceBase, SourceInfo
from stream.sources.counts import CountReader
from stream.uri import Uri

# Pixels, or pixels and their capture time in seconds.
Item = Any
Factory = Callable[[], Iterable[Item]]

# Frames a second of pictures that come without times, unless it is stated.
DEFAULT_RATE = 25


@dataclass(frozen=True)
class GivenFrames:
    """Frames that a caller gave: a function that gives an iterable of pictures, to be opened by name.

    Attributes:
        factory: called for each connection.
        finite: the end of the iterable is the end of the stream, not a lost connection.
    """

    factory: Factory
    finite: bool = True


# By name; forgotten with the process.
given: dict[str, GivenFrames] = {}
_numbers = itertools.count(1)


def give(frames: GivenFrames) -> str:
    """Make frames known in this process; the name by which a URI opens them."""
    name = f"given-{next(_numbers)}"
    given[name] = frames
    return name


def split_item(item: Item) -> tuple[Any, Fraction | None]:
    """Pixels and time of an item that a caller gave."""
    if not isinstance(item, tuple):
        return item, None
    if len(item) != 2:
        raise SourceError(f"a tuple of pixels and seconds is needed, got a tuple of {len(item)}")
    pixels, time_s = item
    try:
        return pixels, None if time_s is None else Fraction(time_s)
    except (TypeError, ValueError, OverflowError):
        raise SourceError(f"the time of a picture must be a number of seconds, got {time_s!r}") from None


def array_format(pixels: Any, side: Side, bits: int | None, name: str) -> tuple[PixelFormat, int]:
    """Pixel format and significant bits of an array.

    Args:
        pixels: [H, W, 3] uint8 RGB for the visible side; [H, W] uint8 or uint16 for the thermal one.
        side: of which camera it is.
        bits: significant bits of a count as the user states them.
        name: of the stream, for the error.

    Raises:
        SourceError: it is anything else.
    """
    kind = (pixels.ndim, str(pixels.dtype)) if isinstance(pixels, np.ndarray) else None
    if side == "visible" and kind == (3, "uint8") and pixels.shape[2] == 3:
        return "rgb24", 8
    if side == "thermal" and kind == (2, "uint8"):
        return "gray8", 8
    if side == "thermal" and kind == (2, "uint16"):
        return "gray16le", bits or 16
    wanted = "[H, W, 3] uint8" if side == "visible" else "[H, W] uint8 or uint16"
    came = f"{pixels.shape} {pixels.dtype}" if kind else type(pixels).__name__
    raise SourceError(f"{name} must give arrays {wanted} for the {side} camera, got {came}")


class ArrayCounts:
    """Thermal numbers of any format as the counts that travel; all else stays as it is.

    Attributes:
        radiometry: degrees Celsius of a count, as far as it is known.
    """

    def __init__(self, settings: InputSettings, side: Side, name: str) -> None:
        self._settings, self._side, self._name = settings, side, name
        self._reader: CountReader | None = None
        self.radiometry = settings.radiometry

    def __call__(self, pixels: Any) -> Any:
        """Counts of an array of numbers [H, W].

        Raises:
            SourceError: they are none that a picture can have.
        """
        if self._side == "visible" or not isinstance(pixels, np.ndarray) or pixels.ndim != 2:
            return pixels
        if self._reader is None:
            settings = self._settings
            self._reader = CountReader(pixels, settings.count_layout, settings.unit, self._name)
            self.radiometry = self._reader.unit
        return self._reader(pixels)


def array_frame(
    item: Item, side: Side, bits: int | None, radiometry: Radiometry | None, index: int, rate: Fraction
) -> Frame:
    """A recorded frame of an item; one without a time is `index / rate` seconds from the beginning.

    The pixels are copied: the caller may reuse the array for the next picture.

    Raises:
        SourceError: the item is not what its camera gives.
    """
    pixels, time_s = split_item(item)
    pixel_format, bits = array_format(pixels, side, bits, f"the {side} input")
    time_s = index / rate if time_s is None else time_s
    return Frame(np.array(pixels), pixel_format, time_s, "pts", index, bits, radiometry=radiometry)


class ArraySource(SourceBase):
    """Every picture of a caller's iterable, read as fast as they are fused, for `arrays://NAME`.

    Pictures without times are `rate` a second (`visible_rate`, `thermal_rate`), so that two such streams are
    paired one by one.
    """

    def __init__(self, settings: InputSettings, uri: Uri, side: Side) -> None:
        """Read the first picture.

        Raises:
            SourceError: there is none, or it is not what this camera gives.
        """
        super().__init__()
        self._settings, self._side = settings, side
        self._counts = ArrayCounts(settings, side, f"the {side} input")
        rate = Fraction(settings.rate or DEFAULT_RATE).limit_denominator(1001)
        self._rate = rate
        items = iter(given[uri.path].factory())
        self._left: Iterator[Item] = items
        item = next(items, None)
        if item is None:
            raise SourceError(f"the {side} input ended before its first picture")
        self._first: Frame | None = self._frame(item, 0)
        width, height = self._first.size
        timed = split_item(item)[1] is not None
        self.info = SourceInfo(
            f"the {side} input",
            width,
            height,
            self._first.pixel_format,
            self._first.bits,
            rate=None if timed else rate,
            codec="python",
            radiometry=self._first.radiometry,
        )

    def _read(self) -> Iterator[Frame]:
        first, self._first = self._first, None
        if first is not None:
            yield first
        for index, item in enumerate(self._left, 1):
            yield self._frame(item, index)

    def _frame(self, item: Item, index: int) -> Frame:
        pixels, time_s = split_item(item)
        counts = self._counts(pixels), time_s
        bits = self._settings.count_bits
        return array_frame(counts, self._side, bits, self._counts.radiometry, index, self._rate)
