"""Recordings that are played together wait for the one that is late."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from fractions import Fraction

import pytest

from stream.frame import Frame
from stream.runtime.clock import SystemClock
from stream.sources.base import Source
from stream.sources.live.lockstep import OPENING_S, PATIENCE_S, Lockstep
from stream.sources.live.paced import PacedSource
from stream.sources.live.start_barrier import PATIENCE_S as START_PATIENCE_S
from stream.sources.live.start_barrier import StartBarrier
from tests.helpers.clock import HandClock
from tests.helpers.patience import patience
from tests.helpers.tape import RATE, Tape

ONE, OTHER = "one", "other"


def test_a_frame_waits_for_earlier_ones_of_others_and_not_for_later_ones() -> None:
    clock = HandClock()
    steps = Lockstep(clock)
    steps.has(ONE, 1.0)
    assert steps.may_give(ONE, 1.0)
    steps.has(OTHER, 1.0)
    assert steps.may_give(ONE, 1.0) and steps.may_give(OTHER, 1.0)
    steps.makes(OTHER, 0.9)
    assert not steps.may_give(ONE, 1.0)
    steps.has(OTHER, 1.1)
    assert steps.may_give(ONE, 1.0) and not steps.may_give(OTHER, 1.1)
    steps.ends(ONE)
    assert steps.may_give(OTHER, 1.1)


def test_one_that_does_nothing_for_long_is_waited_for_no_more_until_it_is_back() -> None:
    clock = HandClock()
    steps = Lockstep(clock)
    steps.makes(OTHER, 0.9)
    clock.now_s = PATIENCE_S - 0.1
    assert not steps.may_give(ONE, 1.0)
    clock.now_s = PATIENCE_S
    assert steps.may_give(ONE, 1.0)
    steps.has(OTHER, 0.95)
    assert not steps.may_give(ONE, 1.0)


def test_a_recording_with_a_gap_is_not_away() -> None:
    clock = HandClock()
    steps = Lockstep(clock)
    steps.has(OTHER, 100.0)
    clock.now_s = 100.1
    assert not steps.may_give(ONE, 100.05)


def test_one_that_is_opened_beside_others_that_play_holds_none_up() -> None:
    steps = Lockstep(HandClock())
    steps.opens(OTHER)
    assert steps.is_opening(ONE) and not steps.is_opening(OTHER)
    assert steps.may_give(ONE, 1.0)


@pytest.mark.parametrize(("opens", "waited_s"), [(True, OPENING_S), (False, START_PATIENCE_S)])
def test_the_beginning_waits_for_one_that_is_being_opened(opens: bool, waited_s: float) -> None:
    clock = HandClock()
    together = StartBarrier(2, clock)
    if opens:
        together.steps.opens(OTHER)
    begun = together.begin(ONE, Fraction(0), clock.wait)
    assert begun is not None and begun.at_s == pytest.approx(waited_s, abs=0.01)


def test_one_that_comes_later_begins_where_the_others_are() -> None:
    clock = HandClock()
    together = StartBarrier(1, clock)
    assert together.begin(ONE, Fraction(0), clock.wait) == (0, 0)
    clock.now_s = 30
    assert together.begin(OTHER, Fraction(0), clock.wait) == (30, 30)
    together.steps.makes(ONE, 22.5)
    assert together.begin(OTHER, Fraction(0), clock.wait) == (22.5, Fraction(45, 2))


def test_what_cannot_be_opened_is_not_waited_for() -> None:
    clock = HandClock()
    together = StartBarrier(2, clock)

    def fail() -> Source:
        raise OSError

    with pytest.raises(OSError):
        PacedSource(fail, clock, clock.wait, together=together)
    assert not together.steps.is_opening(ONE)


def test_while_one_opens_its_next_round_the_other_waits() -> None:
    """It opens only when the other one waits for it, so that the test does not go by the machine's speed."""
    clock = SystemClock()
    together = StartBarrier(2, clock)
    may_open, polls = threading.Event(), 0
    tapes = iter([Tape(2), Tape(2), Tape(2)])
    rounds = itertools.count()
    given: list[tuple[str, int]] = []

    def open_slowly() -> Source:
        if next(rounds):
            assert may_open.wait(patience(10))
        return next(tapes)

    def wait(seconds: float) -> bool:
        nonlocal polls
        # Looks after the other's second frame: this one is held up. After thirty, the next round opens.
        polls += seconds == 0 and ("slow", 1) in given
        if polls == 30:
            may_open.set()
        return threading.Event().wait(seconds / 10)

    def play(name: str, source: PacedSource, count: int) -> None:
        with source:
            for frame in itertools.islice(source, count):
                given.append((name, frame.index))

    slow = PacedSource(open_slowly, clock, threading.Event().wait, rounds=True, together=together)
    steady = PacedSource(lambda: Tape(3), clock, wait, together=together)
    thread = threading.Thread(target=play, args=("slow", slow, 3))
    thread.start()
    play("steady", steady, 3)
    thread.join()
    assert polls >= 30
    # Those of one time may come in either order.
    assert {frame for _, frame in given[:4]} == {0, 1} and {frame for _, frame in given[4:]} == {2}


class LateTape(Tape):
    """A recording whose frames take longer to decode than they last."""

    def __init__(self, clock: HandClock) -> None:
        super().__init__(5)
        self._clock = clock

    def _read(self) -> Iterator[Frame]:
        for frame in super()._read():
            self._clock.now_s += 3 / RATE
            yield frame


def test_a_frame_that_comes_late_lets_earlier_ones_of_others_go_first() -> None:
    clock = HandClock()
    together = StartBarrier(1, clock)
    source = PacedSource(lambda: LateTape(clock), clock, clock.wait, together=together)
    for frame in source:
        # While this one works on its next frame, others may give what is due until now and no more.
        due_s = 0.3 + frame.index / RATE
        assert together.steps.may_give(OTHER, due_s - 0.01)
        assert not together.steps.may_give(OTHER, due_s + 0.05)
    assert together.steps.may_give(OTHER, 100.0)
