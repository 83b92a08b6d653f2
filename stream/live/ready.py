"""Moments that are decided and wait to be fused: the freshest first where fusion does not keep up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from stream.frame import FrameSet

# Seconds that a pair may wait; longer waits show that fusion is too slow.
LATE_S = 0.1
# Pairs that may wait, and takes in a row with one waiting. Beyond these, fusion was not held
# up for a moment but is too slow, and what waits makes every picture older.
MOST_WAITING, MOST_BEHIND = 2, 2


class ReadyMoments:
    """A queue whose old end is given up where it grows."""

    def __init__(self, keeps_all: bool, give_up: Callable[[FrameSet], None]) -> None:
        """Nothing waits yet.

        Args:
            keeps_all: give up only what is late: what is recorded is not fused, and kept whole.
            give_up: called with each moment that a fresher one supersedes.
        """
        self._keeps_all, self._give_up = keeps_all, give_up
        self._waiting: deque[FrameSet] = deque()
        self._behind = 0

    def __len__(self) -> int:
        """Number of moments that wait."""
        return len(self._waiting)

    def add(self, moments: Iterable[FrameSet], now_s: float, max_wait_s: float, overran: bool) -> None:
        """Take moments in, oldest first, and give up those that are too old by now.

        Args:
            moments: as they were decided.
            now_s: on the monotonic clock.
            max_wait_s: that a frame without a partner had to wait for one.
            overran: frames were dropped already because they were not taken.
        """
        self._waiting.extend(moments)
        if overran or (self._waiting and _is_late(self._waiting[0], now_s, max_wait_s)):
            self._keep(1)
        if not self._keeps_all:
            self._keep(MOST_WAITING)

    def take(self) -> FrameSet | None:
        """The next moment to be fused; None where none waits."""
        if self._behind >= MOST_BEHIND and not self._keeps_all:
            self._keep(1)
        if not self._waiting:
            return None
        moment = self._waiting.popleft()
        self._behind = self._behind + 1 if self._waiting else 0
        return moment

    def clear(self) -> list[FrameSet]:
        """All that waited, which waits no more."""
        moments = list(self._waiting)
        self._waiting.clear()
        return moments

    def _keep(self, count: int) -> None:
        while len(self._waiting) > count:
            self._give_up(self._waiting.popleft())


def _is_late(moment: FrameSet, now_s: float, max_wait_s: float) -> bool:
    """True where it could have been taken long ago; one without a partner had to wait for it first."""
    frames = (frame for frame in (moment.visible, moment.thermal) if frame is not None)
    arrived_s = max(frame.arrived_s or 0.0 for frame in frames)
    return now_s - arrived_s > (max_wait_s if moment.flags else 0.0) + LATE_S
