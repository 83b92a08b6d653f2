"""Layout of the counts of a thermal camera: number format, byte order, place in the picture, unit.

Written as words between commas or spaces, in any order, each at most once:

    uint8, uint9 ... uint16    whole numbers of that many bits (`uint16` by default)
    int16                      whole numbers with a sign
    float16, float32, float64  numbers with a fraction
    little, big                byte order, where the file does not tell it
    K, C, K*100, C*10, ...     unit: kelvin or degrees Celsius, times what
    yuyv                       the bytes of a YUYV video are counts of 16 bits (Y16)
    lower, upper               half of the picture that the counts are in
    whole                      the whole picture is the thermal one, even if its size suggests two
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from stream.radiometry import ZERO_CELSIUS_K, Linear, Radiometry

Half = Literal["", "lower", "upper"]

_FLOATS = ("float16", "float32", "float64")
_NUMBERS = ("int16", *_FLOATS, *(f"uint{bits}" for bits in range(8, 17)))
_UNIT = re.compile(r"(K|C|°C)(?:\*(\d{1,6}(?:\.\d{1,6})?))?", re.ASCII | re.IGNORECASE)
_KINDS = {
    "the number format": _NUMBERS,
    "the byte order": ("little", "big"),
    "the place": ("lower", "upper", "whole"),
    "yuyv": ("yuyv",),
}
# Added to a signed count, so that it becomes an unsigned one.
SIGN_OFFSET = 1 << 15

# Name of a camera -> the layout of its counts. Sources: the cameras' protocol as open viewers document it
# (P2 Pro and Topdon: YUYV of 256x384, below 64 counts a kelvin); FLIR Lepton Engineering Datasheet (TLinear,
# 100 counts a kelvin); FLIR Boson and Tau 2 interface descriptions (counts without a unit); DJI Thermal SDK
# (`dji_irp -a measure`: tenths of a degree).
CAMERAS: dict[str, str] = {
    "p2pro": "uint16 little K*64 yuyv lower",
    "tc001": "uint16 little K*64 yuyv lower",
    "lepton2.5": "uint16 little K*100",
    "lepton3.5": "uint16 little K*100",
    "boson": "uint16 little",
    "tau2": "uint14 little",
    "dji-measure": "int16 little C*10",
}
CameraName = Literal["p2pro", "tc001", "lepton2.5", "lepton3.5", "boson", "tau2", "dji-measure"]


# Palettes of 8-bit thermal pictures; the first four decide nothing by colours.
PaletteName = Literal[
    "auto",
    "none",
    "white-hot",
    "black-hot",
    "iron",
    "rainbow",
    "hot",
    "inferno",
    "plasma",
    "viridis",
    "lava",
    "arctic",
]


@dataclass(frozen=True, slots=True)
class CountLayout:
    """The layout of counts as the user states it.

    Attributes:
        numbers: `uint8` to `uint16`, `int16` or `float16`, `float32`, `float64`; empty where nothing is said.
        big_endian: the high byte of a number comes first.
        unit: degrees Celsius of a stored number; None where nothing is said.
        in_yuyv: the bytes of a YUYV picture are the counts.
        half: of the picture that the counts are in; empty for all of it.
        whole: said to be one thermal picture, even if its size suggests two.
    """

    numbers: str = ""
    big_endian: bool = False
    unit: Linear | None = None
    in_yuyv: bool = False
    half: Half = ""
    whole: bool = False

    @property
    def bits(self) -> int | None:
        """Significant bits of a whole number, None where they are not stated."""
        return int(self.numbers.lstrip("uint")) if "int" in self.numbers else None

    @property
    def is_signed(self) -> bool:
        """Whole numbers with a sign."""
        return self.numbers == "int16"

    @property
    def is_float(self) -> bool:
        """Numbers with a fraction."""
        return self.numbers in _FLOATS

    @property
    def dtype(self) -> str:
        """Of the numbers in a file without a header, as numpy writes it."""
        order = ">" if self.big_endian else "<"
        kinds = {"float16": "f2", "float32": "f4", "float64": "f8", "int16": "i2", "uint8": "u1"}
        return order + kinds.get(self.numbers, "u2")


def parse_layout(text: str) -> CountLayout:
    """Take the words of a layout apart.

    Raises:
        ValueError: a word is unknown, or two of one kind are there.
    """
    said: dict[str, str] = {}
    for word in re.split(r"[,\s]+", text.strip()):
        kind = _kind_of(word)
        if kind is None:
            raise ValueError(f"a layout of counts has no word {word!r}; allowed are {_allowed()}")
        if kind in said:
            raise ValueError(f"a layout states {kind} once, got {said[kind]!r} and {word!r}")
        said[kind] = word if kind == "the unit" else word.lower()
    place = said.get("the place", "")
    return CountLayout(
        said.get("the number format", ""),
        said.get("the byte order") == "big",
        _unit(said["the unit"]) if "the unit" in said else None,
        "yuyv" in said,
        "lower" if place == "lower" else "upper" if place == "upper" else "",
        place == "whole",
    )


def shifted(unit: Linear, by: float) -> Linear:
    """The unit of numbers that were made larger by a constant."""
    return Linear(unit.celsius_per_count, unit.celsius_at_zero - by * unit.celsius_per_count)


def stated_radiometry(layout: CountLayout, unit: Linear | None) -> Radiometry | None:
    """Degrees Celsius of a count that travels, for counts of a stated layout.

    Args:
        layout: as stated. Signed counts travel with `SIGN_OFFSET` added.
        unit: degrees Celsius of a stored number, if known.

    Returns:
        None where no unit is known, and for numbers with a fraction, whose scale their reader chooses.
    """
    if unit is None or layout.is_float:
        return None
    return shifted(unit, SIGN_OFFSET) if layout.is_signed else unit


def _kind_of(word: str) -> str | None:
    if _UNIT.fullmatch(word):
        return "the unit"
    return next((kind for kind, words in _KINDS.items() if word.lower() in words), None)


def _unit(word: str) -> Linear:
    match = _UNIT.fullmatch(word)
    assert match is not None
    factor = float(match[2] or 1)
    if factor <= 0:
        raise ValueError(f"a unit is K or C, or these times a positive number as in K*100, got {word!r}")
    return Linear(1 / factor, -ZERO_CELSIUS_K if match[1].upper() == "K" else 0.0)


def _allowed() -> str:
    return (
        "uint8 to uint16, int16, float16, float32, float64; little, big; K, C, K*100, C*10 and the like; "
        "yuyv; lower, upper, whole"
    )
