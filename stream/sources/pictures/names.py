"""Capture times in the names of pictures: seconds since 1970 in any unit, and dates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

MILLISECOND, MICROSECOND = Fraction(1, 1000), Fraction(1, 1_000_000)
# Unit -> seconds and its name.
UNITS_S = {"s": Fraction(1), "ms": MILLISECOND, "us": MICROSECOND, "ns": Fraction(1, 10**9)}
UNIT_NAMES = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
# Times since 1970 from 2001 to 2286 in each unit; no numbering of frames is that long.
_SINCE_1970 = {
    unit: (10**digits, 10 ** (digits + 1)) for unit, digits in (("s", 9), ("ms", 12), ("us", 15), ("ns", 18))
}
# Seconds of ten digits, then their fraction.
_WITH_FRACTION = re.compile(r"(?<!\d)(\d{10})([._-])(\d{1,9})(?!\d)", re.ASCII)
_NUMBER = re.compile(r"\d+", re.ASCII)
_DAY_AND_COUNT = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d\d", re.ASCII)
_DATE = re.compile(
    r"(?<!\d)(?P<year>(?:19|20)\d\d)[-_.:]?(?P<month>\d\d)[-_.:]?(?P<day>\d\d)(?:[T_ .-]{0,2}|[ _]at[ _])"
    r"(?P<hour>\d\d)[-_:.h]?(?P<minute>\d\d)[-_:.m]?(?P<second>\d\d)"
    r"(?:(?P<mark>[.,_-]?)(?P<fraction>\d{1,9})(?!\d))?(?P<zone>Z|[+-]\d\d:?\d\d(?!\d))?",
    re.ASCII,
)
_PADDED = (3, 6, 9)


class Moments(NamedTuple):
    """Times of pictures.

    Attributes:
        times_s: seconds, one a name, in the order of the names.
        form: where they come from, for people.
        tick_s: their resolution, at least a microsecond and at most a millisecond.
    """

    times_s: list[Fraction]
    form: str
    tick_s: Fraction


def times_in_names(stems: Sequence[str]) -> Moments | None:
    """Capture times that all names hold, each a time of its own.

    Read are seconds, milliseconds, microseconds and nanoseconds since 1970, seconds with a fraction, and
    dates with a time of day (`20180515_104227`, `2018-05-15T10:42:27.123Z`; UTC where no zone is given),
    anywhere in the names.

    Args:
        stems: names without suffix.

    Returns:
        The times, or None where a name has none, or two have the same.
    """
    for read in (_fractions, _since_1970, _dates):
        found = read(stems)
        if found and len(set(found.times_s)) == len(stems):
            return found
    return None


def times_by_unit(stems: Sequence[str], unit: str) -> Moments | None:
    """Times of a stated unit: the last number of the names that rises from each to the next.

    Args:
        stems: names without suffix, in natural order.
        unit: of `UNITS_S`.

    Returns:
        The times, or None where no number rises.
    """
    rows = numbers_of(stems)
    if unit == "s" and (found := _fractions(stems)):
        return found
    columns: list[tuple[int, ...]] = list(zip(*rows, strict=True)) if rows else []
    for column in reversed(columns):
        if all(first < second for first, second in pairwise(column)):
            return _of_numbers(column, unit, f"{UNIT_NAMES[unit]} in their names")
    return None


def times_of_dates(stems: Sequence[str]) -> Moments | None:
    """Times of dates in the names, as `times_in_names` reads them; None where a name has none."""
    found = _dates(stems)
    return found if found and len(set(found.times_s)) == len(stems) else None


def numbers_of(stems: Sequence[str]) -> list[tuple[int, ...]]:
    """All numbers of each name; nothing where the names differ in how many there are."""
    rows = [tuple(int(number) for number in _NUMBER.findall(stem)) for stem in stems]
    return rows if len({len(row) for row in rows}) == 1 else []


def without_date(stem: str) -> str:
    """A name without the first date with a time of day in it; what follows that may be a count, and stays."""
    return _DATE.sub(_count_behind, stem, count=1)


def _count_behind(match: re.Match[str]) -> str:
    return f" {match['fraction'] or ''} " if match["mark"] in ("_", "-") else " "


def date_s(text: str) -> Fraction | None:
    """Seconds since 1970 of a text that is a date with a time of day; None when it is not."""
    match = _DATE.fullmatch(text)
    seconds = _second_of(match) if match else None
    if match is None or seconds is None:
        return None
    return seconds + (Fraction(f"0.{match['fraction']}") if match["fraction"] else 0)


def unit_of(numbers: Sequence[Fraction]) -> str | None:
    """The unit in which all numbers are times since 1970; None where there is none."""
    return next(
        (
            unit
            for unit, (low, high) in _SINCE_1970.items()
            if numbers and all(low <= number < high for number in numbers)
        ),
        None,
    )


def _fractions(stems: Sequence[str]) -> Moments | None:
    matches = [_WITH_FRACTION.search(stem) for stem in stems]
    found = [match for match in matches if match]
    if len(found) < len(stems) or not all(match[1] >= "1" for match in found):
        return None
    lengths = {len(match[3]) for match in found}
    if any(match[2] != "." for match in found) and (
        len(lengths) > 1 or min(lengths) not in _PADDED or _is_count([(m[1], m[3]) for m in found])
    ):
        return None
    decimals = [Fraction(f"{match[1]}.{match[3]}") for match in found]
    nanoseconds = [int(match[1]) + Fraction(int(match[3]), 10**9) for match in found]
    are_decimals = len(lengths) == 1 or _are_decimals([match[3] for match in found], decimals, nanoseconds)
    times_s = decimals if are_decimals else nanoseconds
    return Moments(times_s, "the seconds since 1970 in their names", MICROSECOND)


def _since_1970(stems: Sequence[str]) -> Moments | None:
    for unit, (low, high) in _SINCE_1970.items():
        texts = [next((n for n in _NUMBER.findall(stem) if low <= int(n) < high), "") for stem in stems]
        is_day = unit == "s" and all(_DAY_AND_COUNT.fullmatch(text) for text in texts)
        if all(texts) and not is_day:
            return _of_numbers(
                [int(text) for text in texts], unit, f"the {UNIT_NAMES[unit]} since 1970 in their names"
            )
    return None


def _of_numbers(numbers: Sequence[int], unit: str, form: str) -> Moments:
    tick_s = min(MILLISECOND, max(MICROSECOND, UNITS_S[unit]))
    return Moments([number * UNITS_S[unit] for number in numbers], form, tick_s)


def _dates(stems: Sequence[str]) -> Moments | None:
    matches = [match for match in map(_DATE.search, stems) if match]
    seconds = [second for second in map(_second_of, matches) if second is not None]
    if len(seconds) < len(stems) or _is_numbering(seconds):
        return None
    fractions = _fractions_of(matches)
    times_s = [second + fraction for second, fraction in zip(seconds, fractions, strict=True)]
    tick_s = MICROSECOND if any(fractions) else MILLISECOND
    return Moments(times_s, "the dates in their names", tick_s)


def _second_of(match: re.Match[str]) -> Fraction | None:
    parts = ("year", "month", "day", "hour", "minute", "second")
    try:
        moment = datetime(*(int(match[part]) for part in parts), tzinfo=UTC)  # type: ignore[misc,arg-type]
    except ValueError:
        return None
    zone = (match["zone"] or "Z").replace(":", "")
    if zone != "Z":
        ahead = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:]))
        moment -= ahead if zone[0] == "+" else -ahead
    return Fraction(round(moment.timestamp()))


def _fractions_of(matches: Sequence[re.Match[str]]) -> list[Fraction]:
    """Fractions of a second; zero where what follows the date is a count, or of no length a clock has."""
    marked = all(match["mark"] in (".", ",") for match in matches if match["fraction"])
    texts = [match["fraction"] or "" for match in matches]
    if not marked:
        is_clock = len({len(text) for text in texts}) == 1 and len(texts[0]) in _PADDED
        if not is_clock or _is_count([(match["second"], match["fraction"]) for match in matches]):
            return [Fraction(0)] * len(texts)
    return [Fraction(f"0.{text}") if text else Fraction(0) for text in texts]


def _is_count(seconds_and_texts: Sequence[tuple[str, str]]) -> bool:
    """True when what follows a second is a count: one more with each picture of the same second."""
    steps = [
        int(second[1]) - int(first[1])
        for first, second in pairwise(seconds_and_texts)
        if first[0] == second[0]
    ]
    return bool(steps) and all(step == 1 for step in steps)


def _is_numbering(seconds: Sequence[Fraction]) -> bool:
    """True when times of day are the numbers of pictures: 000001, 000002, ..."""
    in_first_hour = all(second % 86_400 < 3600 for second in seconds)
    return len(seconds) > 1 and in_first_hour and all(b - a == 1 for a, b in pairwise(sorted(seconds)))


def _are_decimals(texts: list[str], decimals: list[Fraction], nanoseconds: list[Fraction]) -> bool:
    """True for decimals without trailing zeros, False for nanoseconds without leading ones."""
    if any(len(text) > 1 and text.startswith("0") for text in texts):
        return True
    if any(len(text) > 1 and text.endswith("0") for text in texts):
        return False
    return _unevenness(decimals) <= _unevenness(nanoseconds)


def _unevenness(times_s: Sequence[Fraction]) -> Fraction:
    """The longest step as a share of the whole."""
    ordered = sorted(times_s)
    longest = max(second - first for first, second in pairwise(ordered))
    return longest / max(ordered[-1] - ordered[0], UNITS_S["ns"])
