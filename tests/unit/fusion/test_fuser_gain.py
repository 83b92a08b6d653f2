"""Gain settings on their way through a fuser: at the start, and changed between two frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from stream.config import FuseSettings
from stream.device.context import HostContext
from stream.errors import CalibrationError, ConfigError
from stream.frame import FramePair, FusedFrame
from stream.fusion.fuser import Fuser
from stream.radiometry import Linear, Radiometry
from stream.runtime.stage_times import StageTimes
from stream.sources.base import SourceInfo
from tests.helpers.clock import HandClock
from tests.unit.fusion.test_fuser import SIZE, landed, pair_of

KELVIN_PER_COUNT = Linear(celsius_per_count=0.1, celsius_at_zero=-273.15)
CELSIUS = {"method": "fixed", "span_low": 30, "span_high": 300, "span_unit": "celsius"}


def settings(gain: dict[str, Any]) -> FuseSettings:
    values = {"visible": {"uri": "a"}, "thermal": {"uri": "b"}, "fusion": {"model": "null"}, "gain": gain}
    return FuseSettings.model_validate(values)


def fuser(radiometry: Radiometry | None = None, **gain: Any) -> Fuser:
    thermal = SourceInfo("b", *SIZE, "gray16le", 14, radiometry=radiometry)
    visible = SourceInfo("a", *SIZE, "rgb24")
    return Fuser(settings(gain), visible, thermal, HostContext(), StageTimes(HandClock()))


def thermal_of(by: Fuser, pair: FramePair) -> np.ndarray:
    frames: list[FusedFrame] = landed(by, [pair])
    return frames[0].thermal


@pytest.mark.parametrize("method", ["percentile", "minmax", "plateau", "clahe", "none"])
def test_every_method_fuses(method: str) -> None:
    assert thermal_of(fuser(method=method), pair_of(0)).std() > 1


def test_a_span_in_celsius_goes_by_the_camera() -> None:
    pair = pair_of(0)
    celsius = KELVIN_PER_COUNT.celsius(np.asarray(pair.thermal.pixels))
    expected = np.clip((celsius - 30) / 270, 0, 1) * 255
    assert np.abs(thermal_of(fuser(KELVIN_PER_COUNT, **CELSIUS), pair) - expected).max() < 0.6


def test_what_frames_say_of_their_counts_is_known_later() -> None:
    by, pair = fuser(method="none"), pair_of(0)
    landed(by, [replace(pair, thermal=replace(pair.thermal, radiometry=KELVIN_PER_COUNT))])
    by.retune(settings(CELSIUS))
    assert np.array_equal(thermal_of(by, pair), thermal_of(fuser(KELVIN_PER_COUNT, **CELSIUS), pair))


def test_celsius_of_an_unknown_camera_is_refused_and_changes_nothing() -> None:
    by, pair = fuser(method="none"), pair_of(0)
    before = thermal_of(by, pair)
    with pytest.raises(ConfigError, match="what a count of this thermal camera means is not known"):
        by.retune(settings(CELSIUS))
    assert np.array_equal(thermal_of(by, pair), before)


def test_another_polarity_keeps_the_span() -> None:
    by = fuser(damping=0.9)
    landed(by, [pair_of(0)])
    hot = thermal_of(by, pair_of(2))
    by.retune(settings({"damping": 0.9999, "polarity": "black-hot"}))
    assert np.abs(hot.astype(int) + thermal_of(by, pair_of(2)) - 255).max() <= 1


def test_a_map_of_bad_pixels_must_be_of_the_cameras_size(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "bad.png"), np.zeros((5, 5), np.uint8))
    with pytest.raises(CalibrationError, match="has 5x5 pixels and the thermal picture 24x16"):
        fuser(bad_pixels=tmp_path / "bad.png")
    by = fuser()
    with pytest.raises(CalibrationError, match="has 5x5 pixels"):
        by.retune(settings({"bad_pixels": tmp_path / "bad.png"}))
