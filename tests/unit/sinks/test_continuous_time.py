"""Times of a file across steps of a camera's clock: pictures stay as far apart as they were taken."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from stream.config import OutputSettings
from stream.frame import ClockSource, FusedFrame, SingleFrame
from stream.sinks import SinkOptions, open_sink
from stream.sinks.video.continuous_time import ContinuousTime
from tests.helpers.fused import fused_frame
from tests.helpers.readback import read_times

RATE = 15
BEGIN_S = Fraction(1_700_000_000)


def taken(
    index: int,
    ahead_s: Fraction | float = 0,
    clock: ClockSource = "rtcp",
    number: int | None = None,
    live: bool = True,
    late_s: float = 0.0,
) -> FusedFrame:
    """Frame of a camera at 15 frames/s whose clock is so far ahead; it arrives 30 ms after it was taken."""
    true_s = Fraction(index, RATE)
    frame = fused_frame(index, BEGIN_S + true_s + Fraction(ahead_s))
    arrived_s = float(true_s) + 0.03 + late_s + 0.01 * (index % 3)
    number = index if number is None else number
    change = {"arrived_s": arrived_s if live else None, "clock": clock, "index": number}
    pair = replace(frame.pair, visible=replace(frame.pair.visible, **change))  # type: ignore[type-var,arg-type]
    return replace(frame, pair=pair)


def file_times(frames: Iterable[FusedFrame]) -> list[Fraction]:
    clock = ContinuousTime(Fraction(1, 25))
    return [clock.file_s(frame) for frame in frames]


def gaps(times_s: list[Fraction]) -> set[Fraction]:
    return {after - before for before, after in itertools.pairwise(times_s)}


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("ahead_s", [-90, 90, -0.3, 0.6, -2_200_000_000, 3_600, -1.5])
def test_the_first_report_of_a_wrong_clock_moves_no_picture(ahead_s: float, live: bool) -> None:
    frames = [
        taken(index, ahead_s if index >= 30 else 0, "rtcp" if index >= 30 else "pts", live=live)
        for index in range(210)
    ]
    times_s = file_times(frames)
    assert gaps(times_s) == {Fraction(1, RATE)}
    assert times_s[0] == BEGIN_S


@pytest.mark.parametrize("ahead_s", [-90, 90, -3, 3, -0.5])
def test_a_clock_that_is_set_while_its_camera_films_moves_no_picture(ahead_s: float) -> None:
    frames = [taken(index, ahead_s if index >= 30 else 0) for index in range(120)]
    assert gaps(file_times(frames)) == {Fraction(1, RATE)}


def test_there_and_back_again() -> None:
    frames = [taken(index, 90 if 30 <= index < 60 else 0) for index in range(120)]
    assert file_times(frames) == [BEGIN_S + Fraction(index, RATE) for index in range(120)]


@pytest.mark.parametrize("live", [True, False])
def test_an_outage_stays_as_long_as_it_was(live: bool) -> None:
    times = [*range(30), *range(150, 180)]
    frames = [
        taken(index, 0, "rtcp" if number < 30 else "pts", number % 30, live)
        for number, index in enumerate(times)
    ]
    assert file_times(frames) == [BEGIN_S + Fraction(index, RATE) for index in times]


def test_a_step_during_an_outage_leaves_its_length_by_arrival() -> None:
    times = [*range(30), *range(150, 180)]
    frames = [taken(index, -90 if index >= 150 else 0) for index in times]
    assert file_times(frames) == [BEGIN_S + Fraction(index, RATE) for index in times]


def test_frames_that_were_held_up_keep_their_times() -> None:
    late = {index: 3.0 - (index - 30) / RATE for index in range(30, 75)}
    frames = [taken(index, late_s=late.get(index, 0.0)) for index in range(120)]
    assert file_times(frames) == [BEGIN_S + Fraction(index, RATE) for index in range(120)]


def test_a_slow_drift_is_followed() -> None:
    frames = [taken(index, Fraction(index, 10_000)) for index in range(600)]
    assert file_times(frames) == [frame.time for frame in frames]


def test_single_frames_of_two_cameras_on_two_clocks_keep_the_pace() -> None:
    frames = []
    for index in range(120):
        frame = taken(index, -90 if index % 2 else 0)
        if index % 2:
            alone = replace(frame.pair.visible)  # type: ignore[type-var]
            frame = replace(frame, pair=SingleFrame(alone, "thermal", frame.time))
        frames.append(frame)
    times_s = file_times(frames)
    assert float(times_s[-1] - times_s[0]) == pytest.approx(119 / RATE, abs=0.03)
    assert all(0.04 < gap < 0.09 for gap in gaps(times_s))


@pytest.mark.parametrize("name", ["one.mp4", "one.mkv"])
@pytest.mark.parametrize("ahead_s", [-90, 90])
def test_a_file_plays_as_long_as_was_filmed(tmp_path: Path, name: str, ahead_s: float) -> None:
    with open_sink(
        OutputSettings(uri=str(tmp_path / name)), SinkOptions(live=True, rate=Fraction(RATE))
    ) as sink:
        for index in range(210):
            sink.write(taken(index, ahead_s if index >= 45 else 0, "rtcp" if index >= 45 else "pts"))
    times_s = read_times(tmp_path / name)
    assert len(times_s) == 210 and float(times_s[-1]) == pytest.approx(209 / RATE, abs=0.002)
    assert all(0.065 <= gap <= 0.068 for gap in gaps(times_s))
