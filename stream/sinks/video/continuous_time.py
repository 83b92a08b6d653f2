"""Capture times of frames with the steps of their camera's clock taken out, for one file."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from statistics import median

from stream.frame import ClockSource, Frame, FusedFrame, Side

# Times that go back by more than this are a step also where nothing is known of arrival.
BACK_S = Fraction(1, 10)
# Times that run ahead of the fastest arrivals by more than this are a step; less may be a delay that ended.
AHEAD_S = Fraction(1)
# After a change of clock, a difference of this many seconds already counts as a step.
OTHER_CLOCK_S = Fraction(1, 10)
# Window in seconds whose fastest frame gives the transmission delay.
WINDOW_S = 60
_INTERVALS = 9


@dataclass(frozen=True, slots=True)
class _Seen:
    """A frame as it is remembered, without its picture: its own time, its time in the file, its origin."""

    time_s: Fraction
    file_s: Fraction
    side: Side
    clock: ClockSource
    index: int
    arrived_s: float | None


class ContinuousTime:
    """Maps capture times to times of a file that go on at the pace of the pictures.

    A camera's clock may be set while it films: by its first sender report, which replaces a guess by arrival,
    by NTP, or by hand. A file that followed such a step would show everything after a step back one tick
    apart, or a still for as long as a step ahead. Here the file's time goes on across a step by what passed
    on arrival, in whole intervals of the pictures; where arrival is unknown, by one interval. All other
    distances stay exactly those of the capture times.
    """

    def __init__(self, interval_s: Fraction) -> None:
        """Begin a file.

        Args:
            interval_s: between pictures, until it has been measured.
        """
        self._interval_s = interval_s
        self._intervals_s: deque[Fraction] = deque(maxlen=_INTERVALS)
        self._last: _Seen | None = None
        self._shift_s = Fraction(0)
        # Least time from capture to arrival within each second: (second, seconds).
        self._least_s: deque[tuple[int, Fraction]] = deque()

    def file_s(self, fused: FusedFrame) -> Fraction:
        """The time of a frame in the file, in seconds: its capture time where its clock was never set."""
        side: Side = "thermal" if fused.pair.visible is None else "visible"
        frame = fused.pair.visible or fused.pair.thermal
        assert frame is not None
        last, time_s = self._last, fused.time
        if last is not None and self._is_step(last, time_s, side, frame):
            self._shift_s = last.file_s + self._passed_s(last, frame) - time_s
            self._least_s.clear()
        elif last is not None and time_s > last.time_s:
            self._intervals_s.append(time_s - last.time_s)
        self._add_delay(time_s, frame)
        self._last = _Seen(time_s, time_s + self._shift_s, side, frame.clock, frame.index, frame.arrived_s)
        return self._last.file_s

    def _is_step(self, last: _Seen, time_s: Fraction, side: Side, frame: Frame) -> bool:
        moved_s = time_s - last.time_s
        if moved_s < -BACK_S:
            return True
        same_camera = side == last.side
        other_clock = same_camera and frame.clock != last.clock
        if frame.arrived_s is None or last.arrived_s is None:
            # Frames of one connection are numbered on; a gap in their times that this explains is none.
            numbers = frame.index - last.index
            return other_clock and numbers > 0 and moved_s - numbers * self._usual_s() > OTHER_CLOCK_S
        passed_s = Fraction(frame.arrived_s) - Fraction(last.arrived_s)
        if other_clock and abs(moved_s - passed_s) > OTHER_CLOCK_S:
            return True
        if same_camera and moved_s <= 0 < passed_s:
            return True
        least_s = min(delay for _, delay in self._least_s)
        return Fraction(frame.arrived_s) - time_s < least_s - AHEAD_S

    def _passed_s(self, last: _Seen, frame: Frame) -> Fraction:
        """Time across a step, in whole intervals."""
        interval_s = self._usual_s()
        if frame.arrived_s is None or last.arrived_s is None:
            return interval_s
        passed_s = Fraction(frame.arrived_s) - Fraction(last.arrived_s)
        if not self._intervals_s and passed_s > 0:
            return passed_s
        return max(1, round(passed_s / interval_s)) * interval_s

    def _usual_s(self) -> Fraction:
        return median(self._intervals_s) if self._intervals_s else self._interval_s

    def _add_delay(self, time_s: Fraction, frame: Frame) -> None:
        if frame.arrived_s is None:
            return
        second, delay_s = int(frame.arrived_s), Fraction(frame.arrived_s) - time_s
        if self._least_s and self._least_s[-1][0] == second:
            self._least_s[-1] = (second, min(delay_s, self._least_s[-1][1]))
        else:
            self._least_s.append((second, delay_s))
        while self._least_s[0][0] < second - WINDOW_S:
            self._least_s.popleft()
