"""Folders and globs of pictures as a stream of frames."""

from __future__ import annotations

import glob
import logging
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

from stream.config import InputSettings
from stream.errors import SourceError
from stream.frame import ClockSource, Frame, Side
from stream.sources.base import SourceBase, SourceInfo
from stream.sources.options import STATED, check_options, fraction_option, size_option
from stream.sources.pictures.convert import choose_converter
from stream.sources.pictures.decode import (
    COUNT_SUFFIXES,
    PICTURE_SUFFIXES,
    Stored,
    check_alike,
    read_stored,
    stored_format,
)
from stream.sources.pictures.tiff import check_single
from stream.uri import Uri

_log = logging.getLogger(__name__)

DEFAULT_RATE = Fraction(25)
# Pictures by which the depth of a stream is told.
LOOKED_AT = 3
# Tables beside pictures that are no picture of counts.
_NO_COUNTS = frozenset({"times.csv"})
LOWEST_RATE, HIGHEST_RATE = Fraction(1, 1_000_000), Fraction(1_000_000)
# Milliseconds since 1970 of the years 1973 to 2286; no numbering of frames is that long.
EARLIEST_MS, LATEST_MS = 10**11, 10**13
_LAST_NUMBER = re.compile(r"(\d+)$")


class ImageSource(SourceBase):
    """Pictures of a folder or glob, in natural order (`2.png` before `10.png`).

    Times come from the file names or from a rate; `times=name_ms` and `times=rate` in the URI choose. Without
    it the names hold the times when no rate is given and all of them end in milliseconds since 1970, each
    later than the one before; in all other cases (`000000.png`, `000001.png`, ...) pictures follow each other
    at the rate, 25 a second by default. A picture that cannot be read is counted in `lost["corrupt"]` and
    keeps its place in time. For thermal, the raw counts of FLIR's radiometric JPEG are read, not the picture,
    and `size` in the URI puts pictures right that were saved with the wrong number of columns.
    """

    def __init__(self, settings: InputSettings, uri: Uri, role: Side) -> None:
        """Find the pictures and read the first one that can be read.

        Args:
            settings: of the input; `rate` and `bits` hold here.
            uri: a folder, a glob or one picture, with the options `rate` and `times`.
            role: decides the pixel format of the frames.

        Raises:
            SourceError: when there are no pictures, none can be read, or an option is wrong.
        """
        super().__init__()
        thermal_only = STATED | {"size"} if uri.scheme == "thermal" else set()
        check_options(uri, {"rate", "times"} | thermal_only)
        self._role, self._picture_alone = role, settings.colours != "auto"
        self._size = size_option(uri)
        self._paths = find_pictures(uri.path)
        rate = stated_rate(settings, uri)
        self._times_s = times_of_names(self._paths, uri, rate)
        self._clock: ClockSource = "device" if self._times_s else "pts"
        self._rate = rate or (_mean_rate(self._times_s) if self._times_s else None) or DEFAULT_RATE
        path, stored = self._first_readable(uri)
        first = stored.pixels
        self._convert = choose_converter(first, role, settings, str(path))
        self._dtype = first.dtype
        self.stored_bits = settings.count_bits or 8 * first.dtype.itemsize
        self.stored_format = stored_format(first)
        target = self._convert.target
        self.info = SourceInfo(
            uri=str(uri),
            width=first.shape[1],
            height=first.shape[0],
            pixel_format=target.pixel_format,
            bits=target.bits,
            rate=self._rate,
            frames=len(self._paths),
            time_base=Fraction(1, 1000) if self._times_s else 1 / self._rate,
            codec=path.suffix[1:].lower(),
            radiometry=self._convert.radiometry or stored.radiometry,
        )

    def _first_readable(self, uri: Uri) -> tuple[Path, Stored]:
        """The first of the first few readable pictures whose depth most of them have."""
        readable = ((path, stored) for path in self._paths if (stored := self._stored(path)) is not None)
        found = list(islice(readable, LOOKED_AT))
        if not found:
            raise SourceError(
                f"none of the {len(self._paths)} pictures of {uri} can be read: they are damaged"
            )
        ((usual, _),) = Counter(stored.pixels.dtype for _, stored in found).most_common(1)
        path, stored = next(each for each in found if each[1].pixels.dtype == usual)
        check_single(path)
        return path, stored

    def _read(self) -> Iterator[Frame]:
        info = self.info
        for index, path in enumerate(self._paths):
            stored = self._stored(path)
            if stored is None:
                self.lost["corrupt"] += 1
                continue
            if stored.pixels.dtype != self._dtype:
                self._leave_out(path, stored)
                continue
            check_alike(str(path), stored.pixels, info, self._dtype)
            yield Frame(
                self._convert(stored.pixels),
                info.pixel_format,
                self._time_s(index),
                self._clock,
                index,
                info.bits,
                radiometry=self._convert.radiometry or stored.radiometry,
            )

    def _stored(self, path: Path) -> Stored | None:
        stored = read_stored(path, self._role, self._picture_alone)
        if stored is None or self._size is None:
            return stored
        width, height = self._size
        rows, columns = stored.pixels.shape[:2]
        if stored.pixels.ndim != 2 or rows * columns != width * height:
            raise SourceError(
                f"{path} has {columns}x{rows} pixels and cannot be {width}x{height}; size only tells how "
                "many columns the counts of a picture really have: leave it out where the picture is right"
            )
        return replace(stored, pixels=stored.pixels.reshape(height, width))

    def _leave_out(self, path: Path, stored: Stored) -> None:
        """Count a picture of another depth, whose numbers mean something else; said once."""
        if not self.lost["other_depth"]:
            _log.warning(
                "%s has pixels of %s where most of its stream have %s; such pictures are left out",
                path,
                stored.pixels.dtype,
                self._dtype,
            )
        self.lost["other_depth"] += 1

    def _time_s(self, index: int) -> Fraction:
        return self._times_s[index] if self._times_s else index / self._rate


