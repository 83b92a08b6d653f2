from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from stream.runtime.signals import Stopped, StopSignals


def test_a_signal_ends_the_waiting_for_the_next_item() -> None:
    def items() -> Iterator[int]:
        yield 1
        signal.raise_signal(signal.SIGTERM)
        yield 2

    with StopSignals() as stop:
        watched = stop.watch(items())
        assert next(watched) == 1
        with pytest.raises(Stopped, match="SIGTERM") as caught:
            next(watched)
    assert caught.value.signal == signal.SIGTERM


def test_a_signal_during_work_is_kept_for_the_next_wait() -> None:
    with StopSignals() as stop:
        watched = stop.watch(iter([1, 2]))
        assert next(watched) == 1
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Stopped, match="SIGINT"):
            next(watched)


def test_a_second_signal_interrupts_at_once() -> None:
    with StopSignals():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Stopped):
            signal.raise_signal(signal.SIGINT)


def test_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with StopSignals():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_outside_the_main_thread_nothing_is_installed() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def work() -> None:
        with StopSignals() as stop:
            seen.extend(stop.watch([1, 2]))
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [1, 2, before]
