"""The newest frame of a run, and figures of its last seconds."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stream.frame import FusedFrame
from stream.runtime.clock import Clock

WINDOW_S = 5.0
# Seconds without a frame after which the time since the last one counts as well.
STALLED_S = 1.0
# Bounds the memory of the window, at 400 frames a second.
MOST_FRAMES = 2000


@dataclass(frozen=True, slots=True)
class _Seen:
    at_s: float
    latency_s: float | None
    error_s: float | None
    capture_age_s: float | None


class RollingStats:
    """Takes every fused frame, from one thread; answers any thread."""

    def __init__(self, clock: Clock) -> None:
        """Nothing has been seen yet.

        Args:
            clock: for ages and rates.
        """
        self._clock = clock
        self._seen: deque[_Seen] = deque(maxlen=MOST_FRAMES)
        self._newest: FusedFrame | None = None
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []

    def show(self, frame: FusedFrame, latency_s: float | None, age_s: float | None = None) -> None:
        """A frame that every sink has.

        Args:
            frame: it.
            latency_s: since its later half arrived; None for recordings.
            age_s: since its capture; None where that is not known.
        """
        seen = _Seen(self._clock.monotonic_s(), latency_s, frame.pair.pairing_error_s, age_s)
        with self._lock:
            self._newest = frame
            self._seen.append(seen)
            listeners = list(self._listeners)
        for tell in listeners:
            tell()

    def listen(self, tell: Callable[[], None]) -> None:
        """Call something after every frame; on the thread that shows it, so it must be quick."""
        with self._lock:
            self._listeners.append(tell)

    def unlisten(self, tell: Callable[[], None]) -> None:
        """Call it no more."""
        with self._lock:
            self._listeners.remove(tell)

    @property
    def newest(self) -> FusedFrame | None:
        """The newest frame, if there is any."""
        return self._newest

    def age_s(self) -> float | None:
        """Seconds since the newest frame; None before the first."""
        with self._lock:
            return self._clock.monotonic_s() - self._seen[-1].at_s if self._seen else None

    def as_json(self) -> dict[str, Any]:
        """Rate in frames a second, and medians and 99th percentiles in milliseconds, of the last seconds."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            seen = [one for one in self._seen if now_s - one.at_s <= WINDOW_S]
        age_s = self.age_s()
        return {
            "rate": round(_rate(seen, now_s), 2),
            "age_ms": None if age_s is None else round(age_s * 1000, 1),
            "latency_ms": _shares([one.latency_s for one in seen]),
            "capture_age_ms": _shares([one.capture_age_s for one in seen]),
            "pairing_error_ms": _shares([None if one.error_s is None else abs(one.error_s) for one in seen]),
        }


def _rate(seen: list[_Seen], now_s: float) -> float:
    """Intervals over the time that they took, so that the first seconds are right too."""
    if len(seen) < 2:
        return 0.0
    began_s, last_s = seen[0].at_s, seen[-1].at_s
    took_s = (now_s if now_s - last_s > STALLED_S else last_s) - began_s
    return (len(seen) - 1) / took_s if took_s > 0 else 0.0


def _shares(durations_s: list[float | None]) -> dict[str, float] | None:
    known = sorted(duration_s for duration_s in durations_s if duration_s is not None)
    if not known:
        return None
    last = len(known) - 1
    return {
        name: round(known[round(share * last)] * 1000, 2) for name, share in (("p50", 0.5), ("p99", 0.99))
    }
