"""Pairs two live cameras by capture time, and never waits for one that is silent.

Pure logic: no thread, and no clock but the arrival times that frames carry and the time that callers pass in.
The slower camera leads, as with recordings (`stream/pairing/offline.py`). A frame is decided as soon as its
nearest partner is certain: a later frame of the other camera is there, or the next one can only be further
away. It waits `max_wait_ms` at most, and not at all for a camera that has been silent for longer than that.
"""

from __future__ import annotations

from fractions import Fraction

from stream.config import LiveSettings, PairingSettings
from stream.frame import Flag, Frame, FramePair, FrameSet, Side, SingleFrame
from stream.pairing.clock_offset import ClockOffsetEstimator
from stream.pairing.frame_counts import FrameCounts
from stream.pairing.frame_queue import LiveQueue, TimedFrame
from stream.thermal.ffc import FfcDetector

# The slower camera leads only if it is slower by more than this, so that equal rates do not take turns.
_SLOWER_BY = 1.1
# The nearest partner is certain when it is nearer than this share of the time to the next one.
_CERTAIN_SHARE = 0.4
# The next frame of a camera comes no earlier than this share of its period after the last one.
_EARLIEST_SHARE = 0.7

OTHER: dict[Side, Side] = {"visible": "thermal", "thermal": "visible"}


