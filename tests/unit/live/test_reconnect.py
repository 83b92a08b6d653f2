"""A camera's thread: reconnecting, refusals, a reader that is stuck, and what is counted."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
import pytest

from stream.errors import PasswordError, RefusedError, SourceError
from stream.frame import Frame
from stream.live.reconnect import MOST_STUCK, ReconnectingCamera, Wait
from stream.runtime.backoff import Backoff
from stream.sources.base import SourceBase, SourceInfo
from tests.helpers.clock import HandClock
from tests.helpers.patience import patience

PATIENCE_S = patience(10)


class Script(SourceBase):
    """One connection that does as it is told."""

    def __init__(self, frames: Callable[[], Iterator[Frame]], finite: bool = False) -> None:
        super().__init__()
        self.info = SourceInfo("camera", 2, 2, "gray8", live=True, finite=finite)
        self._script = frames
        self.closed = threading.Event()

    def _read(self) -> Iterator[Frame]:
        return self._script()

    def close(self) -> None:
        self.closed.set()


class Stage:
    """A camera, its connections one after the other, and what arrived."""

    def __init__(
        self,
        *connections: Callable[[Wait], Script],
        timeout_s: float = 1.0,
        waits: bool = True,
        opening_s: float | None = None,
    ) -> None:
        self.clock = HandClock()
        self.arrived: list[int] = []
        self.changed = threading.Condition()
        self._connections = iter(connections)
        self.opened = 0
        self.camera = ReconnectingCamera(
            "visible", "rtsp://u:secret@host/x", timeout_s, self.open, self.post, self.clock, waits, opening_s
        )

    def open(self, wait: Wait) -> Script:
        with self.changed:
            self.opened += 1
            self.changed.notify_all()
        make = next(self._connections, None)
        if make is None:
            wait(PATIENCE_S)
            raise SourceError("the script is over")
        return make(wait)

    def post(self, frame: Frame) -> None:
        with self.changed:
            self.arrived.append(frame.index)
            self.changed.notify_all()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, PATIENCE_S)

    def __enter__(self) -> Stage:
        self.camera.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.camera.close()


def frames(*indices: int, then: Exception | None = None) -> Callable[[Wait], Script]:
    def read() -> Iterator[Frame]:
        for index in indices:
            yield Frame(np.zeros((2, 2), np.uint8), "gray8", Fraction(index), "arrival", index)
        if then:
            raise then

    return lambda wait: Script(read)


def failing(error: Exception) -> Callable[[Wait], Script]:
    def fail(wait: Wait) -> Script:
        raise error

    return fail


def test_it_connects_anew_for_ever() -> None:
    with Stage(frames(0, 1), frames(2), failing(SourceError("gone")), frames(3)) as stage:
        stage.wait_for(lambda: stage.arrived == [0, 1, 2, 3])
    account = stage.camera.account
    assert account.connects == 3 and account.frames == 4
    assert account.failures["the connection ended"] == 3 and account.failures["gone"] == 1


def test_a_camera_that_is_absent_at_first_is_waited_for() -> None:
    absent = failing(SourceError("nothing listens there"))
    with Stage(absent, absent, absent, frames(7)) as stage:
        stage.wait_for(lambda: stage.arrived == [7])
    assert stage.camera.account.failures["nothing listens there"] == 3


def test_a_refusal_at_first_is_final() -> None:
    with Stage(failing(PasswordError("no"))) as stage:
        until = threading.Event()
        while stage.camera.refusal is None:
            assert not until.wait(0.001)
        assert stage.camera.is_over and stage.opened == 1
    assert str(stage.camera.refusal) == "no"


def test_without_waiting_an_absent_camera_is_a_refusal_too() -> None:
    with Stage(failing(SourceError("nothing listens there")), waits=False) as stage:
        until = threading.Event()
        while stage.camera.refusal is None:
            assert not until.wait(0.001)
    assert stage.opened == 1


def test_without_waiting_a_camera_that_does_not_answer_is_a_refusal_too() -> None:
    release = threading.Event()

    def silent(wait: Wait) -> Script:
        release.wait(PATIENCE_S)
        raise SourceError("late")

    with Stage(silent, waits=False) as stage:
        stage.wait_for(lambda: stage.opened == 1)
        stage.clock.now_s += 2.1
        stage.camera.check_stalled()
        release.set()
    assert str(stage.camera.refusal) == "visible camera rtsp://u:***@host/x: no answer for 2 s"


def test_without_waiting_a_camera_that_was_there_is_still_tried_again() -> None:
    with Stage(frames(0), failing(SourceError("gone")), frames(1), waits=False) as stage:
        stage.wait_for(lambda: stage.arrived == [0, 1])
    assert stage.camera.refusal is None


def test_a_refusal_later_is_tried_again() -> None:
    with Stage(frames(0), failing(RefusedError("booting")), frames(1)) as stage:
        stage.wait_for(lambda: stage.arrived == [0, 1])
    assert stage.camera.refusal is None


def test_a_librarys_surprise_does_not_end_the_camera() -> None:
    with Stage(frames(0, then=ZeroDivisionError("oh")), frames(1)) as stage:
        stage.wait_for(lambda: stage.arrived == [0, 1])
    assert stage.camera.account.failures["ZeroDivisionError: oh"] == 1


def test_a_recording_that_ends_is_over() -> None:
    def make(wait: Wait) -> Script:
        return Script(lambda: iter([]), finite=True)

    with Stage(make) as stage:
        until = threading.Event()
        while not stage.camera.is_over:
            assert not until.wait(0.001)
    assert stage.camera.account.state == "ended" and stage.opened == 1


def test_what_a_broken_connection_lost_is_counted() -> None:
    def make(wait: Wait) -> Script:
        script = frames(0)(wait)
        inner = script._script

        def read() -> Iterator[Frame]:
            yield from inner()
            script.lost["corrupt"] += 2
            raise SourceError("broke")

        script._script = read
        return script

    with Stage(make, make) as stage:
        stage.wait_for(lambda: stage.opened == 3)
    assert stage.camera.account.lost == {"corrupt": 4}


def test_a_stuck_reader_is_left_behind_and_another_takes_its_place() -> None:
    """The library does not come back, whatever one asks; frames it gives later are nobody's."""
    release = threading.Event()

    def stuck(wait: Wait) -> Script:
        def read() -> Iterator[Frame]:
            yield Frame(np.zeros((2, 2), np.uint8), "gray8", Fraction(0), "arrival", 0)
            release.wait(PATIENCE_S)
            yield Frame(np.zeros((2, 2), np.uint8), "gray8", Fraction(9), "arrival", 9)

        return Script(read)

    with Stage(stuck, frames(1)) as stage:
        stage.wait_for(lambda: stage.arrived == [0])
        stage.camera.check_stalled()
        assert stage.opened == 1
        stage.clock.now_s += 1.1
        stage.camera.check_stalled()
        stage.wait_for(lambda: stage.arrived == [0, 1])
        release.set()
    assert stage.arrived == [0, 1]
    assert stage.camera.account.stuck == 1
    assert stage.camera.account.failures["no frame for 1 s"] == 1


