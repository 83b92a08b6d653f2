"""Runs beside each other: each ends alone, all end when asked, and each knows its name."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from stream.runtime.prefetch import prefetch
from stream.runtime.side_by_side import SideBySide
from stream.runtime.signals import Stopped
from stream.runtime.threads import PAIR, check_end, new_thread
from tests.helpers.patience import patience

LONG_S = patience(60)


def test_runs_end_one_by_one_and_threads_below_them_know_their_name() -> None:
    seen: dict[str, str] = {}
    first_may_end = threading.Event()

    def first() -> None:
        assert first_may_end.wait(LONG_S)

    def second() -> None:
        thread = new_thread(lambda: seen.update(below=PAIR.get()), "below")
        thread.start()
        thread.join()
        seen["itself"] = PAIR.get()

    with SideBySide({"gate": first, "yard": second}) as beside:
        ended = beside.ended()
        assert next(ended) == "yard"
        first_may_end.set()
        assert list(ended) == ["gate"]
    assert seen == {"below": "yard", "itself": "yard"} and PAIR.get() == ""


def test_runs_that_wait_for_frames_that_never_come_end_when_asked() -> None:
    """One waits for an item, one for a source to open; both would wait for ever."""
    ends = threading.Event()
    raised: dict[str, BaseException] = {}

    def nothing() -> Iterator[int]:
        ends.wait(LONG_S)
        yield from ()

    def waits_for_items() -> None:
        with prefetch(lambda: nullcontext(nothing()), 1, patience_s=0.01) as items:
            list(items)

    def waits_for_opening() -> None:
        def open_it() -> nullcontext[list[int]]:
            ends.wait(LONG_S)
            return nullcontext([])

        with prefetch(open_it, 1, patience_s=0.01):
            pass

    def noting(name: str, work: object) -> None:
        try:
            work()  # type: ignore[operator]
        except BaseException as error:
            raised[name] = error

    works = {"items": waits_for_items, "opening": waits_for_opening}
    runs = {name: (lambda name=name, work=work: noting(name, work)) for name, work in works.items()}
    with SideBySide(runs) as beside:
        beside.stop(signal.SIGINT)
        assert sorted(beside.ended()) == ["items", "opening"]
    ends.set()
    assert {name: str(error) for name, error in raised.items()} == dict.fromkeys(works, "stopped by SIGINT")


def test_leaving_the_block_ends_what_still_runs() -> None:
    stopped = []

    def goes_on() -> None:
        with pytest.raises(Stopped):
            while True:
                check_end()
        stopped.append(True)

    with SideBySide({"a": goes_on, "b": goes_on}):
        pass
    assert stopped == [True, True]


def test_threads_that_nobody_asks_never_end() -> None:
    check_end()
