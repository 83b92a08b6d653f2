"""Counts of live pairing: frames received, used and left out by reason, and the errors of pairs."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from stream.frame import ClockSource, FrameSet, Side
from stream.runtime.stage_times import Histogram

# Jumps of clocks that are told one by one.
STEPS_KEPT = 100


@dataclass(frozen=True, slots=True)
class ClockStep:
    """A jump of a camera's clock, or another clock in its place.

    Attributes:
        side: the camera.
        frames: how many had come from it before.
        before: where its times came from before.
        after: where they come from now.
        step_s: by how much its times moved against arrival, forwards if positive.
    """

    side: Side
    frames: int
    before: ClockSource | None
    after: ClockSource
    step_s: float

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "camera": self.side,
            "after_frames": self.frames,
            "from": self.before,
            "to": self.after,
            "step_s": round(self.step_s, 3),
        }


@dataclass(slots=True)
class FrameCounts:
    """Every frame of a camera is in `used` or, by its reason, in `dropped`, or still waits.

    Reasons, each behind the frame's side: `unpaired` no partner within the tolerance; `thermal_too_old` with
    `hold`, no thermal frame within `max_age_ms`; `thermal_stale`, `stale` the thermal shutter was closed;
    `out_of_order` earlier than the frame before; `overrun` more waited than the queue holds, or longer;
    `superseded` a fresher pair was there; `not_registered` no registration fits its size; `at_stop` waited
    when the run ended.

    Attributes:
        received: frames that came, by side.
        used: frames that are in a moment which went on to fusion, by side; a held one counts once.
        dropped: frames that did not, by side and reason.
        moments: moments that went on to fusion, by kind: `pairs`, `held`, `single`; `stale` beside them;
            `given_up` those of them that did not reach fusion after all.
        errors: pairing errors of the pairs, without their sign.
        clock_jumps: how often the clock of a camera jumped, by side.
        clock_steps: the newest of these jumps, oldest first.
    """

    received: Counter[str] = field(default_factory=Counter)
    used: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    moments: Counter[str] = field(default_factory=Counter)
    errors: Histogram = field(default_factory=Histogram)
    clock_jumps: Counter[str] = field(default_factory=Counter)
    clock_steps: deque[ClockStep] = field(default_factory=lambda: deque(maxlen=STEPS_KEPT))

    def jumped(self, step: ClockStep) -> None:
        """The clock of a camera has jumped."""
        self.clock_jumps[step.side] += 1
        self.clock_steps.append(step)

    def drop(self, side: Side, reason: str, count: int = 1) -> None:
        """Frames of a side that are left out."""
        if count:
            self.dropped[f"{side}_{reason}"] += count

    def use(self, moment: FrameSet) -> None:
        """A moment that goes on to fusion; its frames are counted by who pairs them."""
        flags = moment.flags
        self.moments["single" if "single" in flags else "held" if "held" in flags else "pairs"] += 1
        self.moments["stale"] += "stale" in flags
        if moment.pairing_error_s is not None and not flags:
            self.errors.add(abs(moment.pairing_error_s))

    def unuse(self, moment: FrameSet, reason: str) -> None:
        """A moment that was to go on to fusion and does not after all."""
        self.moments["given_up"] += 1
        for side, frame in (("visible", moment.visible), ("thermal", moment.thermal)):
            if frame is not None and not (side == "thermal" and "held" in moment.flags):
                self.used[side] -= 1
                self.dropped[f"{side}_{reason}"] += 1

    def unaccounted(self, side: Side) -> int:
        """Frames that came and are in no book; those that wait are among them while a run goes on."""
        dropped = sum(count for reason, count in self.dropped.items() if reason.startswith(f"{side}_"))
        return self.received[side] - self.used[side] - dropped

    def as_json(self) -> dict[str, Any]:
        """As plain values; errors in milliseconds."""
        return {
            "received": dict(self.received),
            "used": dict(self.used),
            "moments": {name: count for name, count in self.moments.items() if count},
            "clock_jumps": dict(self.clock_jumps),
            "clock_steps": [step.as_json() for step in list(self.clock_steps)],
            "pairing_error_ms": {
                f"p{share}": round(self.errors.quantile_s(share / 100) * 1000, 3) for share in (50, 95, 99)
            },
            "unaccounted": {side: self.unaccounted(side) for side in ("visible", "thermal")},
        }
