"""Options of source URIs, checked."""

from __future__ import annotations

import re
from collections.abc import Set
from fractions import Fraction

from stream.errors import SourceError
from stream.uri import Uri

# No exponents: Fraction would work out all digits of 1e999999999.
_NUMBER = re.compile(r"[+-]?\d{1,18}(\.\d{0,18})?(/\d{1,18})?", re.ASCII)
_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})", re.ASCII)
LARGEST_SIDE_PX = 65_535
# Options of a `thermal://` that are settings too.
STATED = frozenset({"bits", "layout", "camera", "palette"})


def check_options(uri: Uri, known: Set[str]) -> None:
    """Refuse options that a source does not know.

    Raises:
        SourceError: names the unknown ones and all known ones.
    """
    unknown = sorted(set(uri.options) - known)
    if unknown:
        allowed = ", ".join(sorted(known)) or "none"
        raise SourceError(f"{uri}: unknown option {', '.join(unknown)}; known are {allowed}")


def fraction_option(uri: Uri, key: str, default: Fraction, low: Fraction, high: Fraction) -> Fraction:
    """A number of a URI's options, exact: `25`, `29.97` or `30000/1001`.

    Raises:
        SourceError: when it is no number or outside `low` to `high`.
    """
    text = uri.options.get(key)
    if text is None:
        return default
    try:
        value = Fraction(text if _NUMBER.fullmatch(text) else "")
    except (ValueError, ZeroDivisionError):
        raise SourceError(f"{uri}: {key} must be a number, got {text!r}") from None
    if not low <= value <= high:
        raise SourceError(f"{uri}: {key} must be from {_short(low)} to {_short(high)}, got {text}")
    return value


def integer_option(uri: Uri, key: str, default: int, low: int, high: int) -> int:
    """A whole number of a URI's options.

    Raises:
        SourceError: when it is none or outside `low` to `high`.
    """
    value = fraction_option(uri, key, Fraction(default), Fraction(low), Fraction(high))
    if value.denominator != 1:
        raise SourceError(f"{uri}: {key} must be a whole number, got {uri.options[key]!r}")
    return int(value)


def size_option(uri: Uri) -> tuple[int, int] | None:
    """Width and height in a URI's options as `size=640x512`, None where there is none.

    Raises:
        SourceError: when it is no size.
    """
    text = uri.options.get("size")
    if text is None:
        return None
    match = _SIZE.fullmatch(text)
    width, height = (int(match[1]), int(match[2])) if match else (0, 0)
    if not (0 < width <= LARGEST_SIDE_PX and 0 < height <= LARGEST_SIDE_PX):
        raise SourceError(f"{uri}: size must be WIDTHxHEIGHT in pixels, as in 640x512, got {text!r}")
    return width, height


def _short(value: Fraction) -> str:
    return f"{float(value):g}"
