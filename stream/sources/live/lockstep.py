"""Recordings of one run keep step: none gives a frame out while another still works on an earlier one."""

from __future__ import annotations

import threading
from typing import NamedTuple

from stream.runtime.clock import Clock

# Seconds without a new frame after which a source is away and not waited for until its next frame.
PATIENCE_S = 5.0
# Finding and drawing a first frame takes long on a busy machine.
OPENING_S = 60.0


class _Work(NamedTuple):
    """A frame that is worked on.

    Attributes:
        due_s: it is not due before this time; None for a first frame.
        until_s: others wait for it until then.
        late_s: by how much the newest frame was late.
    """

    due_s: float | None
    until_s: float
    late_s: float


class Lockstep:
    """The frames that the recordings of a run work on; shared by their threads.

    A camera takes its picture when the moment is there, however long the last one took. A recording that
    opens its next round, or is decoded too slowly, is late instead, and where only one of two is late, their
    frames find no partners. So the others wait for it. Times are those at which frames are due, on the
    monotonic clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._work: dict[object, _Work] = {}

    def opens(self, who: object) -> None:
        """A recording is opened, and its first frame is made; it holds up no others that play already."""
        self._put(who, None, OPENING_S)

    def makes(self, who: object, after_s: float) -> None:
        """A recording gives a frame out that was due at this time, and makes the next one."""
        self._put(who, after_s, PATIENCE_S)

    def has(self, who: object, due_s: float) -> None:
        """A recording has a frame that is due at this time."""
        self._put(who, due_s, PATIENCE_S + max(0.0, due_s - self._clock.monotonic_s()))

    def ends(self, who: object) -> None:
        """A recording has ended, or is closed."""
        with self._lock:
            self._work.pop(who, None)

    def is_opening(self, who: object) -> bool:
        """True while another recording makes its first frame."""
        return any(work.due_s is None for work in self._others(who))

    def late_s(self, who: object) -> float:
        """By how much all others are late; one that joins them joins them there."""
        return max((work.late_s for work in self._others(who)), default=0.0)

    def may_give(self, who: object, due_s: float) -> bool:
        """True when no other recording works on a frame that may be due before this time."""
        return all(work.due_s is None or work.due_s >= due_s for work in self._others(who))

    def _put(self, who: object, due_s: float | None, patience_s: float) -> None:
        now_s = self._clock.monotonic_s()
        late_s = 0.0 if due_s is None else max(0.0, now_s - due_s)
        with self._lock:
            self._work[who] = _Work(due_s, now_s + patience_s, late_s)

    def _others(self, who: object) -> list[_Work]:
        """Work of all others that are not away."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            others = [work for other, work in self._work.items() if other is not who]
        return [work for work in others if now_s < work.until_s]
