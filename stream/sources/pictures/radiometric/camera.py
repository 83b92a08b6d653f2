"""The camera record of FLIR's files: constants of Planck's law, and what lies between camera and scene.

The layout is the one that ExifTool documents in its list of FLIR tags. Air takes away by the model of FLIR's
cameras, as Minkina and Dudzik give it ("Infrared Thermography: Errors and Uncertainties", 2009, section 3.3);
half of the distance lies before an external window and half behind it, as the R package Thermimage has it.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, replace
from fractions import Fraction

from stream.radiometry import ZERO_CELSIUS_K, Planck, Radiometry

LENGTH = 0x310
_RECORDED_AT, _RATE_AT = 0x384, 0x464
_MOST_RATE = 1000
_EMISSIVITY_AT, _PATH_AT, _PLANCK_AT, _AIR_AT, _O_R2_AT = 0x20, 0x24, 0x58, 0x70, 0x308
# Relative humidity is a share in most cameras and percent in some.
_MOST_SHARE = 2.0
# Temperatures below are none that were set.
_COLDEST_K = 150.0
# Grams of water in a cubic metre of saturated air: exp of this polynomial of degrees Celsius.
_WATER = (1.5587, 0.06939, -0.00027816, 0.00000068455)


@dataclass(frozen=True, slots=True)
class Path:
    """What lies between camera and scene.

    Attributes:
        distance_m: of the scene.
        air_celsius: temperature of the air.
        window_celsius: temperature of a window before the camera.
        window_transmission: share that it lets through; 1 without one.
        humidity: relative, from 0 to 1.
        alpha: two constants of the air's model.
        beta: two constants of the air's model.
        x: weight of the first ones.
    """

    distance_m: float
    air_celsius: float
    window_celsius: float
    window_transmission: float
    humidity: float
    alpha: tuple[float, float]
    beta: tuple[float, float]
    x: float

    def air_transmission(self, distance_m: float) -> float:
        """Share that so much air lets through."""
        celsius = self.air_celsius
        water = self.humidity * math.exp(sum(each * celsius**power for power, each in enumerate(_WATER)))
        shares = [
            math.exp(-math.sqrt(distance_m) * (alpha + beta * math.sqrt(water)))
            for alpha, beta in zip(self.alpha, self.beta, strict=True)
        ]
        return self.x * shares[0] + (1 - self.x) * shares[1]


def through_path(planck: Planck, path: Path) -> Planck:
    """Constants for a scene behind air and a window.

    Raises:
        ValueError: no share between 0 and 1 gets through by the path.
    """
    air, window = path.air_transmission(path.distance_m / 2), path.window_transmission
    of_air = (1 - air) * planck.black_body_count(path.air_celsius)
    of_window = (1 - window) * planck.black_body_count(path.window_celsius) if window < 1 else 0.0
    return replace(
        planck,
        transmission=air * window * air,
        path_count=air * (window * of_air + of_window) + of_air,
    )


def recorded_at_s(data: bytes, order: str) -> Fraction | None:
    """Time of a camera record in seconds since 1970, to the millisecond; None where it has none."""
    if len(data) < _RECORDED_AT + 8:
        return None
    seconds, milliseconds = struct.unpack_from(order + "II", data, _RECORDED_AT)
    # The upper half of the second number means something else.
    return seconds + Fraction(min(milliseconds & 0xFFFF, 999), 1000) if seconds else None


def stated_rate_of(data: bytes, order: str) -> Fraction | None:
    """Frames a second of a camera record; None where it has none."""
    if len(data) < _RATE_AT + 2:
        return None
    (rate,) = struct.unpack_from(order + "H", data, _RATE_AT)
    return Fraction(rate) if 0 < rate <= _MOST_RATE else None


def camera_radiometry(data: bytes, order: str) -> Radiometry | None:
    """Radiometry of a camera record.

    Args:
        data: the record.
        order: byte order of its numbers, `<` or `>`.

    Returns:
        None where its constants make no sense, as in cameras that do not measure. Air and window are left out
        where theirs make none.
    """
    if len(data) < LENGTH:
        return None
    (emissivity,) = struct.unpack_from(order + "f", data, _EMISSIVITY_AT)
    distance_m, reflected_k, air_k, window_k, window = struct.unpack_from(order + "5f", data, _PATH_AT)
    (humidity,) = struct.unpack_from(order + "f", data, _PATH_AT + 24)
    r1, b, f = struct.unpack_from(order + "fff", data, _PLANCK_AT)
    alpha1, alpha2, beta1, beta2, x = struct.unpack_from(order + "5f", data, _AIR_AT)
    o, r2 = struct.unpack_from(order + "if", data, _O_R2_AT)
    try:
        planck = Planck(r1, r2, b, f, o, emissivity, reflected_k - ZERO_CELSIUS_K)
    except ValueError:
        return None
    path = Path(
        max(distance_m, 0.0) if air_k > _COLDEST_K else 0.0,
        air_k - ZERO_CELSIUS_K,
        window_k - ZERO_CELSIUS_K,
        window if 0 < window < 1 and window_k > _COLDEST_K else 1.0,
        humidity if humidity <= _MOST_SHARE else humidity / 100,
        (alpha1, alpha2),
        (beta1, beta2),
        x,
    )
    try:
        return through_path(planck, path)
    except (ValueError, OverflowError):
        return planck
