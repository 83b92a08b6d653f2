"""From the time stamps of a stream to the time of day, by when they arrive."""

from __future__ import annotations

from collections import deque
from fractions import Fraction

# Window in seconds whose fastest frame gives the stream's zero.
WINDOW_S = 20
# Stamps that leap by more than this against arrival begin a new time line.
LEAP_S = Fraction(5)
# So do stamps that go back by more than this: an encoder that began again, not a frame out of turn.
BACK_S = Fraction(1, 10)


class MediaClock:
    """Maps media time to the time of day.

    What holds a frame up only ever adds to its arrival, so the least difference of arrival and stamp within
    the last seconds is the best guess of where the stream's zero lies. Distances between frames stay those of
    the stamps, but for slow corrections as the clocks drift.
    """

    def __init__(self) -> None:
        # Least difference within each second: (second, difference).
        self._least: deque[tuple[int, Fraction]] = deque()
        self._last_s: Fraction | None = None

    def utc_s(self, stamp_s: Fraction, arrived_s: Fraction) -> Fraction:
        """The time of day of a stamp.

        Args:
            stamp_s: media time in seconds.
            arrived_s: time of day of its arrival, in seconds since 1970.
        """
        difference_s, second = arrived_s - stamp_s, int(arrived_s)
        went_back = self._last_s is not None and stamp_s < self._last_s - BACK_S
        if went_back or (self._least and abs(difference_s - self._least[-1][1]) > LEAP_S):
            self._least.clear()
        self._last_s = stamp_s
        if self._least and self._least[-1][0] == second:
            self._least[-1] = (second, min(difference_s, self._least[-1][1]))
        else:
            self._least.append((second, difference_s))
        while self._least[0][0] < second - WINDOW_S:
            self._least.popleft()
        return stamp_s + min(difference for _, difference in self._least)
