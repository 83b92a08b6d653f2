"""Stopping a run between two frames when Ctrl-C or SIGTERM arrives."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import FrameType
from typing import Any, NoReturn, Self, TypeVar

from stream.runtime.watchdog import Watchdog

Item = TypeVar("Item")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(BaseException):
    """A signal asked the run to end; no error of the program, so `except Exception` lets it through."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signal_number).name}")
        self.signal = signal_number


class StopSignals:
    """Turns signals into `Stopped`, but only where `watch` waits for the next item.

    Elsewhere, above all inside an encoder, a first signal is kept for the next wait; a second one
    interrupts at once, but not what closes the outputs once the first one has ended the run. A watchdog
    bounds how long that may take. Outside the main thread, where Python delivers no signals, nothing is
    installed.
    """

    def __init__(self) -> None:
        self._waiting = False
        self._closing = False
        self._watchdog: Watchdog | None = None
        self._hook = sys.unraisablehook
        self._received: int | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        """Install the handlers."""
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._handle) for number in _SIGNALS}
            self._watchdog = Watchdog()
            self._hook, sys.unraisablehook = sys.unraisablehook, self._could_not_raise
            _installed.append(self)
        return self

    def __exit__(self, *error: object) -> None:
        """Put the earlier handlers back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        if self._watchdog:
            self._watchdog.close()
            sys.unraisablehook = self._hook
            _installed.remove(self)

    @property
    def asked(self) -> bool:
        """True once a signal came; for loops that do not use `watch`."""
        return self._received is not None

    def watch(self, items: Iterable[Item]) -> Iterator[Item]:
        """The same items; a signal ends the waiting for the next one.

        Raises:
            Stopped: a signal came.
        """
        iterator = iter(items)
        while True:
            try:
                item = self._next(iterator)
            except StopIteration:
                return
            yield item

    def _next(self, iterator: Iterator[Item]) -> Item:
        with self._wait():
            return next(iterator)

    @contextmanager
    def _wait(self) -> Iterator[None]:
        was_waiting, self._waiting = self._waiting, True
        try:
            if self._received is not None and not self._closing:
                self._end(self._received)
            yield
        finally:
            self._waiting = was_waiting

    def _end(self, number: int) -> NoReturn:
        self._closing = True
        raise Stopped(number)

    def _could_not_raise(self, unraisable: sys.UnraisableHookArgs) -> None:
        """A signal that came in a destructor or callback ends the next wait instead."""
        if isinstance(unraisable.exc_value, Stopped):
            self._closing = False
        else:
            self._hook(unraisable)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        again = self._received is not None
        self._received = number
        if (self._waiting or again) and not self._closing:
            self._end(number)


_installed: list[StopSignals] = []


def waiting() -> AbstractContextManager[None]:
    """A block in which the main thread waits for another one, so that a signal may end the waiting.

    Raises:
        Stopped: a signal came, before or while the block runs.
    """
    is_main = threading.current_thread() is threading.main_thread()
    return _installed[-1]._wait() if _installed and is_main else nullcontext()
