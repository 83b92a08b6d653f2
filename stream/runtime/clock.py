"""The only file that asks for the time."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """A source of time; tests pass one that they move by hand."""

    def monotonic_s(self) -> float:
        """Seconds that never go backwards, for durations."""

    def utc_ns(self) -> int:
        """Nanoseconds since 1970, UTC, for stamps."""


class SystemClock:
    """The machine's clocks."""

    def monotonic_s(self) -> float:
        """Seconds of the performance counter."""
        return time.perf_counter()

    def utc_ns(self) -> int:
        """Nanoseconds since 1970, UTC."""
        return time.time_ns()
