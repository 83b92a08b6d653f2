"""The only file that asks for the time."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
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


def utc_now(clock: Clock) -> datetime:
    """The time."""
    return datetime.fromtimestamp(clock.utc_ns() / 1e9, UTC)


def utc_date(clock: Clock) -> date:
    """The day."""
    return utc_now(clock).date()
