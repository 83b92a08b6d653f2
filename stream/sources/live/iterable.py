"""Cameras that Python code reads: any iterable of pictures becomes a live source."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from stream.config import InputSettings
from stream.errors import RefusedError, SourceError
from stream.frame import ClockSource, Frame, Side
from stream.runtime.clock import Clock
from stream.sources.arrays import ArrayCounts, GivenFrames, array_format, given, split_item
from stream.sources.base import SourceBase, SourceInfo
from stream.uri import Uri


class IterableSource(SourceBase):
    """Pictures of a user's iterable, for `python://package.module:function`.

    The function is called for every connection and gives an iterable of arrays: [H, W, 3] uint8 RGB for the
    visible camera, [H, W] uint8 or uint16 for the thermal one; or of tuples of such an array and its capture
    time in seconds since 1970 on the camera's clock (`device`). Without one, the time is that of arrival. An
    exception that it raises is a lost connection, and so is its end, unless it was given as an iterable.
    """

    def __init__(self, settings: InputSettings, uri: Uri, role: Side, clock: Clock) -> None:
        """Call the function and wait for the first picture.

        Raises:
            RefusedError: there is no such function, or it gives something else.
            SourceError: it ends before the first picture.
        """
        super().__init__()
        self._name, self._role, self._bits, self._clock = str(uri), role, settings.count_bits, clock
        self._counts = ArrayCounts(settings, role, self._name)
        frames = given.get(uri.path) or _function(uri)
        self._items, self._index = iter(frames.factory()), 0
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
            finite=frames.finite,
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
            try:
                pixels, time_s = split_item(item)
                pixels = self._counts(pixels)
                pixel_format, bits = array_format(pixels, self._role, self._bits, self._name)
            except SourceError as error:  # connecting again would not help
                raise RefusedError(str(error)) from None
            clock: ClockSource = "arrival" if time_s is None else "device"
            stamp_s = Fraction(utc_ns, 1_000_000_000) if time_s is None else time_s
            index, self._index = self._index, self._index + 1
            # Copied: the camera's code may use the same array for the next picture.
            yield Frame(
                np.array(pixels),
                pixel_format,
                stamp_s,
                clock,
                index,
                bits,
                arrived_s,
                radiometry=self._counts.radiometry,
            )


def _function(uri: Uri) -> GivenFrames:
    module_name, _, function_name = uri.path.partition(":")
    try:
        function = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise RefusedError(
            f"{uri} names no function ({error}); write python://package.module:function"
        ) from None
    if not callable(function):
        raise RefusedError(f"{uri} is not a function; write python://package.module:function")
    return GivenFrames(function, finite=False)
