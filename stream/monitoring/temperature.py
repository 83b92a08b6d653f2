"""Temperatures of a fused frame of a radiometric camera."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.frame import FusedFrame

# Place of a visible pixel in the thermal picture, in thermal pixels; None where the camera does not see it.
ThermalPlace = Callable[[float, float], tuple[float, float] | None]
CENTRE = 0.5


def temperatures(frame: FusedFrame | None, place: ThermalPlace) -> dict[str, float | None] | None:
    """Lowest and highest temperature that the thermal camera sees, and that in the middle of the picture.

    Args:
        frame: the newest.
        place: of visible pixels in its thermal picture.

    Returns:
        `low`, `high` and `spot` in degrees Celsius; None where the frame tells no temperatures.
    """
    counts = None if frame is None else _counts(frame)
    if frame is None or counts is None:
        return None
    ends = [_celsius(frame, float(counts.min())), _celsius(frame, float(counts.max()))]
    known = sorted(each for each in ends if each is not None)
    low, high = (known[0], known[-1]) if known else (None, None)
    return {"low": low, "high": high, "spot": temperature_at(frame, place, CENTRE, CENTRE)}


def temperature_at(frame: FusedFrame, place: ThermalPlace, across: float, down: float) -> float | None:
    """The temperature at a place of the fused picture, of the nearest thermal pixel.

    Args:
        frame: a fused frame.
        place: of visible pixels in its thermal picture.
        across: share of the width, 0 to 1.
        down: share of the height.

    Returns:
        Degrees Celsius; None where the thermal camera sees nothing, or tells no temperatures.
    """
    counts = _counts(frame)
    width, height = frame.size
    found = place(across * (width - 1), down * (height - 1))
    if counts is None or found is None:
        return None
    x, y = round(found[0]), round(found[1])
    if not (0 <= x < counts.shape[1] and 0 <= y < counts.shape[0]):
        return None
    return _celsius(frame, float(counts[y, x]))


def _counts(frame: FusedFrame) -> NDArray[Any] | None:
    """The raw counts, None where they mean no temperatures."""
    thermal = frame.pair.thermal
    if thermal is None or thermal.radiometry is None or thermal.pixel_format == "rgb24":
        return None
    pixels = thermal.pixels
    return pixels if isinstance(pixels, np.ndarray) else np.asarray(pixels.cpu().numpy())


def _celsius(frame: FusedFrame, count: float) -> float | None:
    thermal = frame.pair.thermal
    assert thermal is not None and thermal.radiometry is not None
    celsius = float(thermal.radiometry.celsius(count))
    return round(celsius, 2) if np.isfinite(celsius) else None
