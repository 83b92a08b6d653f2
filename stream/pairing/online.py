"""Pairs two live cameras by capture time, and never waits for one that is silent.

Pure logic: no thread, and no clock but the arrival times that frames carry and the time that callers pass in.
The rule is that of `stream/pairing/policy.py`, by which recordings are paired too. A frame is decided as soon
as its partner is certain, judged by the measured intervals of both cameras. It waits `max_wait_ms` at most,
and not at all for a camera that has been silent for longer than that.
"""

from __future__ import annotations

import logging
from fractions import Fraction

from stream.config import LiveSettings, PairingSettings
from stream.frame import Flag, Frame, FramePair, FrameSet, Side, SingleFrame
from stream.pairing.clock_offset import ClockOffsetEstimator
from stream.pairing.frame_counts import ClockStep, FrameCounts
from stream.pairing.frame_queue import LiveQueue, TimedFrame
from stream.pairing.policy import PairingPolicy
from stream.thermal.ffc import FfcDetector

# The next frame of a camera comes no earlier than this share of its interval after the last one.
_EARLIEST_SHARE = Fraction(8, 10)

_log = logging.getLogger(__name__)

OTHER: dict[Side, Side] = {"visible": "thermal", "thermal": "visible"}


class OnlinePairer:
    """Takes frames in, gives moments out.

    Attributes:
        settings: tolerance, offset, waiting and what happens to frames without a partner.
        policy: leader, tolerance and choice of partners; an automatic tolerance follows the measured rates.
        counts: what became of every frame.
        relation: the offset between the clocks.
        queues: frames that wait, by side.
        matches: anchors that found a partner, those with a closed shutter included.
    """

    def __init__(self, settings: PairingSettings, limits: LiveSettings) -> None:
        self.settings = settings
        self.policy = PairingPolicy.of(settings)
        self.counts = FrameCounts()
        self.matches = 0
        self.relation = ClockOffsetEstimator()
        self.queues: dict[Side, LiveQueue] = {
            "visible": LiveQueue("visible", limits, self.counts),
            "thermal": LiveQueue("thermal", limits, self.counts),
        }
        self._shutter = FfcDetector()
        self._held: TimedFrame | None = None
        self._follows = False
        self._is_said = False

    def change(self, settings: PairingSettings) -> None:
        """Go by other settings from now on; frames that wait are decided by them."""
        before, self.settings, self.policy = self.policy, settings, PairingPolicy.of(settings)
        self._is_said = self._is_said and before.is_auto
        if (before.offset_s or 0) != (self.policy.offset_s or 0):
            self._restart("thermal")

    def offer(self, side: Side, frame: Frame) -> None:
        """Take a frame of a camera in, in the order in which they arrive; `arrived_s` must be set."""
        assert frame.arrived_s is not None
        watch = self.relation.watches[side]
        before = watch.clock
        if self.relation.add(side, frame):
            frames = self.counts.received[side]
            self.counts.jumped(ClockStep(side, frames, before, frame.clock, watch.step_s))
            self._restart(side)
        self.counts.received[side] += 1
        other = self.queues[OTHER[side]]
        # A camera that was never seen gets as much time for its first frame as for any other.
        if other.arrived_s == float("-inf"):
            other.arrived_s = frame.arrived_s
        stale = side == "thermal" and self._is_stale(frame)
        offset_s = self.offset_s(frame.arrived_s) if side == "thermal" else Fraction(0)
        self.queues[side].put(frame, frame.arrived_s, offset_s, stale)
        if side == "thermal" and self._held is not None:
            self._held.time_s = self._held.own_s - offset_s
        self._follow_rates()

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
        """Time at which something is decided even if no frame comes; None when nothing waits."""
        oldest_s = [queue.waiting[0].arrived_s for queue in self.queues.values() if queue.waiting]
        return min(oldest_s) + self.settings.max_wait_ms / 1000 if oldest_s else None

    def finish(self) -> None:
        """Account for what still waits."""
        for queue in self.queues.values():
            queue.clear("at_stop")

    def offset_s(self, arrived_s: float) -> Fraction:
        """Thermal clock minus visible clock, in seconds."""
        if self.policy.offset_s is not None:
            return self.policy.offset_s
        return Fraction(self.relation.offset_s(arrived_s)).limit_denominator(1_000_000)

    def anchor(self) -> Side:
        """The camera whose frames look for partners."""
        return self.policy.leader(*self._intervals_s())

    def _intervals_s(self) -> tuple[Fraction | None, Fraction | None]:
        return self.queues["visible"].interval_s, self.queues["thermal"].interval_s

    def _follow_rates(self) -> None:
        """Adapt an automatic tolerance to the rates as measured now, and log it."""
        visible_s, thermal_s = self._intervals_s()
        if not self.policy.is_auto or visible_s is None or thermal_s is None:
            return
        before, self.policy = self.policy, self.policy.at_intervals(visible_s, thermal_s)
        if not self._is_said or self.policy is not before:
            self._is_said = True
            _log.info("%s", self.policy.describe_tolerance(visible_s, thermal_s))

    def _restart(self, side: Side) -> None:
        self.queues[side].restart()
        self._held, self._follows = None, False

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
        partners_s = [partner.time_s for partner in partners.waiting]
        if not self._is_certain(anchors, partners, partners_s) and not self._waited(anchor, partners, now_s):
            return None
        next_anchor_s = anchors.waiting[1].time_s if len(anchors.waiting) > 1 else None
        best = self.policy.choose(anchor.time_s, partners_s, next_anchor_s, self._follows)
        self._follows = best is not None and partners_s[best] > anchor.time_s
        return self._unmatched(side) if best is None else self._matched(side, best)

    def _is_certain(self, anchors: LiveQueue, partners: LiveQueue, partners_s: list[Fraction]) -> bool:
        if partners.last_s is None:
            return False
        soonest_partner_s = partners.last_s + _EARLIEST_SHARE * (partners.interval_s or 0)
        soonest_anchor_s = None
        anchor_s = anchors.waiting[0].time_s
        if len(anchors.waiting) == 1:
            soonest_anchor_s = anchor_s + _EARLIEST_SHARE * (anchors.interval_s or 0)
        return self.policy.is_certain(
            anchor_s, partners_s, soonest_partner_s, soonest_anchor_s, self._follows
        )

    def _waited(self, entry: TimedFrame, missing: LiveQueue, now_s: float) -> bool:
        wait_s = self.settings.max_wait_ms / 1000
        silent_after_s = max(wait_s, 0.05, 1.5 * float(missing.interval_s or 0))
        return now_s - entry.arrived_s >= wait_s or now_s - missing.arrived_s > silent_after_s

    def _matched(self, side: Side, best: int) -> FrameSet | _Nothing:
        self.matches += 1
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
        """Drop a partner that was not taken; a thermal one may still be held."""
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
        """A visible frame whose partner shows nothing new: held, alone or dropped."""
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
        if visible.time_s - held.time_s > self.policy.max_age_s:
            queue.drop("thermal_too_old")
            return _NOTHING
        queue.take()
        return self._pair(visible, held, flags)

    def _single(self, side: Side, flags: frozenset[Flag]) -> FrameSet:
        entry = self.queues[side].take()
        time_s = entry.frame.time_s
        if side == "thermal":
            time_s -= self.offset_s(entry.arrived_s)
        moment = SingleFrame(entry.frame, side, time_s, flags)
        self.counts.use(moment)
        return moment

    def _pair(
        self, visible: TimedFrame, thermal: TimedFrame, flags: frozenset[Flag] = frozenset()
    ) -> FramePair:
        error_s = float(thermal.time_s - visible.time_s)
        pair = FramePair(visible.frame, thermal.frame, visible.frame.time_s, error_s, flags)
        self.counts.use(pair)
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


class _Nothing:
    """A decision after which nothing goes on to fusion."""


_NOTHING = _Nothing()
