"""Even playout of a stream that comes in bursts, as HLS does by the segment."""

from __future__ import annotations

from collections import deque
from fractions import Fraction

# Window in seconds whose latest frame gives the delay of playout.
WINDOW_S = 60
# Stamps that leap by more than this against arrival, or go back, begin a new time line.
LEAP_S = 20


class Playout:
    """Tells when each frame is due, so that frames come as far apart as they were taken.

    A burst holds seconds of pictures that nobody could pair with another camera's as they arrive. Each is due
    as late after its stamp as the latest one of the last minute was.
    """

    def __init__(self) -> None:
        # Greatest difference of arrival and stamp within each second: (second, difference).
        self._latest: deque[tuple[int, float]] = deque()
        self._last_s: Fraction | None = None

    def due_s(self, stamp_s: Fraction, arrived_s: float) -> float:
        """The time at which a frame is due, never before it arrived.

        Args:
            stamp_s: media time in seconds.
            arrived_s: monotonic time of its arrival, in seconds.
        """
        late_s, second = arrived_s - float(stamp_s), int(arrived_s)
        went_back = self._last_s is not None and stamp_s < self._last_s
        if went_back or (self._latest and abs(late_s - self._latest[-1][1]) > LEAP_S):
            self._latest.clear()
        self._last_s = stamp_s
        if self._latest and self._latest[-1][0] == second:
            self._latest[-1] = (second, max(late_s, self._latest[-1][1]))
        else:
            self._latest.append((second, late_s))
        while self._latest[0][0] < second - WINDOW_S:
            self._latest.popleft()
        return float(stamp_s) + max(late for _, late in self._latest)