def is_picture_path(path: str) -> bool:
    """True when a plain path names a folder, a picture or a glob."""
    place = Path(path)
    if place.exists():
        return place.is_dir() or place.suffix.lower() in PICTURE_SUFFIXES | COUNT_SUFFIXES
    return glob.has_magic(path)


def find_pictures(path: str) -> list[Path]:
    """Pictures of a folder (not of its subfolders), of a glob, or one picture, in natural order.

    Raises:
        SourceError: when there are none.
    """
    place = Path(path)
    if place.is_dir():
        found = _list_folder(place)
    elif place.exists():
        found = [place]
    elif glob.has_magic(path):
        found = [Path(name) for name in glob.glob(path, recursive=True)]
    else:
        raise SourceError(f"the folder {path} does not exist")
    pictures = _of_kinds(found, PICTURE_SUFFIXES) or _of_kinds(found, COUNT_SUFFIXES)
    if not pictures:
        kinds = ", ".join(sorted(suffix[1:] for suffix in PICTURE_SUFFIXES | COUNT_SUFFIXES))
        raise SourceError(f"{path} holds no pictures ({kinds})")
    return sorted(pictures, key=natural_key)


def _of_kinds(paths: list[Path], suffixes: frozenset[str]) -> list[Path]:
    files = [each for each in paths if each.suffix.lower() in suffixes and each.is_file()]
    return [each for each in files if each.name.lower() not in _NO_COUNTS]


def _list_folder(folder: Path) -> list[Path]:
    try:
        return [each for each in folder.iterdir() if not each.name.startswith(".")]
    except OSError as error:
        raise SourceError(f"the folder {folder} cannot be read: {error.strerror}") from None


def natural_key(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Sort key in which runs of digits compare as numbers."""
    parts = re.split(r"(\d+)", str(path))
    key = [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
    return key, str(path)


def stated_rate(settings: InputSettings, uri: Uri) -> Fraction | None:
    """The rate of the URI, else of the settings, else None.

    Raises:
        SourceError: when the URI's is no positive number.
    """
    if "rate" in uri.options:
        return fraction_option(uri, "rate", DEFAULT_RATE, LOWEST_RATE, HIGHEST_RATE)
    # Through its decimal text, so that 29.97 is 2997/100.
    return Fraction(str(settings.rate)) if settings.rate else None


def rate_of(settings: InputSettings, uri: Uri) -> Fraction:
    """The stated rate, else 25 frames a second."""
    return stated_rate(settings, uri) or DEFAULT_RATE


def times_of_names(paths: list[Path], uri: Uri, rate: Fraction | None) -> list[Fraction]:
    """Capture times from file names, by the rule of `ImageSource`.

    Args:
        paths: pictures in natural order.
        uri: with the option `times`, or without.
        rate: as stated, or None.

    Returns:
        Seconds, as many as paths; empty when the pictures follow each other at a rate.

    Raises:
        SourceError: when `times` is wrong, or asks for times that the names do not hold.
    """
    choice = uri.options.get("times")
    if choice not in (None, "name_ms", "rate"):
        raise SourceError(f"{uri}: times must be name_ms or rate, got {choice!r}")
    if choice == "rate" or (choice is None and rate is not None):
        return []
    numbers = _numbers_in_order(paths)
    if choice == "name_ms" and not numbers:
        raise SourceError(
            f"{uri}: times=name_ms needs file names that end in milliseconds, each later than the one before"
        )
    if choice is None and not all(EARLIEST_MS <= number < LATEST_MS for number in numbers):
        return []
    return [Fraction(number, 1000) for number in numbers]


def _numbers_in_order(paths: list[Path]) -> list[int]:
    """The numbers at the ends of all names, or nothing when one has none or they do not rise."""
    found = [_LAST_NUMBER.search(path.stem) for path in paths]
    numbers = [int(match[1]) for match in found if match]
    rising = all(first < second for first, second in pairwise(numbers))
    return numbers if rising and len(numbers) == len(paths) else []


def _mean_rate(times_s: list[Fraction]) -> Fraction | None:
    if len(times_s) < 2:
        return None
    return ((len(times_s) - 1) / (times_s[-1] - times_s[0])).limit_denominator(1000)
