"""A clock that tests move by hand."""

from __future__ import annotations


class HandClock:
    """Both clocks start at zero."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic_s(self) -> float:
        return self.now_s

    def utc_ns(self) -> int:
        return int(self.now_s * 1e9)

    def wait(self, seconds: float) -> bool:
        """Wait at once; nobody asks to stop."""
        self.now_s += seconds
        return False
