"""Stopping a run between two frames when Ctrl-C or SIGTERM arrives."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from types import FrameType, TracebackType
from typing import Any, Self, TypeVar

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
    interrupts at once. Outside the main thread, where Python delivers no signals, nothing is installed.
    """

    def __init__(self) -> None:
        self._waiting = False
        self._received: int | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        """Install the handlers."""
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put the earlier handlers back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)

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
        self._waiting = True
        try:
            if self._received is not None:
                raise Stopped(self._received)
            return next(iterator)
        finally:
            self._waiting = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        again = self._received is not None
        self._received = number
        if self._waiting or again:
            raise Stopped(number)
