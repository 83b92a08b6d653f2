"""The lists of a recording, line by line; nothing in them is believed before it is checked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

from stream.errors import SourceError
from stream.frame import ClockSource, Flag, Side
from stream.radiometry import Radiometry, from_json

LONGEST_LINE = 64 * 1024
# In the year 2242; in nanoseconds such a time still has 64 bits.
LATEST_S = 2**33
_FILE = re.compile(r"(visible|thermal)-[0-9]{4,9}\.(nut|mkv)")
# As `str(Fraction)` writes it; a time of day in nanoseconds has 19 digits above and 10 below.
_TIME = re.compile(r"-?[0-9]{1,40}(/[0-9]{1,40})?")
_CLOCKS, _FLAGS, _SIDES = get_args(ClockSource), get_args(Flag), get_args(Side)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the list of frames."""

    file: str
    position: int
    index: int
    time_s: Fraction
    clock: ClockSource
    bits: int
    radiometry: Radiometry | None = None


def read_frames(path: Path) -> Iterator[tuple[Side, Entry]]:
    """Every frame of a recording, with its side.

    Raises:
        SourceError: the list cannot be read, or a line of it is wrong.
    """
    return _read(path, _entry)


def read_pairs(path: Path) -> Iterator[dict[str, Any]]:
    """Every frame set: numbers of its frames by side, `time_s`, `error_s`, `flags`.

    Raises:
        SourceError: the list cannot be read, or a line of it is wrong.
    """
    return _read(path, _frame_set)


def _read(path: Path, check: Callable[[dict[str, Any]], Any]) -> Iterator[Any]:
    """Checked lines up to the last one, which a killed recorder may leave unfinished."""
    try:
        with path.open("rb") as file:
            for number, data in enumerate(iter(lambda: file.readline(LONGEST_LINE), b""), start=1):
                try:
                    line = json.loads(data)
                    if not isinstance(line, dict):
                        raise ValueError("it is no JSON object")
                    checked = check(line)
                except (ValueError, KeyError, TypeError, ArithmeticError, RecursionError) as error:
                    if not data.endswith(b"\n") and not file.read(1):
                        return
                    why = f"{error} is missing" if isinstance(error, KeyError) else str(error)[:200]
                    raise SourceError(f"line {number} of {path} is wrong: {why}") from None
                yield checked
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from None


def _entry(line: dict[str, Any]) -> tuple[Side, Entry]:
    side, file = line["side"], line["file"]
    if side not in _SIDES:
        raise ValueError(f"side is {str(side)[:40]!r}")
    # A name of ours, so that no line leads out of the folder.
    match = _FILE.fullmatch(file) if isinstance(file, str) else None
    if match is None or match[1] != side:
        raise ValueError(f"file is {str(file)[:80]!r}, and files of that side are {side}-0000.nut and so on")
    if line["clock"] not in _CLOCKS:
        raise ValueError(f"clock is {str(line['clock'])[:40]!r}")
    return side, Entry(
        file,
        _whole(line, "position"),
        _whole(line, "index"),
        _time_s(line),
        line["clock"],
        _whole(line, "bits", 1, 17),
        _radiometry(line.get("radiometry")),
    )


def _frame_set(line: dict[str, Any]) -> dict[str, Any]:
    numbers = {side: _whole(line, side) for side in _SIDES if side in line}
    if not numbers:
        raise ValueError("it names no frame")
    error_s, flags = line["error_s"], line["flags"]
    if error_s is not None and not (type(error_s) in (int, float) and abs(error_s) < LATEST_S):
        raise ValueError(f"error_s is {str(error_s)[:40]!r}")
    if not isinstance(flags, list) or any(flag not in _FLAGS for flag in flags):
        raise ValueError(f"flags are {str(flags)[:80]!r}")
    return {**numbers, "time_s": _time_s(line), "error_s": error_s, "flags": frozenset(flags)}


def _whole(line: dict[str, Any], key: str, low: int = 0, end: int = 2**63) -> int:
    value = line[key]
    if type(value) is not int or not low <= value < end:
        raise ValueError(f"{key} is {str(value)[:40]!r}")
    return value


def _time_s(line: dict[str, Any]) -> Fraction:
    text = line["time_s"]
    # Fraction takes exponents too, and would write out every zero of them.
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        raise ValueError(f"time_s is {str(text)[:40]!r}, and times are whole numbers or fractions of two")
    time_s = Fraction(text)
    if abs(time_s) >= LATEST_S:
        raise ValueError(f"time_s is {text[:40]!r}, and no clock reaches that")
    return time_s


def _radiometry(values: Any) -> Radiometry | None:
    if values is not None and not isinstance(values, dict):
        raise ValueError("radiometry is not an object")
    return from_json(values)
