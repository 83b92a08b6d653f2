"""Runs beside each other, each on a thread of its own; one of the files that start threads."""

from __future__ import annotations

import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Self

from stream.runtime.signals import Stopped
from stream.runtime.threads import PAIR, ending_by, new_thread


class SideBySide:
    """Starts all runs at once, reports each that ends, and ends the others on request.

    A run keeps its errors to itself. Leaving the block asks all that still run to end, and waits for them in
    their order.
    """

    def __init__(self, runs: Mapping[str, Callable[[], None]]) -> None:
        """Start nothing before the block.

        Args:
            runs: by name, which is that of the pair.
        """
        self._changed = threading.Condition()
        self._ended: deque[str] = deque()
        self._left = len(runs)
        self._signal: int | None = None
        self._threads = [self._thread(name, run) for name, run in runs.items()]

    def ended(self) -> Iterator[str]:
        """Name of each run as it ends."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ended or not self._left)
                if not self._ended:
                    return
                one = self._ended.popleft()
            yield one

    def stop(self, signal_number: int) -> None:
        """Ask all runs to end, each between two frames; they raise `Stopped` with this signal."""
        self._signal = signal_number

    def __enter__(self) -> Self:
        """Start."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Ask, and wait."""
        if self._signal is None:
            self.stop(signal.SIGTERM)
        for thread in self._threads:
            thread.join()

    def _thread(self, name: str, run: Callable[[], None]) -> threading.Thread:
        def work() -> None:
            PAIR.set(name)
            try:
                with ending_by(self._check):
                    run()
            finally:
                with self._changed:
                    self._left -= 1
                    self._ended.append(name)
                    self._changed.notify_all()

        return new_thread(work, name)

    def _check(self) -> None:
        if self._signal is not None:
            raise Stopped(self._signal)
