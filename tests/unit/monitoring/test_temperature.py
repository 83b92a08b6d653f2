"""Temperatures of fused frames: of the right pixel, in the right degrees."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import torch

from stream.frame import Frame, FramePair, FusedFrame
from stream.monitoring.temperature import temperature_at, temperatures
from stream.radiometry import Linear
from stream.registration.registrar import Registrar

WIDTH, HEIGHT = 20, 10


def fused(radiometry: Linear | None) -> FusedFrame:
    """A visible picture of 20x10 and counts of 10x5, each 100 y + x."""
    counts = (100 * np.arange(5)[:, None] + np.arange(10)).astype(np.uint16)
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    visible = Frame(picture, "rgb24", Fraction(0), "pts", 0)
    thermal = Frame(counts, "gray16le", Fraction(0), "pts", 0, 14, radiometry=radiometry)
    pair = FramePair(visible, thermal, Fraction(0), 0.0)
    return FusedFrame(picture, picture, picture[..., 0], pair, 0)


def registrar() -> Registrar:
    """Thermal pixels are twice as wide; the camera does not see the left fifth."""
    y, x = torch.meshgrid(torch.arange(HEIGHT) / 2.0, torch.arange(WIDTH) / 2.0, indexing="ij")
    x = x.clone()
    x[:, :4] = torch.nan
    return Registrar((x, y.clone()), (10, 5))


def test_the_place_in_the_thermal_picture_is_looked_up() -> None:
    frame, place = fused(Linear(0.1, -10.0)), registrar().place
    # Visible pixel 12, 6 is thermal pixel 6, 3: count 306.
    assert temperature_at(frame, place, 12 / 19, 6 / 9) == 20.6
    assert temperature_at(frame, place, 0.0, 0.5) is None, "not seen"
    same = Registrar(None, (WIDTH, HEIGHT)).place
    assert temperature_at(frame, same, 5 / 19, 2 / 9) == 10.5
    assert temperature_at(frame, same, 1.0, 1.0) is None, "outside the thermal picture"


def test_lowest_highest_and_middle() -> None:
    frame = fused(Linear(0.1, -10.0))
    told = temperatures(frame, registrar().place)
    # Visible 10, 4 is thermal 5, 2.
    assert told == {"low": -10.0, "high": 30.9, "spot": 10.5}
    falling = temperatures(fused(Linear(-0.1, 50.0)), registrar().place)
    assert falling is not None and (falling["low"], falling["high"]) == (9.1, 50.0)


def test_other_cameras_tell_none() -> None:
    assert temperatures(None, registrar().place) is None
    assert temperatures(fused(None), registrar().place) is None
    frame = fused(Linear(0.1, 0.0))
    alone = replace(frame, pair=replace(frame.pair, thermal=frame.pair.visible))  # type: ignore[type-var]
    assert temperature_at(alone, registrar().place, 0.5, 0.5) is None
