"""Signals of a batch: Ctrl-C lets what goes on end, a second one or SIGTERM stops it."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any, Self


class Interrupts:
    """Notes signals inside its block.

    Attributes:
        drain: a signal came.
        stop: SIGTERM, or Ctrl-C a second time.
        signal: the first one that came, None so far.
    """

    def __init__(self) -> None:
        self.drain = self.stop = False
        self.signal: int | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        """Install the handlers."""
        self._previous = {
            number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)
        }
        return self

    def __exit__(self, *error: object) -> None:
        """Put the earlier handlers back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.stop = self.drain or number == signal.SIGTERM
        self.drain = True
        self.signal = self.signal or number
