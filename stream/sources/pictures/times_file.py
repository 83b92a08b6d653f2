"""Capture times of pictures in a file beside them: our own `times.csv`, and other lists of name and time."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from stream.errors import SourceError
from stream.sources.pictures.names import MICROSECOND, UNITS_S, Moments, date_s, unit_of

OWN = "times.csv"
# Names of lists that hold times alone, too, a line for each picture.
_PLAIN = (OWN, "timestamps.csv", "times.txt", "timestamps.txt", "data.csv")
_MOST_BYTES = 64 << 20
_MOST_LISTS = 16
_NUMBER = re.compile(r"[+-]?\d{1,20}(\.\d{0,18})?(e[+-]?\d{1,2})?", re.ASCII | re.IGNORECASE)
_TIME_HEAD = re.compile(r"time|stamp|date|^t$|^t_|^(s|ms|us|ns)$|n?secs?$", re.IGNORECASE)
_HEAD_UNIT = re.compile(r"(?:^|[\W_])(n|u|µ|m)?(?:s|secs?|seconds)\W*$", re.IGNORECASE)
_NANOSECONDS = re.compile(r"n(ano)?(s|secs?|seconds)", re.IGNORECASE)
_LONG = (("nano", "n"), ("micro", "u"), ("milli", "m"))


def find_times(paths: Sequence[Path]) -> tuple[Path, dict[Path, Fraction]] | None:
    """The file beside pictures that holds their times.

    Looked at are `times.csv` and other lists in the folder of the pictures, then lists of the folder's name,
    or called `times`, `timestamps` or `data`, in the folder above.

    Args:
        paths: pictures, in natural order.

    Returns:
        The file, and the times of those pictures that it lists; None where there is no such file.

    Raises:
        SourceError: `times.csv` is there, and tells no times of these pictures.
    """
    folders = {path.parent for path in paths}
    if len(folders) != 1:
        return None
    folder = folders.pop()
    for path in _candidates(folder, paths):
        found = read_times(path, paths)
        if found:
            return path, found
        if path == folder / OWN:
            raise SourceError(
                f"{path} tells no times of the pictures beside it: it needs a line of name and time for each "
                "one, as in file,time_s; correct it, or write images://FOLDER?times=rate to leave it out"
            )
    return None


def read_times(path: Path, paths: Sequence[Path]) -> dict[Path, Fraction]:
    """Times of pictures in a list: columns of name and time, or of times alone, a line for each picture.

    The unit is that of the column's head (`time_s`, `timestamp [ns]`); without one it follows from the size
    of times since 1970, and is seconds where they have a decimal point. Dates are read too.

    Args:
        path: CSV, or text whose columns are separated by semicolons, tabs or spaces.
        paths: pictures, in natural order.

    Returns:
        Times of those pictures that are listed; empty when it is no list of times of these pictures.

    Raises:
        SourceError: it cannot be read.
    """
    head, rows = _table(path)
    if not rows:
        return {}
    named = _named(rows, paths)
    if named is not None:
        names, pictures = named
        there = [(row, picture) for row, picture in zip(rows, pictures, strict=True) if picture]
        listed, rows = [picture for _, picture in there], [row for row, _ in there]
    elif path.name in _PLAIN and len(rows) == len(paths):
        names, listed = None, list(paths)
    else:
        return {}
    times_s = _times_s(head, rows, names)
    return dict(zip(listed, times_s, strict=True)) if times_s else {}


def as_moments(path: Path, times_s: Sequence[Fraction]) -> Moments:
    """Times of a list with their source."""
    return Moments(list(times_s), f"those of {path.name}", MICROSECOND)


def _candidates(folder: Path, paths: Sequence[Path]) -> Iterator[Path]:
    above = folder.resolve().parent
    name = folder.resolve().name
    try:
        # Labels and counts have the names of pictures, or are many.
        taken = {path.stem for path in paths}
        tables = (each for each in folder.iterdir() if each.suffix.lower() in (".csv", ".txt"))
        others = sorted(each for each in tables if each.stem not in taken)[:_MOST_LISTS]
        above_too = [
            above / f"{name}{end}{kind}" for end in ("", "_times", "_timestamps") for kind in (".csv", ".txt")
        ]
        above_too += [above / plain for plain in _PLAIN]
        first = [folder / plain for plain in _PLAIN]
        seen = [*first, *(each for each in others if each not in first), *above_too]
        yield from (each for each in seen if each.is_file())
    except OSError:
        return


def _table(path: Path) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The head of a list, empty without one, and its rows."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return (), []
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        return (), []
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from None
    notes = [line for line in lines if line.startswith("#")]
    rows = [_fields(line) for line in lines if line.strip() and not line.startswith("#")]
    rows = [row for row in rows if row]
    if rows and not any(_value(field) is not None for field in rows[0]):
        return rows[0], rows[1:]
    head = _fields(notes[-1].lstrip("# ")) if notes else ()
    return (head if rows and len(head) == len(rows[0]) else ()), rows


def _fields(line: str) -> tuple[str, ...]:
    if date_s(line.strip()) is not None:
        return (line.strip(),)
    mark = next((mark for mark in ",;\t" if mark in line), None)
    try:
        parts = line.split() if mark is None else next(csv.reader([line], delimiter=mark), [])
    except csv.Error:
        parts = []
    return tuple(part.strip() for part in parts)


def _named(rows: list[tuple[str, ...]], paths: Sequence[Path]) -> tuple[int, list[Path | None]] | None:
    """The column that names pictures, and the picture of each row, None for one that is not there."""
    known = {path.stem: path for path in paths} | {path.name: path for path in paths}
    width = max(len(row) for row in rows)
    best: tuple[int, list[Path | None]] | None = None
    most = 0
    for column in range(width):
        pictures = [known.get(Path(row[column]).name) if column < len(row) else None for row in rows]
        count = sum(picture is not None for picture in pictures)
        # A column of times in nanoseconds may be the names without their suffix; a full name goes before it.
        if count > most or (count == most and count and _has_suffix(rows[-1], column)):
            best, most = (column, pictures), count
    return best


def _has_suffix(row: tuple[str, ...], column: int) -> bool:
    return column < len(row) and "." in row[column]


def _times_s(head: tuple[str, ...], rows: list[tuple[str, ...]], names: int | None) -> list[Fraction]:
    """Times of the first column that is called a time, else that can be nothing else; empty without one."""
    width = min(len(row) for row in rows)
    columns = [
        column
        for column in range(width)
        if column != names and all(_value(row[column]) is not None for row in rows)
    ]
    titled = [column for column in columns if column < len(head) and _TIME_HEAD.search(head[column])]
    is_alone = len(columns) == 1 and not head and width <= 2
    for column in titled or columns:
        texts = [row[column] for row in rows]
        times_s = _seconds(texts, head[column] if column < len(head) else "", bool(titled) or is_alone)
        if times_s:
            return _with_nanoseconds(times_s, head, rows, column + 1)
    return []


def _seconds(texts: list[str], title: str, is_time: bool) -> list[Fraction]:
    """Seconds of a column; empty where its unit cannot be told."""
    values = [value for value in map(_value, texts) if value is not None]
    if all(date_s(text) is not None for text in texts):
        return values
    unit = (_stated_unit(title) if is_time else None) or unit_of(values)
    if unit is None and is_time and any("." in text for text in texts):
        unit = "s"
    return [value * UNITS_S[unit] for value in values] if unit else []


def _with_nanoseconds(
    times_s: list[Fraction], head: tuple[str, ...], rows: list[tuple[str, ...]], column: int
) -> list[Fraction]:
    """Seconds and the nanoseconds of the column behind them, where there is one."""
    is_whole = all(column < len(row) for row in rows)
    if column >= len(head) or not is_whole or not _NANOSECONDS.fullmatch(head[column]):
        return times_s
    parts = [_value(row[column]) or Fraction(0) for row in rows]
    return [time_s + part * UNITS_S["ns"] for time_s, part in zip(times_s, parts, strict=True)]


def _stated_unit(title: str) -> str | None:
    for word, letter in _LONG:
        title = title.lower().replace(word, letter)
    match = _HEAD_UNIT.search(title)
    return f"{(match[1] or '').replace('µ', 'u')}s" if match else None


def _value(text: str) -> Fraction | None:
    """A number, or the seconds of a date; None for anything else."""
    if _NUMBER.fullmatch(text):
        return Fraction(text)
    return date_s(text)
