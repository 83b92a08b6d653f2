"""Counts and state of one live camera."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["connecting", "streaming", "lost", "ended", "refused"]


@dataclass(slots=True)
class CameraStats:
    """Counts and state of one camera.

    Attributes:
        state: what it does now.
        connects: connections that gave a frame.
        failures: connections that failed, or ended, by reason.
        stuck: readers that were left behind because they no longer answered.
        frames: frames that arrived.
        lost: frames that the source could not deliver, by reason, over all connections.
        away_s: seconds without a picture after the first one.
    """

    state: State = "connecting"
    connects: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    stuck: int = 0
    frames: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    away_s: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "state": self.state,
            "connects": self.connects,
            "failures": dict(self.failures),
            "stuck": self.stuck,
            "frames": self.frames,
            "away_s": round(self.away_s, 3),
        }
