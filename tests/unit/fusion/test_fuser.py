"""Pairs to fused frames: batches, rings, changes of size, too little memory."""

from __future__ import annotations

import logging
from fractions import Fraction

import numpy as np
import pytest
import torch

from stream.config import FuseSettings
from stream.device.context import HostContext, Work
from stream.device.cuda_graph import CapturedGraph
from stream.errors import CalibrationError, DeviceError
from stream.frame import Frame, FramePair, FusedFrame
from stream.fusion.fuser import Fuser
from stream.runtime.stage_times import StageTimes
from stream.sources.base import SourceInfo
from tests.helpers.clock import HandClock

SIZE = (24, 16)


class SmallDevice(HostContext):
    """A device on which only so many pairs at once have room."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def capture(self, work: Work) -> CapturedGraph | None:
        if work.counts.shape[0] > self.room:  # type: ignore[attr-defined]
            raise torch.OutOfMemoryError("no room")
        return None


def pair_of(index: int, size: tuple[int, int] = SIZE) -> FramePair:
    random = np.random.default_rng(index)
    width, height = size
    rgb = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    counts = random.integers(3000 + 500 * index, 6000 + 800 * index, (height, width)).astype(np.uint16)
    time_s = Fraction(index, 25)
    visible = Frame(rgb, "rgb24", time_s, "pts", index)
    return FramePair(visible, Frame(counts, "gray16le", time_s, "pts", index, 14), time_s, 0.0)


def fuser(batch: int = 1, context: HostContext | None = None) -> Fuser:
    settings = FuseSettings.model_validate(
        {
            "visible": {"uri": "a"},
            "thermal": {"uri": "b"},
            "fusion": {"precision": "float32", "batch": batch},
            "gain": {"damping": 0.5},
        }
    )
    visible = SourceInfo("a", *SIZE, "rgb24")
    thermal = SourceInfo("b", *SIZE, "gray16le", 14)
    return Fuser(settings, visible, thermal, context or HostContext(), StageTimes(HandClock()))


def landed(by: Fuser, pairs: list[FramePair]) -> list[FusedFrame]:
    return [frame for flight in list(by.fuse(pairs)) for frame in flight.result()]


def same(first: list[FusedFrame], second: list[FusedFrame]) -> bool:
    return len(first) == len(second) and all(
        np.array_equal(a.pixels, b.pixels) and np.array_equal(a.thermal, b.thermal) and a.index == b.index
        for a, b in zip(first, second, strict=True)
    )


def test_frames_come_in_order_with_what_they_are_made_of() -> None:
    pairs = [pair_of(i) for i in range(3)]
    frames = landed(fuser(), pairs)
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert [frame.pair for frame in frames] == pairs
    assert all(frame.visible is pair.visible.pixels for frame, pair in zip(frames, pairs, strict=True))
    assert all(frame.pixels.shape == (16, 24, 3) and frame.thermal.shape == (16, 24) for frame in frames)


def test_batches_give_what_single_pairs_give() -> None:
    """Five pairs in batches of three: the last batch is short, and gain control runs through."""
    pairs = [pair_of(i) for i in range(5)]
    assert same(landed(fuser(batch=3), pairs), landed(fuser(), pairs))


def test_more_in_flight_than_slots_loses_nothing() -> None:
    pairs = [pair_of(i) for i in range(9)]
    by = fuser()
    flights = list(by.fuse(pairs))
    one_by_one = [flight.result()[0] for flight in fuser().fuse(pairs)]
    assert same([flight.result()[0] for flight in reversed(flights)][::-1], one_by_one)
    assert flights[0].result() is flights[0].result()


def test_what_has_landed_is_not_overwritten() -> None:
    by = fuser()
    first = landed(by, [pair_of(0)])[0]
    kept = first.pixels.copy()
    landed(by, [pair_of(i) for i in range(1, 8)])
    assert np.array_equal(first.pixels, kept)


def test_a_change_of_size_goes_on_with_the_same_gain(caplog: pytest.LogCaptureFixture) -> None:
    large = [pair_of(2, (32, 20)), pair_of(3, (32, 20))]
    by = fuser(batch=2)
    with caplog.at_level(logging.WARNING):
        frames = landed(by, [pair_of(0), pair_of(1), pair_of(4), *large])
    assert [frame.pixels.shape[:2] for frame in frames] == [(16, 24)] * 3 + [(20, 32)] * 2
    assert "32x20" in caplog.text
    fresh = landed(fuser(), large)[0]
    assert not np.array_equal(frames[3].thermal, fresh.thermal)


def test_too_little_memory_means_smaller_batches_said_aloud(caplog: pytest.LogCaptureFixture) -> None:
    pairs = [pair_of(i) for i in range(5)]
    with caplog.at_level(logging.WARNING):
        by = fuser(8, SmallDevice(room=2))
        frames = landed(by, pairs)
    assert by.device_usage["batch"] == "2"
    assert "too little memory on the device for 8 pairs at once" in caplog.text
    assert same(frames, landed(fuser(), pairs))


def test_no_memory_at_all_is_one_sentence() -> None:
    with pytest.raises(DeviceError, match=r"too little memory .* 24x16 pixels.*--device cpu"):
        fuser(2, SmallDevice(room=0))


def test_pictures_that_are_too_small_are_given_back_and_the_stream_goes_on() -> None:
    """A camera may come back with any size; one pixel is one."""
    given_back = []
    settings = FuseSettings.model_validate(
        {"visible": {"uri": "a"}, "thermal": {"uri": "b"}, "fusion": {"model": "null"}}
    )
    by = Fuser(
        settings, None, None, HostContext(), StageTimes(HandClock()),
        lambda moment, error: given_back.append(str(error)),
    )  # fmt: skip
    frames = landed(by, [pair_of(0), pair_of(1, (1, 1)), pair_of(2, (1, 1)), pair_of(3)])
    assert [frame.pixels.shape[:2] for frame in frames] == [SIZE[::-1], SIZE[::-1]]
    assert len(given_back) == 2 and "1x1 pixels; the network needs at least" in given_back[0]


def changed(by: Fuser, **sections: dict[str, float | str]) -> None:
    settings = by._settings.model_dump(exclude_unset=True)
    for section, values in sections.items():
        settings[section] = {**settings.get(section, {}), **values}
    by.retune(FuseSettings.model_validate(settings))


def test_registration_changes_between_two_frames() -> None:
    by = fuser()
    before = landed(by, [pair_of(0), pair_of(0)])
    changed(by, registration={"nudge_right_px": 3})
    after = landed(by, [pair_of(0)])[0]
    # The first columns have no thermal any more and fade in; the others are what lay three to the left.
    assert np.array_equal(after.thermal[:, :3], np.zeros_like(after.thermal[:, :3]))
    whole = np.abs(after.thermal[:, 20:23].astype(int) - before[1].thermal[:, 17:20]).max()
    assert whole <= 1
    assert after.index == 2


def test_a_registration_that_fits_nothing_is_refused_and_changes_nothing() -> None:
    by = fuser()
    before = landed(by, [pair_of(0)])
    with pytest.raises(CalibrationError, match="sees nothing of the visible picture"):
        changed(by, registration={"nudge_right_px": 300})
    assert np.array_equal(landed(by, [pair_of(0)])[0].thermal, before[0].thermal)


def test_gain_changes_between_two_frames() -> None:
    by = fuser()
    before = landed(by, [pair_of(0)])[0].thermal
    changed(by, gain={"method": "minmax"})
    after = landed(by, [pair_of(0)])[0].thermal
    assert (before == 255).sum() > 1 and after.max() == 255 and not np.array_equal(before, after)


def test_what_moves_no_pixel_takes_no_new_step() -> None:
    by = fuser()
    landed(by, [pair_of(0)])
    step = by._planner.work
    changed(by, registration={"check_every": 7, "self_align": True})
    landed(by, [pair_of(1)])
    assert by._planner.work is step
    changed(by, registration={"nudge_down_px": 1})
    landed(by, [pair_of(2)])
    assert by._planner.work is not step
