"""The offset between the clocks of two live cameras, by when their frames arrive."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from stream.frame import ClockSource, Frame, Side

# Clocks that agree within this are taken to agree: ways to this machine may differ by as much.
AGREE_S = 0.5
# A clock that moves by more than this against arrival from one frame to the next has jumped.
JUMP_S = 1.0
# A clock that goes back by more than this from one frame to the next has jumped too: no delay does that.
BACK_S = 0.1
BUCKET_S = 1.0
BUCKETS = 180
# Seconds during which the offset measured on the first frames is provisional.
SETTLED_S = 3.0
# Below this span, jitter would pass for drift.
DRIFT_SPAN_S = 15.0


@dataclass(frozen=True, slots=True)
class Line:
    """A lower bound of arrival minus capture time: `base_s + slope * (arrived_s - origin_s)`."""

    origin_s: float
    base_s: float
    slope: float

    def at(self, arrived_s: float) -> float:
        """Seconds from capture to arrival, both on clocks of their own, of a frame that was not held up."""
        return self.base_s + self.slope * (arrived_s - self.origin_s)


class ClockTracker:
    """Follows one camera's clock against this machine's.

    What holds a frame up only ever adds to arrival minus capture time, so its lower bound moves as the
    clocks do. The bound is the straight line below all minima of a second that lies nearest to them on the
    whole: the edge of their lower convex hull over the mean time.

    Attributes:
        clock: where the times come from.
        line: the bound; None before the first frame.
        step_s: by how much the clock jumped at last against arrival, forwards if positive.
    """

    def __init__(self) -> None:
        self.clock: ClockSource | None = None
        self.line: Line | None = None
        self.step_s = 0.0
        self._minima: deque[tuple[float, float]] = deque(maxlen=BUCKETS)
        self._bucket = -1
        self._last: tuple[float, float] | None = None

    def add(self, frame: Frame) -> bool:
        """Count a frame; True when the clock jumped, or another clock took its place."""
        assert frame.arrived_s is not None
        arrived_s, delay_s = frame.arrived_s, frame.arrived_s - float(frame.time_s)
        jumped = self.clock not in (None, frame.clock) or self._jumped(arrived_s, delay_s)
        if jumped:
            self.step_s = self._last[1] - delay_s if self._last else 0.0
            self._minima.clear()
            self._bucket = -1
        self.clock, self._last = frame.clock, (arrived_s, delay_s)
        bucket = int(arrived_s / BUCKET_S)
        if bucket != self._bucket:
            self._bucket = bucket
            self._minima.append((arrived_s, delay_s))
        elif delay_s >= self._minima[-1][1]:
            return jumped
        else:
            self._minima[-1] = (arrived_s, delay_s)
        self.line = bound(list(self._minima))
        return jumped

    @property
    def span_s(self) -> float:
        """Seconds that the bound stands on."""
        return self._minima[-1][0] - self._minima[0][0] if self._minima else 0.0

    def _jumped(self, arrived_s: float, delay_s: float) -> bool:
        if self._last is None:
            return False
        last_arrived_s, last_delay_s = self._last
        # A frame may come late, and the ones behind it at once; only what no delay explains is a jump.
        earlier = last_delay_s - delay_s
        late_at_most_s = arrived_s - last_arrived_s
        if -earlier > BACK_S + late_at_most_s:
            return True
        return earlier > JUMP_S + self._held_up_s(last_delay_s)

    def _held_up_s(self, delay_s: float) -> float:
        return max(0.0, delay_s - min(delay for _, delay in self._minima)) if self._minima else 0.0


def bound(points: list[tuple[float, float]]) -> Line:
    """The line below all points that lies nearest to them on the whole; level for a short span."""
    origin_s = points[0][0]
    if points[-1][0] - origin_s < DRIFT_SPAN_S:
        return Line(origin_s, min(delay for _, delay in points), 0.0)
    hull: list[tuple[float, float]] = []
    for point in points:
        while len(hull) > 1 and _turns_up(hull[-2], hull[-1], point) <= 0:
            hull.pop()
        hull.append(point)
    mean_s = sum(time_s for time_s, _ in points) / len(points)
    right = next(i for i in range(1, len(hull)) if hull[i][0] >= mean_s or i == len(hull) - 1)
    (x0, y0), (x1, y1) = hull[right - 1], hull[right]
    slope = (y1 - y0) / (x1 - x0)
    return Line(origin_s, y0 - slope * (x0 - origin_s), slope)


def _turns_up(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


class ClockOffsetEstimator:
    """The offset between the cameras' clocks: thermal minus visible.

    Where both clocks claim to be the time of day and agree within half a second, they are believed: their
    ways to this machine may well differ by that. Else the offset is that which makes the fastest frames of
    both take equally long.
    """

    def __init__(self) -> None:
        self.watches: dict[Side, ClockTracker] = {"visible": ClockTracker(), "thermal": ClockTracker()}
        # Decided once for each pair of clocks, so that slow drift never makes the offset leap.
        self._agree: bool | None = None

    def add(self, side: Side, frame: Frame) -> bool:
        """Count a frame; True when this camera's clock jumped."""
        jumped = self.watches[side].add(frame)
        if jumped:
            self._agree = None
        return jumped

    def apart_s(self, arrived_s: float) -> float | None:
        """Thermal clock minus visible clock by arrival, in seconds; None before both cameras were seen."""
        visible, thermal = self.watches["visible"].line, self.watches["thermal"].line
        if visible is None or thermal is None:
            return None
        return visible.at(arrived_s) - thermal.at(arrived_s)

    def offset_s(self, arrived_s: float) -> float:
        """The offset to take out, in seconds."""
        apart_s = self.apart_s(arrived_s)
        if apart_s is None:
            return 0.0
        agree = self._agree
        if agree is None:
            agree = abs(apart_s) <= AGREE_S
            if min(watch.span_s for watch in self.watches.values()) >= SETTLED_S:
                self._agree = agree
        return 0.0 if agree else apart_s

    def drift_ppm(self) -> float | None:
        """Drift of the thermal clock against the visible one, in parts per million; None if unknown."""
        visible, thermal = self.watches["visible"], self.watches["thermal"]
        if visible.line is None or thermal.line is None:
            return None
        if min(visible.span_s, thermal.span_s) < DRIFT_SPAN_S:
            return None
        return (visible.line.slope - thermal.line.slope) * 1e6
