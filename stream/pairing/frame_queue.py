"""The frames of one live camera that wait for their partners."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from statistics import median

from stream.config import LiveSettings
from stream.frame import Frame, Side
from stream.pairing.frame_counts import FrameCounts

_INTERVALS = 30
_KNOWN_FROM = 8
# Stamps that are kept to tell how far the cameras' frames lie apart.
_RECENT = 32


@dataclass(slots=True)
class TimedFrame:
    """A frame that waits.

    Attributes:
        frame: the frame.
        own_s: its capture time on its camera's clock, in seconds.
        time_s: the same on the visible clock.
        arrived_s: when it arrived, on the monotonic clock.
        stale: it shows nothing new, the shutter being closed.
    """

    frame: Frame
    own_s: Fraction
    time_s: Fraction
    arrived_s: float
    stale: bool = False


class LiveQueue:
    """Bounded in frames, bytes and age; what goes over is dropped from its old end, and counted.

    Attributes:
        waiting: oldest first.
        last_s: capture time of the newest frame so far, on the visible clock; None before the first.
        arrived_s: when it arrived.
        overran: True when frames were dropped for want of room since the flag was last cleared.
        interval_s: median time between frames; None before there are enough of them.
        recent_s: stamps of the newest frames on their camera's own clock, ascending.
    """

    def __init__(self, side: Side, limits: LiveSettings, counts: FrameCounts) -> None:
        self.waiting: deque[TimedFrame] = deque()
        self.last_s: Fraction | None = None
        self.interval_s: Fraction | None = None
        self.recent_s: deque[Fraction] = deque(maxlen=_RECENT)
        self._offset_s = Fraction(0)
        self.arrived_s = float("-inf")
        self.overran = False
        self._side: Side = side
        self._limits, self._counts = limits, counts
        self._intervals_s: deque[float] = deque(maxlen=_INTERVALS)

    def put(self, frame: Frame, arrived_s: float, offset_s: Fraction, stale: bool) -> None:
        """Take a frame in, if it is later than the one before.

        Args:
            frame: the frame.
            arrived_s: when it arrived.
            offset_s: its camera's clock minus the visible clock, as far as is known by now; frames that wait
                are brought onto it too.
            stale: it shows nothing new.
        """
        own_s = frame.time_s
        if self.recent_s and own_s <= self.recent_s[-1]:
            self.drop_frame("out_of_order")
            return
        if self.recent_s:
            self._add_interval(own_s - self.recent_s[-1])
        self.recent_s.append(own_s)
        self.arrived_s, self.last_s = arrived_s, own_s - offset_s
        self.waiting.append(TimedFrame(frame, own_s, self.last_s, arrived_s, stale))
        if offset_s != self._offset_s:
            self._offset_s = offset_s
            for entry in self.waiting:
                entry.time_s = entry.own_s - offset_s
        while self._is_over():
            self.drop("overrun")
            self.overran = True

    def restart(self) -> None:
        """The clock jumped: what waits has times of the old one."""
        self.clear("unpaired")
        self.last_s = self.interval_s = None
        self.recent_s.clear()
        self._intervals_s.clear()

    def expire(self, now_s: float) -> None:
        """Drop frames that have waited for too long without being asked for."""
        while self.waiting and now_s - self.waiting[0].arrived_s > self._limits.queue_ms / 1000:
            self.drop("overrun")
            self.overran = True

    def take(self) -> TimedFrame:
        """The oldest frame, to be used."""
        self._counts.used[self._side] += 1
        return self.waiting.popleft()

    def drop(self, reason: str) -> None:
        """Let the oldest frame go."""
        self.waiting.popleft()
        self.drop_frame(reason)

    def drop_frame(self, reason: str) -> None:
        """Count a frame that does not wait here."""
        self._counts.drop(self._side, reason)

    def clear(self, reason: str) -> None:
        """Let all go."""
        while self.waiting:
            self.drop(reason)

    def _add_interval(self, interval_s: Fraction) -> None:
        self._intervals_s.append(float(interval_s))
        if len(self._intervals_s) >= _KNOWN_FROM:
            self.interval_s = Fraction(median(self._intervals_s)).limit_denominator(1_000_000)

    def _is_over(self) -> bool:
        if len(self.waiting) > self._limits.queue_frames:
            return True
        size = sum(_bytes(entry.frame) for entry in self.waiting)
        return len(self.waiting) > 1 and size > self._limits.queue_mb * 1e6


def _bytes(frame: Frame) -> int:
    width, height = frame.size
    return width * height * (3 if frame.pixel_format == "rgb24" else 2)
