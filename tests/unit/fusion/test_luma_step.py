"""Fusion of pictures that are kept as planes, beside the fusion of their RGB."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from stream.config import FuseSettings
from stream.device.context import HostContext
from stream.frame import Frame, FramePair, FrameSet, FusedFrame, SingleFrame
from stream.fusion.fuser import Fuser
from stream.picture import LumaRange, YuvPlanes
from stream.runtime.stage_times import StageTimes
from stream.yuv import PlanesToRgb
from tests.helpers.clock import HandClock
from tests.unit.fusion.test_fuser import landed

SIZE = (96, 64)


def smooth(seed: int, low: float, high: float, size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).normal(size=(size[1] // 8, size[0] // 8)).astype(np.float32)
    plane = cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC)
    plane = (plane - plane.min()) / (plane.max() - plane.min())
    return np.round(low + plane * (high - low)).astype(np.uint8)


def pair_of(seed: int, luma_range: LumaRange = "limited", matrix: int = 6) -> FramePair:
    """Luma and chroma that are colours within RGB, so that nothing is clipped on the way through it."""
    half = (SIZE[0] // 2, SIZE[1] // 2)
    y, u, v = smooth(seed, 70, 180), smooth(seed + 1, 112, 144, half), smooth(seed + 2, 112, 144, half)
    planes = YuvPlanes(y, u, v, matrix, luma_range, PlanesToRgb())
    time_s = Fraction(seed, 25)
    counts = smooth(seed + 3, 0, 255)
    visible, thermal = Frame(planes, "rgb24", time_s, "pts", 0), Frame(counts, "gray8", time_s, "pts", 0)
    return FramePair(visible, thermal, time_s, 0.0)


def fuser(**more: object) -> Fuser:
    values = {"visible": {"uri": "a"}, "thermal": {"uri": "b"}, **more}
    return Fuser(FuseSettings.model_validate(values), None, None, HostContext(), StageTimes(HandClock()))


def in_rgb(pair: FramePair) -> FramePair:
    """The same pair as it came before there were planes."""
    return replace(pair, visible=replace(pair.visible, picture=pair.visible.pixels))


def planes_of(frame: FusedFrame) -> YuvPlanes:
    assert isinstance(frame.picture, YuvPlanes)
    return frame.picture


@pytest.mark.parametrize("luma_range", ["limited", "full"])
def test_without_a_network_the_planes_come_out_as_they_went_in(luma_range: LumaRange) -> None:
    pair = pair_of(1, luma_range)
    low, high = (16, 236) if luma_range == "limited" else (0, 256)
    every = np.resize(np.arange(low, high, dtype=np.uint8), SIZE[::-1])
    planes = replace(pair.visible.picture, y=every)  # type: ignore[type-var]  # planes, see `pair_of`
    pair = replace(pair, visible=replace(pair.visible, picture=planes))
    fused = planes_of(landed(fuser(fusion={"model": "null"}), [pair])[0])
    np.testing.assert_array_equal(fused.y, every)
    assert fused.u is planes.u
    assert fused.v is planes.v


@pytest.mark.parametrize("model", ["lite", "full"])
@pytest.mark.parametrize("luma_range", ["limited", "full"])
def test_bt601_is_within_one_level_of_the_way_through_rgb(model: str, luma_range: LumaRange) -> None:
    pairs = [pair_of(seed, luma_range) for seed in (1, 11)]
    fusion = {"model": model, "precision": "float32", "level": 0, "steady": 0}
    for planes, rgb in zip(
        landed(fuser(fusion=fusion), list(pairs)),
        landed(fuser(fusion=fusion), [in_rgb(pair) for pair in pairs]),
        strict=True,
    ):
        assert isinstance(rgb.picture, np.ndarray)
        difference = np.abs(planes.pixels.astype(int) - rgb.pixels.astype(int))
        # Luma of the limited range has 219 steps, so that RGB made of it is rounded once more.
        assert difference.max() <= (1 if luma_range == "full" else 2)
        assert np.mean(difference <= 1) > 0.97
        np.testing.assert_array_equal(planes.thermal, rgb.thermal)
        np.testing.assert_array_equal(planes.visible, rgb.visible)


def test_of_bt709_the_files_own_luma_is_fused() -> None:
    pair = pair_of(1, matrix=1)
    fused = planes_of(landed(fuser(fusion={"model": "null"}), [pair])[0])
    assert fused.matrix == 1
    assert isinstance(pair.visible.picture, YuvPlanes)
    np.testing.assert_array_equal(fused.y, pair.visible.picture.y)


def test_visible_luma_stays_where_the_thermal_camera_does_not_reach() -> None:
    pair = pair_of(1)
    assert isinstance(pair.visible.picture, YuvPlanes)
    by = fuser(fusion={"model": "lite"}, registration={"nudge_right_px": 60.0})
    fused = landed(by, [pair])[0]
    np.testing.assert_array_equal(planes_of(fused).y[:, :60], pair.visible.picture.y[:, :60])
    assert not fused.thermal[:, :60].any()
    assert (planes_of(fused).y[:, 80:] != pair.visible.picture.y[:, 80:]).any()


def test_single_frames_among_pairs_keep_the_step() -> None:
    pairs = [pair_of(seed) for seed in (1, 2, 3)]
    alone = [
        SingleFrame(pairs[1].thermal, "thermal", pairs[1].time_s),
        SingleFrame(pairs[2].visible, "visible", pairs[2].time_s),
    ]
    by = fuser(fusion={"model": "null"})
    sets: list[FrameSet] = [pairs[0], *alone, pairs[2]]
    batches = by.fuse(sets)
    frames = [frame for batch in batches for frame in batch.result()]
    assert by._planner.shape is not None
    assert by._planner.shape.luma == "limited"
    first, thermal, visible, last = frames
    grey = np.repeat(thermal.thermal[..., None], 3, axis=2).astype(int)
    assert np.abs(thermal.pixels.astype(int) - grey).max() <= 1
    assert not thermal.visible.any()
    assert visible.picture is pairs[2].visible.picture
    assert planes_of(last).y.tolist() == planes_of(visible).y.tolist()
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert first.size == thermal.size == visible.size == SIZE


def test_a_camera_that_changes_its_form_is_followed() -> None:
    pairs = [pair_of(1), in_rgb(pair_of(1)), pair_of(1)]
    frames = landed(fuser(fusion={"model": "null"}), list(pairs))
    assert [type(frame.picture) for frame in frames] == [YuvPlanes, np.ndarray, YuvPlanes]
    assert np.abs(frames[0].pixels.astype(int) - frames[1].pixels.astype(int)).max() <= 1
