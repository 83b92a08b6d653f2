"""FLIR's sequences (`.seq`, `.csq`, `.fff`): FFF files one after the other, each with counts and time.

The layout is the one that ExifTool documents in its list of FLIR tags. In a `.csq` the counts are compressed
without loss (JPEG-LS, ITU-T T.87), which libav decodes.
"""

from __future__ import annotations

import logging
import mmap
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from stream.config import InputSettings
from stream.errors import SourceError
from stream.frame import ClockSource, Frame, Side
from stream.sources.base import SourceBase, SourceInfo
from stream.sources.options import STATED, check_options
from stream.sources.pictures.convert import choose_converter
from stream.sources.pictures.decode import check_alike, stored_format
from stream.sources.pictures.radiometric.camera import recorded_at_s, stated_rate_of
from stream.sources.pictures.radiometric.fff import (
    CAMERA,
    FFF,
    FlirPicture,
    block_end,
    find_records,
    read_fff,
)
from stream.sources.pictures.radiometric.raw_image import FlirError
from stream.sources.pictures.times import DEFAULT_RATE, stated_rate
from stream.uri import Uri

_log = logging.getLogger(__name__)

SEQUENCE_SUFFIXES = frozenset({".seq", ".csq", ".fff"})
MOST_FRAMES = 1 << 22
# A file whose heads are this far apart from each other is none of pictures.
_FEWEST_BYTES = 64


class _Place(NamedTuple):
    """Where a frame is in the file."""

    start: int
    end: int


class FlirSequenceSource(SourceBase):
    """The frames of a sequence, at the times that the camera stamped.

    Where a frame has no time, or one that is not later than that of the frame before, all of them follow
    each other at a rate: the stated one, else the camera's, else 25 a second. A damaged frame is counted in
    `lost["corrupt"]` and keeps its place in time.
    """

    def __init__(self, settings: InputSettings, uri: Uri, role: Side) -> None:
        """Find the frames and read the first one that can be read.

        Args:
            settings: of the input; `rate`, `bits`, layout of counts and unit hold here.
            uri: a path or `thermal://`, with the option `rate`.
            role: only thermal.

        Raises:
            SourceError: it holds no counts, cannot be read, or is asked for a visible side.
        """
        super().__init__()
        check_options(uri, {"rate"} | (STATED if uri.scheme == "thermal" else set()))
        if role == "visible":
            raise SourceError(f"{uri} holds counts of a thermal camera and no visible pictures")
        self._name, path = str(uri), Path(uri.path)
        self._bytes = _mapped(path)
        try:
            self._places = _frames(self._bytes)
            self._prepare(settings, uri, role)
        except BaseException:
            self.close()
            raise

    def _prepare(self, settings: InputSettings, uri: Uri, role: Side) -> None:
        first = next((found for index in range(len(self._places)) if (found := self._picture(index))), None)
        if first is None:
            raise SourceError(f"{self._name} holds no counts that can be read: no FLIR sequence, or damaged")
        stated = stated_rate(settings, uri)
        self._times_s = [] if stated else self._stamps()
        self._clock: ClockSource = "device" if self._times_s else "pts"
        self._rate = stated or _mean_rate(self._times_s) or stated_rate_of(*first.camera) or DEFAULT_RATE
        self._convert = choose_converter(first.counts, role, settings, self._name)
        self._dtype = first.counts.dtype
        self.stored_bits, self.stored_format = settings.count_bits or 16, stored_format(first.counts)
        height, width = first.counts.shape
        self.info = SourceInfo(
            uri=self._name,
            width=width,
            height=height,
            pixel_format=self._convert.target.pixel_format,
            bits=self._convert.target.bits,
            rate=self._rate,
            frames=len(self._places),
            time_base=Fraction(1, 1000) if self._times_s else 1 / self._rate,
            codec="flir sequence",
            radiometry=self._convert.radiometry or first.radiometry,
        )

    def _picture(self, index: int) -> FlirPicture | None:
        place = self._places[index]
        try:
            return read_fff(self._bytes[place.start : place.end])
        except FlirError:
            return None

    def _stamps(self) -> list[Fraction]:
        """Times of all frames in seconds since 1970; none where one lacks, or they do not rise."""
        times_s = []
        for index in range(len(self._places)):
            time_s = self._stamp(self._places[index])
            if time_s is None:
                return []
            times_s.append(time_s)
        if any(first >= second for first, second in pairwise(times_s)):
            _log.warning("%s has times that do not rise; its frames follow each other at a rate", self._name)
            return []
        return times_s

    def _stamp(self, place: _Place) -> Fraction | None:
        try:
            camera = find_records(self._bytes[place.start : place.end], (CAMERA,)).get(CAMERA)
        except FlirError:
            return None
        return recorded_at_s(*camera) if camera else None

    def _read(self) -> Iterator[Frame]:
        info, radiometry = self.info, self.info.radiometry
        for index in range(len(self._places)):
            picture = self._picture(index)
            if picture is None:
                self.lost["corrupt"] += 1
                continue
            check_alike(f"frame {index} of {self._name}", picture.counts, info, self._dtype)
            # Cameras may tell their constants in the first frame only.
            radiometry = self._convert.radiometry or picture.radiometry or radiometry
            time_s = self._times_s[index] if self._times_s else index / self._rate
            pixels = self._convert(picture.counts)
            yield Frame(
                pixels, info.pixel_format, time_s, self._clock, index, info.bits, radiometry=radiometry
            )

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._end_reading()
        self._bytes.close()


def _mapped(path: Path) -> mmap.mmap:
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise SourceError(f"the file {path} does not exist") from None
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise SourceError(f"{path} is empty") from None


def _frames(data: mmap.mmap) -> list[_Place]:
    """Places of all frames; what is cut off at the end counts as one."""
    starts: list[int] = []
    at = data.find(FFF)
    while at >= 0 and len(starts) < MOST_FRAMES:
        starts.append(at)
        # Counts may hold the same bytes as a head; a length that leads out of the file is wrong.
        length = block_end(data, at)
        at = data.find(FFF, at + (length if _FEWEST_BYTES < length <= len(data) - at else _FEWEST_BYTES))
    return [_Place(*each) for each in pairwise([*starts, len(data)])]


def _mean_rate(times_s: list[Fraction]) -> Fraction | None:
    if len(times_s) < 2:
        return None
    return ((len(times_s) - 1) / (times_s[-1] - times_s[0])).limit_denominator(1000)
