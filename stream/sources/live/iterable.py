"""Cameras that Python code reads: any iterable of pictures becomes a live source."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from stream.config import InputSettings
from stream.errors import RefusedError, SourceError
from stream.frame import ClockSource, Frame, PixelFormat, Side
from stream.runtime.clock import Clock
from stream.sources.base import SourceBase, SourceInfo
from stream.sources.counts import CountReader
from stream.uri import Uri

# What a user's iterable gives: pixels, or pixels and their capture time in seconds since 1970.
Item = Any
Factory = Callable[[], Iterable[Item]]

# Factories by name, and whether their iterables come to an end.
_given: dict[str, tuple[Factory, bool]] = {}
_numbers = itertools.count(1)


def give(frames: Iterable[Item] | Factory) -> str:
    """Make an iterable, or a function that gives one for each connection, known in this process.

    Returns:
        The URI that opens it. The end of an iterable is the end of the camera; that of what a function gave
        is a lost connection.
    """
    name = f"given-{next(_numbers)}"
    _given[name] = (frames, False) if callable(frames) else (lambda: frames, True)
    return f"python://{name}"


class IterableSource(SourceBase):
    """Pictures of a user's iterable, for `python://package.module:function`.

    The function is called for every connection and gives an iterable of arrays: [H, W, 3] uint8 RGB for the
    visible camera, [H, W] of numbers for the thermal one, as `stream/sources/counts.py` reads them;
    or of tuples of such an array and its capture time in seconds since 1970 on the camera's clock (`device`).
    Without one, the time is that of arrival. An exception that it raises is a lost connection, and so is its
    end, unless it was given as an iterable.
    """

    def __init__(self, settings: InputSettings, uri: Uri, role: Side, clock: Clock) -> None:
        """Call the function and wait for the first picture.

        Raises:
            RefusedError: there is no such function, or it gives something else.
            SourceError: it ends before the first picture.
        """
        super().__init__()
        self._name, self._role, self._settings, self._clock = str(uri), role, settings, clock
        self._counts: CountReader | None = None
        factory, finite = _factory(uri)
        self._items, self._index = iter(factory()), 0
        first = next(self._frames_of_items(), None)
        if first is None:
            raise SourceError(f"{self._name} ended before its first picture")
        self._first: Frame | None = first
        width, height = first.size
        self.info = SourceInfo(
            self._name,
            width,
            height,
            first.pixel_format,
            first.bits,
            live=True,
            finite=finite,
            codec="python",
            radiometry=first.radiometry,
        )

    def _read(self) -> Iterator[Frame]:
        first, self._first = self._first, None
        if first is not None:
            yield first
        yield from self._frames_of_items()

    def _frames_of_items(self) -> Iterator[Frame]:
        for item in self._items:
            arrived_s, utc_ns = self._clock.monotonic_s(), self._clock.utc_ns()
            pixels, time_s = item if isinstance(item, tuple) else (item, None)
            clock: ClockSource = "arrival" if time_s is None else "device"
            stamp_s = Fraction(utc_ns, 1_000_000_000) if time_s is None else Fraction(time_s)
            index, self._index = self._index, self._index + 1
            pixels = self._as_counts(pixels)
            pixel_format, bits = self._format(pixels)
            radiometry = self._counts.unit if self._counts else None
            yield Frame(pixels, pixel_format, stamp_s, clock, index, bits, arrived_s, radiometry=radiometry)

    def _as_counts(self, pixels: Any) -> Any:
        """Thermal numbers of any format as the counts that travel; all else as it is."""
        if self._role == "visible" or not isinstance(pixels, np.ndarray) or pixels.ndim != 2:
            return pixels
        if self._counts is None:
            settings = self._settings
            self._counts = CountReader(pixels, settings.count_layout, settings.unit, self._name)
        return self._counts(pixels)

    def _format(self, pixels: Any) -> tuple[PixelFormat, int]:
        kind = (pixels.ndim, str(pixels.dtype)) if isinstance(pixels, np.ndarray) else None
        if self._role == "visible" and kind == (3, "uint8") and pixels.shape[2] == 3:
            return "rgb24", 8
        if self._role == "thermal" and kind == (2, "uint8"):
            return "gray8", 8
        if self._role == "thermal" and kind == (2, "uint16"):
            return "gray16le", self._settings.count_bits or 16
        wanted = "[H, W, 3] uint8" if self._role == "visible" else "[H, W] of numbers"
        came = f"{pixels.shape} {pixels.dtype}" if kind else type(pixels).__name__
        raise RefusedError(f"{self._name} must give arrays {wanted} for the {self._role} camera, got {came}")


def _factory(uri: Uri) -> tuple[Factory, bool]:
    if uri.path in _given:
        return _given[uri.path]
    module_name, _, function_name = uri.path.partition(":")
    try:
        function = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise RefusedError(
            f"{uri} names no function ({error}); write python://package.module:function"
        ) from None
    if not callable(function):
        raise RefusedError(f"{uri} is no function; write python://package.module:function")
    return function, False
