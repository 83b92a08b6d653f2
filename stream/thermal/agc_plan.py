"""What gain settings mean for one camera: everything about them that is decided on the host."""

from __future__ import annotations

from dataclasses import dataclass

from stream.config import GainSettings, parse_region
from stream.errors import ConfigError
from stream.radiometry import Radiometry
from stream.thermal.bad_pixels import Size, load_bad_pixels, replacement_indices

EQUALISING = ("plateau", "clahe")


@dataclass(frozen=True, slots=True)
class AgcPlan:
    """Gain settings, resolved.

    Attributes:
        settings: as they were given.
        method: `percentile`, `minmax`, `plateau`, `clahe`, `fixed` or `none`.
        shares: percentiles of the span that is measured; None where it stands fast.
        span: low and high count to begin with, or for good.
    """

    settings: GainSettings
    method: str
    shares: tuple[float, float] | None
    span: tuple[float, float]

    @property
    def equalises(self) -> bool:
        """Whether brightness comes from a histogram rather than from a span alone."""
        return self.method in EQUALISING

    @property
    def black_hot(self) -> bool:
        """Whether hot is black."""
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
    """Gain settings for counts of so many bits.

    Args:
        settings: of the gain.
        bits: significant bits of a count; 8 for pictures that a camera has already scaled.
        radiometry: what a count means in degrees Celsius, where that is known.

    Raises:
        ConfigError: a span in degrees Celsius is asked for and the radiometry is not known.
    """
    automatic = "none" if bits <= 8 else "percentile"
    method = automatic if settings.method == "auto" else settings.method
    whole = (0.0, 2.0**bits - 1)
    if method == "fixed":
        return AgcPlan(settings, method, None, _fixed(settings, radiometry))
    if method == "minmax":
        return AgcPlan(settings, method, (0.0, 100.0), whole)
    needs_span = method == "percentile" or (method in EQUALISING and settings.detail != 1)
    return AgcPlan(settings, method, (settings.low, settings.high) if needs_span else None, whole)


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


def _fixed(settings: GainSettings, radiometry: Radiometry | None) -> tuple[float, float]:
    low, high = settings.span_low, settings.span_high
    assert low is not None and high is not None, "checked with the settings"
    if settings.span_unit == "counts":
        return low, high
    if radiometry is None:
        raise ConfigError(
            "gain.span_unit is celsius, but what a count of this thermal camera means is not known; give "
            "--thermal-celsius-per-count and --thermal-celsius-at-zero, or a span in counts"
        )
    return radiometry.counts(low), radiometry.counts(high)
