"""Times of the pictures of a folder: chooses the rule and reports it.

In this order: as the URI states (`times=`, `rate=`), a list beside the pictures, times in their names, 25 a
second.
Two folders whose names agree are paired by them, see `partners.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from stream.config import InputSettings
from stream.errors import SourceError
from stream.frame import ClockSource
from stream.sources.options import fraction_option
from stream.sources.pictures.names import (
    UNITS_S,
    Moments,
    times_by_unit,
    times_in_names,
    times_of_dates,
)
from stream.sources.pictures.times_file import as_moments, find_times, read_times
from stream.uri import Uri

DEFAULT_RATE = Fraction(25)
LOWEST_RATE, HIGHEST_RATE = Fraction(1, 1_000_000), Fraction(1_000_000)
# Times after this are dates, not positions in a recording (10^8 s is in March 1973).
DATES_FROM_S = 100_000_000
# Steps and gaps between pictures that no camera makes, and dates that none has.
_SHORTEST_S, _LONGEST_S, _LONGEST_GAP_S = Fraction(1, 2000), 60, 3600
_LATEST_S = 4_102_444_800
_CHOICES = "name_s, name_ms, name_us, name_ns, name_date, rate, file, or the path of a list of name and time"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PictureTimes:
    """Pictures in the order of their times.

    Attributes:
        paths: the pictures.
        times_s: seconds, one a picture.
        rate: frames a second while nothing is missing.
        tick_s: unit of time stamps to keep, in seconds.
        form: where the times come from, for people; empty where the pictures follow each other at the rate.
        untimed: pictures that a list leaves out.
        is_rate_stated: True when the user gave the rate.
    """

    paths: tuple[Path, ...]
    times_s: tuple[Fraction, ...]
    rate: Fraction
    tick_s: Fraction
    form: str = ""
    untimed: int = 0
    is_rate_stated: bool = False

    @property
    def clock(self) -> ClockSource:
        """The clock of the times."""
        return "device" if self.form else "pts"

    @property
    def are_dates(self) -> bool:
        """True when the times count from 1970."""
        return bool(self.form) and min(self.times_s) >= DATES_FROM_S

    @property
    def is_coarse(self) -> bool:
        """True for dates in whole seconds."""
        return self.are_dates and all(time_s.denominator == 1 for time_s in self.times_s)

    def describe(self, name: str) -> str:
        """One sentence on where the times come from, with the first two."""
        shown = " and ".join(show_time(time_s) for time_s in self.times_s[:2])
        if self.form:
            return f"{name}: times are {self.form}, the first {shown}"
        why = "as stated" if self.is_rate_stated else "nothing tells their times; rate= or times= can"
        return (
            f"{name}: pictures follow each other at {float(self.rate):g} frames/s ({why}), the first {shown}"
        )

    def doubt(self) -> str:
        """Sentence on impossible times; empty where none is."""
        steps = sorted(second - first for first, second in pairwise(self.times_s))
        if not self.form or not steps:
            return ""
        middle = steps[len(steps) // 2]
        if not self.times_s[0] <= _LATEST_S:
            return "they are later than the year 2100"
        if not _SHORTEST_S <= middle <= _LONGEST_S:
            return f"most pictures are {float(middle):g} s apart"
        if steps[-1] > _LONGEST_GAP_S:
            return f"there is a gap of {float(steps[-1]):.0f} s"
        return ""


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


def times_of(paths: Sequence[Path], uri: Uri, rate: Fraction | None) -> PictureTimes:
    """Times of pictures by the first rule that holds.

    Args:
        paths: pictures in natural order.
        uri: with the option `times`, or without.
        rate: as stated, or None.

    Raises:
        SourceError: when `times` is wrong or asks for times that are not there, or a `times.csv` is useless.
    """
    choice = uri.options.get("times")
    if choice == "rate" or (choice is None and rate is not None):
        return _at_rate(paths, rate)
    found = _asked(paths, uri, choice) if choice else _found(paths)
    if found is None:
        return _at_rate(paths, rate)
    listed, moments = found
    return _ordered(listed, moments, rate, len(paths) - len(listed))


def show_time(time_s: Fraction) -> str:
    """A time as text: a date in UTC, or seconds."""
    if DATES_FROM_S <= time_s <= _LATEST_S:
        whole = datetime.fromtimestamp(int(time_s), UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{whole}.{int(time_s % 1 * 1_000_000):06d}Z"
    return f"{float(time_s):.3f} s"


def _found(paths: Sequence[Path]) -> tuple[Sequence[Path], Moments] | None:
    listed = find_times(paths)
    if listed:
        return _of_list(*listed)
    moments = times_in_names([path.stem for path in paths])
    return (paths, moments) if moments else None


def _asked(paths: Sequence[Path], uri: Uri, choice: str) -> tuple[Sequence[Path], Moments]:
    """Times from the place that the URI names."""
    stems = [path.stem for path in paths]
    kind = choice.removeprefix("name_")
    if choice.startswith("name_") and kind in (*UNITS_S, "date"):
        moments = times_of_dates(stems) if kind == "date" else times_by_unit(stems, kind)
        if moments is None:
            what = "a date with a time of day" if kind == "date" else "a number"
            raise SourceError(
                f"{uri}: times={choice} needs {what} in every file name, later in each than in the one before"
            )
        return paths, moments
    if choice == "file":
        found = find_times(paths)
        if found is None:
            raise SourceError(f"{uri}: times=file needs a list of name and time beside the pictures")
        return _of_list(*found)
    if not Path(choice).is_file():
        raise SourceError(f"{uri}: times must be {_CHOICES}, got {choice!r}")
    times_s = read_times(Path(choice), paths)
    if not times_s:
        raise SourceError(
            f"{uri}: {choice} tells no times of these pictures; it needs lines of name and time"
        )
    return _of_list(Path(choice), times_s)


def _of_list(path: Path, times_s: dict[Path, Fraction]) -> tuple[Sequence[Path], Moments]:
    return list(times_s), as_moments(path, list(times_s.values()))


def _at_rate(paths: Sequence[Path], rate: Fraction | None) -> PictureTimes:
    step_s = 1 / (rate or DEFAULT_RATE)
    times_s = tuple(index * step_s for index in range(len(paths)))
    return PictureTimes(tuple(paths), times_s, 1 / step_s, step_s, is_rate_stated=rate is not None)


def _ordered(paths: Sequence[Path], moments: Moments, rate: Fraction | None, untimed: int) -> PictureTimes:
    pairs = sorted(zip(moments.times_s, range(len(paths)), strict=True))
    times_s = tuple(time_s for time_s, _ in pairs)
    mean = rate or _usual_rate(times_s) or DEFAULT_RATE
    ordered = tuple(paths[position] for _, position in pairs)
    return PictureTimes(ordered, times_s, mean, moments.tick_s, moments.form, untimed, rate is not None)


def at_times(
    pictures: PictureTimes, times_s: Sequence[Fraction], form: str, rate: Fraction, tick_s: Fraction
) -> PictureTimes:
    """The same pictures at other times, put in their order."""
    moved = _ordered(pictures.paths, Moments(list(times_s), form, tick_s), rate, pictures.untimed)
    return replace(moved, is_rate_stated=pictures.is_rate_stated)


def _usual_rate(times_s: Sequence[Fraction]) -> Fraction | None:
    """Frames a second by the steps that are no gaps."""
    steps = sorted(second - first for first, second in pairwise(times_s))
    if not steps or steps[len(steps) // 2] <= 0:
        return None
    usual = [step for step in steps if step <= Fraction(3, 2) * steps[len(steps) // 2]]
    return (len(usual) / sum(usual, Fraction(0))).limit_denominator(1000)
