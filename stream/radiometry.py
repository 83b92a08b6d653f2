"""Conversion of raw thermal counts to degrees Celsius; travels with frames as metadata.

Two models: linear, as of cameras that count in fractions of a kelvin, and Planck's law with the constants of
a calibrated camera, as in FLIR's radiometric JPEG.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

ZERO_CELSIUS_K = 273.15


@dataclass(frozen=True, slots=True)
class Linear:
    """Temperature rises evenly with the count.

    Attributes:
        celsius_per_count: degrees Celsius of one count (gain); not zero, negative where hot is a low count.
        celsius_at_zero: degrees Celsius of count 0 (offset).
    """

    model: ClassVar[str] = "linear"

    celsius_per_count: float
    celsius_at_zero: float

    def __post_init__(self) -> None:
        _check_finite(self)
        if self.celsius_per_count == 0:
            raise ValueError("celsius_per_count must not be 0")

    def celsius(self, counts: ArrayLike) -> NDArray[np.float32]:
        """Degrees Celsius of counts of any shape, as float32 of the same shape."""
        values = np.asarray(counts, np.float64) * self.celsius_per_count + self.celsius_at_zero
        return values.astype(np.float32)

    def counts(self, celsius: float) -> float:
        """The count, not rounded, of a temperature in degrees Celsius."""
        return (celsius - self.celsius_at_zero) / self.celsius_per_count

    def words(self) -> str:
        """For people."""
        return f"linear, {self.celsius_per_count:g} °C a count, {self.celsius_at_zero:g} °C at count 0"


@dataclass(frozen=True, slots=True)
class Planck:
    """Planck's law with the constants of one camera, for a surface that also reflects its surroundings.

    A black body of T kelvin gives the count S = R1 / (R2 (exp(B / T) - F)) - O. A surface of emissivity e
    gives e S(T) + (1 - e) S(reflected temperature); of that, air and windows let a share through, and add
    what they radiate themselves (`transmission`, `path_count`).

    Source: Planck's law in the form of FLIR's cameras; ExifTool documents its constants among the FLIR tags.

    Attributes:
        r1: R1 above, positive.
        r2: R2, positive.
        b: B in kelvin, positive.
        f: F.
        o: O in counts.
        emissivity: of the surface, above 0, at most 1.
        reflected_celsius: temperature of what the surface reflects.
        transmission: share that air and windows let through, above 0, at most 1.
        path_count: what air and windows add, in counts.
    """

    model: ClassVar[str] = "planck"

    r1: float
    r2: float
    b: float
    f: float
    o: float
    emissivity: float = 1.0
    reflected_celsius: float = 20.0
    transmission: float = 1.0
    path_count: float = 0.0

    def __post_init__(self) -> None:
        _check_finite(self)
        if min(self.r1, self.r2, self.b) <= 0:
            raise ValueError("r1, r2 and b must be positive")
        if not 0 < self.emissivity <= 1:
            raise ValueError(f"emissivity must be above 0 and at most 1, got {self.emissivity:g}")
        if not 0 < self.transmission <= 1:
            raise ValueError(f"transmission must be above 0 and at most 1, got {self.transmission:g}")
        if not -ZERO_CELSIUS_K < self.reflected_celsius <= 10_000:
            raise ValueError(f"reflected_celsius is not a temperature: {self.reflected_celsius:g}")
        if not math.isfinite(self.black_body_count(self.reflected_celsius)):
            raise ValueError(f"f leaves no count for the reflected temperature, got {self.f:g}")

    def celsius(self, counts: ArrayLike) -> NDArray[np.float32]:
        """Degrees Celsius of counts of any shape, as float32 of the same shape; NaN where none is."""
        seen = (np.asarray(counts, np.float64) - self.path_count) / self.transmission
        reflected = (1 - self.emissivity) * self.black_body_count(self.reflected_celsius)
        own = (seen - reflected) / self.emissivity
        with np.errstate(divide="ignore", invalid="ignore"):
            logarithm = np.log(self.r1 / (self.r2 * (own + self.o)) + self.f)
            kelvin = np.where((own + self.o > 0) & (logarithm > 0), self.b / logarithm, np.nan)
        return np.asarray(kelvin - ZERO_CELSIUS_K, np.float32)

    def counts(self, celsius: float) -> float:
        """The count, not rounded, of a surface of a temperature in degrees Celsius; above absolute zero."""
        reflected = (1 - self.emissivity) * self.black_body_count(self.reflected_celsius)
        left = self.emissivity * self.black_body_count(celsius) + reflected
        return self.transmission * left + self.path_count

    def words(self) -> str:
        """For people."""
        air = f", {self.transmission:.1%} through air and window" if self.transmission < 1 else ""
        surface = f"emissivity {self.emissivity:g}, reflected {self.reflected_celsius:.1f} °C{air}"
        constants = f"R1 {self.r1:g}, R2 {self.r2:g}, B {self.b:g}, F {self.f:g}, O {self.o:g}"
        return f"Planck, {surface} ({constants})"

    def black_body_count(self, celsius: float) -> float:
        """The count of a black body before the camera; infinite where the constants cannot tell."""
        # Near absolute zero the exponential has no number left.
        kelvin = max(celsius + ZERO_CELSIUS_K, self.b / 700)
        dark = math.exp(self.b / kelvin) - self.f
        return self.r1 / (self.r2 * dark) - self.o if dark > 0 else math.inf


Radiometry: TypeAlias = Linear | Planck
# Constants that are left out at their neutral value, so that earlier readers understand the rest.
_DEFAULTS = {"transmission": 1.0, "path_count": 0.0}
_MODELS: dict[str, type[Linear] | type[Planck]] = {kind.model: kind for kind in (Linear, Planck)}


def as_json(radiometry: Radiometry | None) -> dict[str, Any] | None:
    """As plain values: `model` and its constants; those of air and windows only where there are any."""
    if radiometry is None:
        return None
    values = {"model": radiometry.model, **asdict(radiometry)}
    return {name: value for name, value in values.items() if _DEFAULTS.get(name) != value}


def from_json(values: Mapping[str, Any] | None) -> Radiometry | None:
    """The reverse of `as_json`.

    Raises:
        ValueError: the model is unknown, or a constant is missing, unknown or out of range.
    """
    if values is None:
        return None
    constants = dict(values)
    model = constants.pop("model", None)
    if not isinstance(model, str) or model not in _MODELS:
        raise ValueError(f"radiometry has the model {model!r}; known are {', '.join(_MODELS)}")
    try:
        return _MODELS[model](**constants)
    except ArithmeticError:
        raise ValueError(f"radiometry of the model {model} has constants out of range") from None
    except TypeError:
        raise ValueError(
            f"radiometry of the model {model} has wrong constants: {sorted(constants)}"
        ) from None


def _check_finite(radiometry: Radiometry) -> None:
    for name, value in asdict(radiometry).items():
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{name} must be a finite number, got {value!r}")
