"""Cameras that misbehave on purpose, and recordings played as cameras, on a clock moved by hand."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest

from stream.config import InputSettings
from stream.errors import RefusedError, SourceError
from stream.frame import Frame
from stream.sources.base import SourceInfo
from stream.sources.live import is_live, open_live
from stream.sources.live.chaos import ChaosSource
from stream.sources.live.chaos_schedule import KINDS, parse_schedule
from stream.sources.live.paced import PacedSource
from stream.sources.reader import Reader
from stream.uri import mask
from tests.helpers.clock import HandClock

RATE = 10


class Tape(Reader):
    """A recording of a hundred frames, ten a second, each with its number as its brightness."""

    def __init__(self, count: int = 100, begin_s: int = 7) -> None:
        super().__init__()
        self.info = SourceInfo("tape", 64, 48, "gray8", rate=Fraction(RATE), frames=count)
        self._count, self._begin_s = count, begin_s
        self.closed = False

    def _read(self) -> Iterator[Frame]:
        for index in range(self._count):
            pixels = np.full((48, 64), index, np.uint8)
            yield Frame(pixels, "gray8", self._begin_s + Fraction(index, RATE), "pts", index)

    def close(self) -> None:
        self.closed = True


def chaos(schedule: str, clock: HandClock | None = None) -> ChaosSource:
    clock = clock or HandClock()
    return ChaosSource(lambda: PacedSource(Tape, clock, clock.wait), parse_schedule(schedule), 0.0, clock)


def numbers(frames: list[Frame]) -> list[int]:
    return [int(np.asarray(frame.pixels)[0, 0]) for frame in frames]


def test_a_recording_is_played_at_its_pace() -> None:
    clock = HandClock()
    clock.now_s = 1000.0
    with PacedSource(Tape, clock, clock.wait) as source:
        frames = list(source)
    assert source.info.live and source.info.finite
    assert numbers(frames) == list(range(100))
    assert [frame.arrived_s for frame in frames] == pytest.approx([1000 + i / RATE for i in range(100)])
    assert [frame.time_s for frame in frames] == [1000 + Fraction(i, RATE) for i in range(100)]


def test_it_stops_when_it_is_told_to() -> None:
    clock = HandClock()

    def wait(seconds: float) -> bool:
        clock.wait(seconds)
        return clock.now_s > 2

    assert len(list(PacedSource(Tape, clock, wait))) == pytest.approx(21, abs=1)


def test_rounds_go_on_without_a_gap() -> None:
    clock = HandClock()
    source = PacedSource(lambda: Tape(5), clock, clock.wait, rounds=True)
    frames = [frame for frame, _ in zip(source, range(12), strict=False)]
    assert numbers(frames) == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]
    steps = {later.time_s - frame.time_s for frame, later in itertools.pairwise(frames)}
    assert steps == {Fraction(1, RATE)}
    assert [frame.index for frame in frames] == list(range(12))
    assert not source.info.finite


def test_without_faults_nothing_changes() -> None:
    assert numbers(list(chaos(""))) == list(range(100))


def test_a_stall_swallows_its_frames() -> None:
    source = chaos("stall@2+1.0")
    assert numbers(list(source)) == [*range(20), *range(30, 100)]
    assert source.lost == {"chaos_stall": 10}


def test_a_freeze_repeats_the_picture_at_new_times() -> None:
    frames = list(chaos("freeze@2+1"))
    assert numbers(frames)[18:32] == [18, 19, *[20] * 10, 30, 31]
    assert len({frame.time_s for frame in frames}) == 100


def test_a_share_of_frames_is_dropped_the_same_for_one_seed() -> None:
    first, second, other = (numbers(list(chaos(f"drop@0+10*0.3,seed={seed}"))) for seed in (1, 1, 2))
    assert first == second != other
    assert len(first) == pytest.approx(70, abs=12)


def test_neighbours_are_swapped() -> None:
    assert numbers(list(chaos("reorder@1+0.4")))[8:16] == [8, 9, 11, 10, 13, 12, 14, 15]


def test_a_burst_comes_at_once() -> None:
    frames = list(chaos("burst@2+1"))
    assert numbers(frames) == list(range(100))
    assert len({frame.arrived_s for frame in frames[20:31]}) == 1


def test_a_clock_jumps_and_comes_back() -> None:
    frames = list(chaos("jump@2+1*-100"))
    assert frames[20].time_s == Fraction(2) - 100
    assert frames[30].time_s == 3


def test_a_jump_lasts_for_ever_without_a_length() -> None:
    assert list(chaos("jump@2*60"))[-1].time_s == Fraction(99, RATE) + 60


def test_a_clock_drifts() -> None:
    last = list(chaos("drift@0*200"))[-1]
    assert float(last.time_s) == pytest.approx(9.9 * (1 + 200e-6))


def test_pictures_change_their_size() -> None:
    frames = list(chaos("resize@2+1*0.5"))
    assert [frames[i].size for i in (19, 20, 29, 30)] == [(64, 48), (32, 24), (32, 24), (64, 48)]


def test_a_share_of_blocks_becomes_noise() -> None:
    frames = list(chaos("corrupt@5+1*0.5"))
    changed = [np.mean(np.asarray(frame.pixels) != index) for index, frame in enumerate(frames)]
    assert not any(changed[:50]) and 0.2 < np.mean(changed[50:60]) < 0.7


def test_a_disconnected_camera_cannot_be_opened_until_it_is_back() -> None:
    clock = HandClock()
    frames = []
    with pytest.raises(SourceError, match="disconnected"):
        for frame in chaos("disconnect@2+3", clock):
            frames.append(frame)
    assert len(frames) == 20
    with pytest.raises(SourceError, match="disconnected"):
        chaos("disconnect@2+3", clock)
    clock.now_s = 5.01
    assert len(list(chaos("disconnect@2+3", clock))) == 100


def test_a_fault_comes_again() -> None:
    assert numbers(list(chaos("stall@1+1.0/3"))) == [
        *range(10),
        *range(20, 40),
        *range(50, 70),
        *range(80, 100),
    ]


def test_random_faults_are_the_same_for_one_seed() -> None:
    first, second = parse_schedule("random=30,seed=4"), parse_schedule("random=30,seed=4")
    assert first == second != parse_schedule("random=30,seed=5")
    assert len(first.faults) == pytest.approx(1800, rel=0.1)
    assert {fault.kind for fault in first.faults} == set(KINDS)


@pytest.mark.parametrize("wrong", ["explode@3", "stall", "stall@x", "stall@1..2", "seed=x", "drop@1*2*3"])
def test_a_wrong_schedule_is_refused(wrong: str) -> None:
    with pytest.raises(RefusedError, match="is no fault: write KIND@START") as refused:
        parse_schedule(f"stall@1,{wrong}")
    assert repr(wrong) in str(refused.value)
    assert all(kind in str(refused.value) for kind in KINDS)


def test_schedules_and_recordings_by_uri() -> None:
    clock = HandClock()
    street = "synthetic://street?seed=1&size=64x48&duration=1"
    settings = InputSettings(uri=f"chaos://stall@0.2+0.2!{street}")
    assert is_live(settings.uri)
    with open_live(settings, "visible", clock, clock.wait) as source:
        assert len(list(source)) == 20
    with open_live(InputSettings(uri=f"live://{street}"), "thermal", clock, clock.wait) as source:
        assert len(list(source)) == 25


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("chaos://stall@1+2", "names no camera behind a '!'"),
        ("live://nothing.mp4", "does not exist"),
        ("live://rtsp://host/stream", "is live already"),
        ("chaos://stall@1!live://nothing.mp4", "does not exist"),
    ],
)
def test_what_will_never_open_is_refused(uri: str, says: str) -> None:
    clock = HandClock()
    with pytest.raises(RefusedError, match=says):
        open_live(InputSettings(uri=uri), "visible", clock, clock.wait)


def test_the_password_of_the_inner_camera_is_masked() -> None:
    masked = mask("chaos://stall@10+3,drop@20+5*0.3!rtsp://anna:secret@host:554/path")
    assert masked == "chaos://stall@10+3,drop@20+5*0.3!rtsp://anna:***@host:554/path"