class OnlinePairer:
    """Takes frames in, gives moments out.

    Attributes:
        settings: tolerance, offset, waiting and what happens to frames without a partner.
        books: accounts of every frame.
        relation: how the clocks relate.
        queues: frames that wait, by side.
    """

    def __init__(self, settings: PairingSettings, limits: LiveSettings) -> None:
        self.settings = settings
        self.books = FrameCounts()
        self.relation = ClockOffsetEstimator()
        self.queues: dict[Side, LiveQueue] = {
            "visible": LiveQueue("visible", limits, self.books),
            "thermal": LiveQueue("thermal", limits, self.books),
        }
        self._shutter = FfcDetector()
        self._held: TimedFrame | None = None

    def change(self, settings: PairingSettings) -> None:
        """Go by other settings from now on; frames that wait are decided by them."""
        moved_s = self._fixed_offset_s(self.settings) - self._fixed_offset_s(settings)
        self.settings = settings
        if moved_s:
            self._restart("thermal")

    def offer(self, side: Side, frame: Frame) -> None:
        """Take a frame of a camera in, in the order in which they arrive; `arrived_s` must be set."""
        assert frame.arrived_s is not None
        self.books.received[side] += 1
        if self.relation.add(side, frame):
            self.books.clock_jumps[side] += 1
            self._restart(side)
        other = self.queues[OTHER[side]]
        # A camera that was never seen gets as much time for its first frame as for any other.
        if other.arrived_s == float("-inf"):
            other.arrived_s = frame.arrived_s
        stale = side == "thermal" and self._is_stale(frame)
        offset_s = self.offset_s(frame.arrived_s) if side == "thermal" else 0.0
        self.queues[side].put(frame, frame.arrived_s, offset_s, stale)
        if side == "thermal" and self._held is not None:
            self._held.time_s = self._held.own_s - offset_s

    def due(self, now_s: float) -> list[FrameSet]:
        """Everything that is decided by now, oldest first."""
        for queue in self.queues.values():
            queue.expire(now_s)
        moments = []
        while (moment := self._next(now_s)) is not None:
            if not isinstance(moment, _Nothing):
                moments.append(moment)
        return moments

    def deadline_s(self) -> float | None:
        """When something will be decided even if no frame comes; None when nothing waits."""
        oldest_s = [queue.waiting[0].arrived_s for queue in self.queues.values() if queue.waiting]
        return min(oldest_s) + self.settings.max_wait_ms / 1000 if oldest_s else None

    def finish(self) -> None:
        """Account for what still waits."""
        for queue in self.queues.values():
            queue.clear("at_stop")

    def offset_s(self, arrived_s: float) -> float:
        """Thermal clock minus visible clock, in seconds."""
        if self.settings.offset_ms == "auto":
            return self.relation.offset_s(arrived_s)
        return self._fixed_offset_s(self.settings)

    def anchor(self) -> Side:
        """The camera whose frames look for partners."""
        visible_s, thermal_s = (self.queues[side].period_s() for side in ("visible", "thermal"))
        slower = visible_s is not None and thermal_s is not None and thermal_s > visible_s * _SLOWER_BY
        return "thermal" if slower and self.settings.unpaired != "hold" else "visible"

    @staticmethod
    def _fixed_offset_s(settings: PairingSettings) -> float:
        return 0.0 if settings.offset_ms == "auto" else settings.offset_ms / 1000

    def _restart(self, side: Side) -> None:
        self.queues[side].restart()
        self._held = None

    def _is_stale(self, frame: Frame) -> bool:
        wanted = self.settings.shutter
        if frame.stale:
            return True
        if wanted == "off" or (wanted == "auto" and frame.pixel_format != "gray16le"):
            return False
        return self._shutter.is_stale(frame)

    def _next(self, now_s: float) -> FrameSet | _Nothing | None:
        """The next decision; None when there is none to be made yet."""
        side = self.anchor()
        anchors, partners = self.queues[side], self.queues[OTHER[side]]
        if not anchors.waiting:
            return self._without_anchor(OTHER[side], anchors, partners, now_s)
        anchor = anchors.waiting[0]
        best = _nearest(anchor, partners, anchors)
        certain = _certain(anchor, best, partners, self._tolerance_s())
        if not certain and not self._waited(anchor, partners, now_s):
            return None
        if best is not None and abs(partners.waiting[best].time_s - anchor.time_s) <= self._tolerance_s():
            return self._matched(side, best)
        return self._unmatched(side)

    def _waited(self, entry: TimedFrame, missing: LiveQueue, now_s: float) -> bool:
        wait_s = self.settings.max_wait_ms / 1000
        return now_s - entry.arrived_s >= wait_s or now_s - missing.arrived_s > max(wait_s, 0.05)

    def _matched(self, side: Side, best: int) -> FrameSet | _Nothing:
        partners = self.queues[OTHER[side]]
        for _ in range(best):
            self._pass_over(OTHER[side], partners)
        anchor, partner = self.queues[side].waiting[0], partners.waiting[0]
        visible, thermal = (anchor, partner) if side == "visible" else (partner, anchor)
        if thermal.stale:
            self.queues["thermal"].drop("stale")
            return self._stale(visible)
        self.queues["visible"].take()
        self.queues["thermal"].take()
        self._held = thermal
        return self._pair(visible, thermal)

    def _pass_over(self, side: Side, queue: LiveQueue) -> None:
        """Drop a partner that nobody took; a thermal one may still be held."""
        oldest = queue.waiting[0]
        if side == "thermal" and self.settings.unpaired == "hold" and not oldest.stale:
            self._held = oldest
        queue.drop("stale" if oldest.stale else "unpaired")

    def _unmatched(self, side: Side) -> FrameSet | _Nothing:
        queue, partners = self.queues[side], self.queues[OTHER[side]]
        entry = queue.waiting[0]
        # No later frame will need what is older than this one; the newest of it may be held.
        while partners.waiting and partners.waiting[0].time_s <= entry.time_s:
            self._pass_over(OTHER[side], partners)
        if entry.stale:
            queue.drop("stale")
            return _NOTHING
        if self.settings.unpaired == "hold" and side == "visible":
            return self._hold(entry, frozenset({"held"}), "unpaired")
        if self.settings.unpaired == "single":
            return self._single(side, frozenset({"single"}))
        queue.drop("unpaired")
        return _NOTHING

    def _stale(self, visible: TimedFrame) -> FrameSet | _Nothing:
        """What becomes of a visible frame whose partner shows nothing new."""
        if self.settings.unpaired == "hold":
            return self._hold(visible, frozenset({"held", "stale"}), "thermal_stale")
        if self.settings.unpaired == "single":
            return self._single("visible", frozenset({"single", "stale"}))
        self.queues["visible"].drop("thermal_stale")
        return _NOTHING

    def _hold(self, visible: TimedFrame, flags: frozenset[Flag], without: str) -> FrameSet | _Nothing:
        """A visible frame with the last fresh thermal one."""
        queue, held = self.queues["visible"], self._held
        if held is None:
            queue.drop(without)
            return _NOTHING
        if visible.time_s - held.time_s > self.settings.max_age_ms / 1000:
            queue.drop("thermal_too_old")
            return _NOTHING
        queue.take()
        return self._pair(visible, held, flags)

    def _single(self, side: Side, flags: frozenset[Flag]) -> FrameSet:
        entry = self.queues[side].take()
        time_s = entry.frame.time_s
        if side == "thermal":
            time_s -= Fraction(self.offset_s(entry.arrived_s)).limit_denominator(1_000_000)
        moment = SingleFrame(entry.frame, side, time_s, flags)
        self.books.use(moment)
        return moment

    def _pair(
        self, visible: TimedFrame, thermal: TimedFrame, flags: frozenset[Flag] = frozenset()
    ) -> FramePair:
        error_s = thermal.time_s - visible.time_s
        pair = FramePair(visible.frame, thermal.frame, visible.frame.time_s, error_s, flags)
        self.books.use(pair)
        return pair

    def _without_anchor(
        self, side: Side, anchors: LiveQueue, partners: LiveQueue, now_s: float
    ) -> FrameSet | _Nothing | None:
        """The camera that leads gave nothing: its partners wait, and then go their own way."""
        if not partners.waiting or not self._waited(partners.waiting[0], anchors, now_s):
            return None
        if self.settings.unpaired == "single":
            return self._unmatched(side)
        self._pass_over(side, partners)
        return _NOTHING

    def _tolerance_s(self) -> float:
        return self.settings.tolerance_ms / 1000


class _Nothing:
    """A decision after which nothing goes on to fusion."""


_NOTHING = _Nothing()


def _nearest(anchor: TimedFrame, partners: LiveQueue, anchors: LiveQueue) -> int | None:
    """Which partner is nearest in time, of those that the next anchor does not need more."""
    following = anchors.waiting[1].time_s if len(anchors.waiting) > 1 else None
    best, least_s = None, float("inf")
    for index, partner in enumerate(partners.waiting):
        error_s = abs(partner.time_s - anchor.time_s)
        contested = following is not None and abs(partner.time_s - following) < error_s
        if error_s < least_s and not contested:
            best, least_s = index, error_s
    return best


def _certain(anchor: TimedFrame, best: int | None, partners: LiveQueue, tolerance_s: float) -> bool:
    """Whether no partner that is still to come can be nearer."""
    period_s = partners.period_s()
    if partners.last_s is None:
        return False
    if partners.last_s >= anchor.time_s:
        return True
    if period_s is None:
        return False
    if best is None:
        return partners.last_s + _EARLIEST_SHARE * period_s > anchor.time_s + tolerance_s
    return anchor.time_s - partners.waiting[best].time_s <= _CERTAIN_SHARE * period_s
