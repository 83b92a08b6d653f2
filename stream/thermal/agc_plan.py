"""Gain settings resolved for one camera: everything about them that is decided on the host."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from stream.config import GainSettings, parse_region
from stream.radiometry import Radiometry
from stream.thermal.bad_pixels import Size, load_bad_pixels, replacement_indices
from stream.thermal.methods.base import GainMethod, Span


@dataclass(frozen=True, slots=True)
class AgcPlan:
    """Gain settings, resolved.

    Attributes:
        settings: as they were given.
        name: of the method; `auto` resolved by the bits.
        method: what computes by that name.
        span: low and high count to begin with, or for good.
    """

    settings: GainSettings
    name: str
    method: type[GainMethod]
    span: Span

    @property
    def black_hot(self) -> bool:
        """True when hot is black."""
        return self.settings.polarity == "black-hot"

    def check(self, thermal_size: Size) -> None:
        """Refuse what does not go with pictures of a size, before it is used.

        Raises:
            ConfigError: the file of bad pixels cannot be read.
            CalibrationError: it is for pictures of another size, or marks too many.
        """
        if self.settings.bad_pixels:
            replacement_indices(load_bad_pixels(self.settings.bad_pixels, thermal_size))


def plan_gain(settings: GainSettings, bits: int, radiometry: Radiometry | None = None) -> AgcPlan:
    """Gain settings for counts of a number of bits.

    Args:
        settings: of the gain.
        bits: significant bits of a count; 8 for pictures that a camera has already scaled.
        radiometry: what a count means in degrees Celsius, where that is known.

    Raises:
        ConfigError: a span in degrees Celsius is asked for and the radiometry is not known.
    """
    automatic = "none" if bits <= 8 else "percentile"
    name = automatic if settings.method == "auto" else settings.method
    method = find_method(name)
    return AgcPlan(settings, name, method, method.first_span(settings, bits, radiometry))


def find_method(name: str) -> type[GainMethod]:
    """`METHOD` of the module in `stream.thermal.methods` that has the name the settings use."""
    method: type[GainMethod] = import_module(f"stream.thermal.methods.{name}").METHOD
    return method


def region_rows_columns(region: str, size: Size) -> tuple[slice, slice]:
    """The pixels of a region: rows and columns, at least one of each.

    Args:
        region: `LEFT,TOP,RIGHT,BOTTOM` in shares of the picture.
        size: width and height of the picture.
    """
    left, top, right, bottom = parse_region(region)
    return _pixels(top, bottom, size[1]), _pixels(left, right, size[0])


def _pixels(start: float, end: float, size: int) -> slice:
    first = min(round(start * size), size - 1)
    return slice(first, max(round(end * size), first + 1))
