"""Recordings played like cameras, on a clock moved by hand."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest

from stream.config import InputSettings
from stream.errors import RefusedError
from stream.frame import Frame
from stream.runtime.clock import SystemClock
from stream.sources.live import is_live, is_played, open_live
from stream.sources.live.paced import PacedSource
from stream.sources.live.start_barrier import StartBarrier
from tests.helpers.clock import HandClock
from tests.helpers.tape import RATE, Tape, numbers

STREET = "synthetic://street?seed=1&size=64x48&duration=1"


class WornTape(Tape):
    """A recording that loses a frame, and whose time steps back once."""

    def _read(self) -> Iterator[Frame]:
        for index, time_s in enumerate((5, 6, 8, 7)):
            yield Frame(np.full((48, 64), index, np.uint8), "gray8", Fraction(time_s), "pts", index)
        self.lost["corrupt"] += 1


def test_it_is_played_at_its_pace() -> None:
    clock = HandClock()
    clock.now_s = 1000.0
    with PacedSource(Tape, clock, clock.wait) as source:
        frames = list(source)
    assert source.info.live and source.info.finite and source.info.frames is None
    assert numbers(frames) == list(range(100))
    assert [frame.arrived_s for frame in frames] == pytest.approx([1000 + i / RATE for i in range(100)])
    assert [frame.time_s for frame in frames] == [1000 + Fraction(i, RATE) for i in range(100)]
    assert {frame.clock for frame in frames} == {"pts"}


def test_nothing_is_left_out_where_the_reader_is_slow() -> None:
    clock = HandClock()
    frames = []
    for frame in PacedSource(lambda: Tape(10), clock, clock.wait):
        frames.append(frame)
        clock.now_s += 0.25
    assert [frame.time_s for frame in frames] == [Fraction(i, RATE) for i in range(10)]
    assert [frame.arrived_s for frame in frames] == pytest.approx([i * 0.25 for i in range(10)])


def test_it_stops_when_it_is_told_to() -> None:
    clock = HandClock()

    def wait(seconds: float) -> bool:
        clock.wait(seconds)
        return clock.now_s > 2

    assert len(list(PacedSource(Tape, clock, wait))) == pytest.approx(21, abs=1)


def test_rounds_go_on_without_a_gap() -> None:
    clock = HandClock()
    tapes: list[Tape] = []

    def open_tape() -> Tape:
        tapes.append(Tape(5))
        return tapes[-1]

    with PacedSource(open_tape, clock, clock.wait, rounds=True) as source:
        frames = list(itertools.islice(source, 12))
    assert numbers(frames) == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]
    steps = {later.time_s - frame.time_s for frame, later in itertools.pairwise(frames)}
    assert steps == {Fraction(1, RATE)}
    assert [frame.index for frame in frames] == list(range(12))
    assert not source.info.finite
    assert [tape.closed for tape in tapes] == [True] * 3


def test_losses_add_up_over_rounds_and_time_steps_back_only_where_the_recording_does() -> None:
    clock = HandClock()
    source = PacedSource(WornTape, clock, clock.wait, rounds=True)
    frames = list(itertools.islice(source, 9))
    assert [int(frame.time_s) for frame in frames] == [0, 1, 3, 2, 4, 5, 7, 6, 8]
    assert source.lost == {"corrupt": 2}


def test_an_empty_recording_ends_in_rounds_too() -> None:
    clock = HandClock()
    assert list(PacedSource(lambda: Tape(0), clock, clock.wait, rounds=True)) == []


def test_recordings_of_a_run_begin_together_however_late_one_is_opened() -> None:
    clock, opened = SystemClock(), threading.Event()
    together = StartBarrier(2, clock)
    tapes = {"early": Tape(3), "late": Tape(3, Fraction(71, 10))}
    times_s: dict[str, list[Fraction]] = {}

    def play(name: str) -> None:
        with PacedSource(lambda: tapes[name], clock, threading.Event().wait, together=together) as source:
            times_s[name] = [frame.time_s for frame in source]

    early = threading.Thread(target=play, args=("early",))
    early.start()
    assert not opened.wait(0.15)
    play("late")
    early.join()
    # The late tape's first frame is of a tenth of a second, one frame, later.
    assert times_s["early"][1:] == times_s["late"][:2]


def test_a_recording_does_not_wait_for_ever_and_a_late_one_begins_at_once() -> None:
    clock = HandClock()
    together = StartBarrier(2, clock)
    first = PacedSource(lambda: Tape(1), clock, clock.wait, together=together)
    assert [frame.time_s for frame in first] == [pytest.approx(2, abs=0.01)]
    clock.now_s = 30
    second = PacedSource(lambda: Tape(1), clock, clock.wait, together=together)
    assert [frame.time_s for frame in second] == [30]


@pytest.mark.parametrize(("first_s", "later_s"), [(0, 0), (1, 1), (5, 0), (1_669_129_851, 0)])
def test_recordings_begin_as_far_apart_as_they_are_unless_they_have_not_one_clock(
    first_s: int, later_s: int
) -> None:
    clock = HandClock()
    clock.now_s = 1000.0
    together = StartBarrier(2, clock)
    assert together.begin("early", Fraction(0), lambda s: True) is None
    assert together.begin("late", Fraction(first_s), clock.wait) == (1000.0 + later_s, 1000 + later_s)


def test_a_recording_that_waits_ends_when_it_is_told_to() -> None:
    clock = HandClock()
    assert list(PacedSource(Tape, clock, lambda s: True, together=StartBarrier(2, clock))) == []


@pytest.mark.parametrize(
    ("uri", "played"),
    [
        ("live://a.mp4", True),
        ("loop://synthetic://street", True),
        ("chaos://drop@1!loop://a.mp4", True),
        ("chaos://drop@1!a.mp4", True),
        ("chaos://drop@1!rtsp://host/a", False),
        ("chaos://drop@1", False),
        ("rtsp://host/a", False),
        ("a.mp4", False),
    ],
)
def test_which_cameras_are_recordings(uri: str, played: bool) -> None:
    assert is_played(uri) == played


def test_recordings_by_uri() -> None:
    clock = HandClock()
    assert is_live(f"live://{STREET}") and is_live(f"loop://{STREET}") and not is_live(STREET)
    with open_live(InputSettings(uri=f"live://{STREET}"), "thermal", clock, clock.wait) as source:
        assert len(list(source)) == 25
    with open_live(InputSettings(uri=f"loop://{STREET}"), "visible", clock, clock.wait) as source:
        assert len(list(itertools.islice(source, 60))) == 60


@pytest.mark.parametrize(
    ("uri", "says"),
    [("live://nothing.mp4", "does not exist"), ("live://rtsp://host/stream", "is live already")],
)
def test_what_will_never_open_is_refused(uri: str, says: str) -> None:
    clock = HandClock()
    with pytest.raises(RefusedError, match=says):
        open_live(InputSettings(uri=uri), "visible", clock, clock.wait)