def test_a_camera_with_too_many_stuck_readers_is_lost_until_one_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    releases = [threading.Event() for _ in range(MOST_STUCK + 1)]

    def stuck(release: threading.Event) -> Callable[[Wait], Script]:
        def make(wait: Wait) -> Script:
            release.wait(PATIENCE_S)
            raise SourceError("late")

        return make

    with Stage(frames(0), *map(stuck, releases), frames(1)) as stage:
        camera = stage.camera
        stage.wait_for(lambda: stage.opened == 2)
        for opened in range(2, 20):
            stage.wait_for(lambda opened=opened: stage.opened == min(opened, MOST_STUCK + 2))  # type: ignore[misc]
            stage.clock.now_s += 5
            camera.check_stalled()
        assert camera.account.stuck == MOST_STUCK + 1 and stage.opened == MOST_STUCK + 2
        assert camera.account.state == "lost" and "4 connections are stuck inside the library" in camera.why
        assert caplog.text.count("it is lost until one of them ends") == 1
        releases[2].set()
        left = camera._left[2]
        left.join(PATIENCE_S)
        camera.check_stalled()
        stage.wait_for(lambda: stage.arrived == [0, 1])
        for release in releases:
            release.set()
    assert "back after" in caplog.text


def test_a_camera_that_sends_no_picture_yet_but_something_is_no_stalled_one() -> None:
    go_on = threading.Event()

    def waiting(wait: Wait) -> Script:
        def read() -> Iterator[Frame]:
            go_on.wait(PATIENCE_S)
            assert not wait(0)
            with stage.changed:
                asked.append(stage.clock.now_s)
                stage.changed.notify_all()
            hold.wait(PATIENCE_S)
            yield from frames(5)(wait)._script()

        return Script(read)

    asked: list[float] = []
    hold = threading.Event()
    with Stage(waiting) as stage:
        stage.wait_for(lambda: stage.opened == 1)
        stage.clock.now_s += 1.9
        go_on.set()
        stage.wait_for(lambda: bool(asked))
        stage.clock.now_s += 1.9
        stage.camera.check_stalled()
        hold.set()
        stage.wait_for(lambda: stage.arrived == [5])
    assert stage.camera.account.stuck == 0


def test_a_recording_that_takes_long_to_open_is_not_opened_once_more() -> None:
    hold = threading.Event()

    def later(wait: Wait) -> Script:
        hold.wait(PATIENCE_S)
        return frames(1)(wait)

    with Stage(later, opening_s=60) as stage:
        stage.wait_for(lambda: stage.opened == 1)
        stage.clock.now_s += 59
        stage.camera.check_stalled()
        hold.set()
        stage.wait_for(lambda: stage.arrived == [1])
    assert stage.camera.account.stuck == 0


def test_the_time_away_is_told(caplog: pytest.LogCaptureFixture) -> None:
    hold = threading.Event()

    def later(wait: Wait) -> Script:
        hold.wait(PATIENCE_S)
        return frames(1)(wait)

    with Stage(frames(0), later, timeout_s=60) as stage:
        stage.wait_for(lambda: stage.opened == 2)
        stage.clock.now_s += 12.3
        hold.set()
        stage.wait_for(lambda: stage.arrived == [0, 1])
    assert stage.camera.account.away_s == pytest.approx(12.3)
    assert "back after 12.3 s" in caplog.text and "secret" not in caplog.text


def test_waits_grow_to_a_second_and_start_over() -> None:
    backoff = Backoff(random.Random(1))
    waits = [backoff.next_s() for _ in range(40)]
    assert 0.07 < waits[0] <= 0.1 and waits == sorted(waits[:4]) + waits[4:]
    assert all(0.8 <= wait <= 1.0 for wait in waits[4:]) and len(set(waits[4:])) > 30
    backoff.succeeded()
    assert backoff.next_s() <= 0.1


def test_a_wrong_password_is_not_tried_every_second() -> None:
    backoff = Backoff(random.Random(1))
    assert [round(backoff.next_s(refused=True)) for _ in range(12)][-1] in range(24, 31)
