from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from stream.runtime.signals import Stopped, StopSignals, waiting


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


def test_what_closes_the_outputs_is_not_interrupted() -> None:
    closed = []
    with StopSignals() as stop:
        watched = stop.watch(iter([1, 2]))
        assert next(watched) == 1
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Stopped):
            next(watched)
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        closed.append(True)
    assert closed


def test_a_wait_for_another_thread_can_be_ended() -> None:
    with StopSignals(), pytest.raises(Stopped, match="SIGTERM"), waiting():
        signal.raise_signal(signal.SIGTERM)


def test_a_signal_from_before_ends_a_wait_as_it_begins() -> None:
    with StopSignals():
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Stopped, match="SIGTERM"), waiting():
            raise AssertionError("it waits")


def test_without_handlers_a_wait_is_only_a_wait() -> None:
    with waiting():
        pass


@pytest.mark.parametrize(("numbers", "status"), [(["SIGTERM"], 143), (["SIGINT", "SIGINT"], 130)])
def test_a_process_that_does_not_end_is_ended(numbers: list[str], status: int) -> None:
    code = (
        "import os, signal, sys\n"
        "from stream.runtime import watchdog\n"
        "from stream.runtime.signals import StopSignals\n"
        "watchdog.LIMIT_S = 0.2; reads, writes = os.pipe()\n"
        "with StopSignals():\n"
        "    for name in sys.argv[1:]:\n"
        "        try: signal.raise_signal(getattr(signal, name))\n"
        "        except BaseException: pass\n"
        "    while True:\n"
        "        try: os.read(reads, 1)\n"
        "        except InterruptedError: pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *numbers], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == status
    assert done.stderr.startswith(f"gifnet: stopped by {numbers[0]}; an input or output did not end within")
    assert done.stderr.count("\n") == 1


def test_one_interrupt_lets_everything_take_as_long_as_it_takes() -> None:
    code = (
        "import signal, time\n"
        "from stream.runtime import watchdog\n"
        "from stream.runtime.signals import StopSignals\n"
        "watchdog.LIMIT_S = 0.1\n"
        "with StopSignals():\n"
        "    signal.raise_signal(signal.SIGINT); time.sleep(0.5)\n"
        "print('ended by itself')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "ended by itself\n")


def test_a_signal_in_a_destructor_ends_the_next_wait(capsys: pytest.CaptureFixture[str]) -> None:
    class Last:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    def items() -> Iterator[int]:
        last = Last()
        yield 1
        del last
        yield 2

    with StopSignals() as stop:
        watched = stop.watch(items())
        assert [next(watched), next(watched)] == [1, 2]
        with pytest.raises(Stopped, match="SIGINT"):
            next(watched)
    assert capsys.readouterr().err == ""
