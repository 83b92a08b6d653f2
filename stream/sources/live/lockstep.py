"""Recordings of one run keep step: none gives a frame out while another still works on an earlier one."""

from __future__ import annotations

import threading
from typing import NamedTuple

from stream.runtime.clock import Clock

# One that shows nothing new for so long is away and holds nobody up, until its next frame is ready.
PATIENCE_S = 5.0
# Finding and drawing a first frame takes long on a busy machine.
OPENING_S = 60.0


class _Work(NamedTuple):
    """A frame that is worked on.

    Attributes:
        due_s: it is not due before this time; None for a first frame.
        until_s: others wait for it until then.
    """

    due_s: float | None
    until_s: float


class Lockstep:
    """Which frames the recordings of a run work on; shared by their threads.

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
        return None in self._others_s(who)

    def may_give(self, who: object, due_s: float) -> bool:
        """True when no other recording works on a frame that may be due before this time."""
        return all(other_s is None or other_s >= due_s for other_s in self._others_s(who))

    def _put(self, who: object, due_s: float | None, patience_s: float) -> None:
        until_s = self._clock.monotonic_s() + patience_s
        with self._lock:
            self._work[who] = _Work(due_s, until_s)

    def _others_s(self, who: object) -> list[float | None]:
        """What all others work on that are not away."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            return [
                work.due_s for other, work in self._work.items() if other is not who and now_s < work.until_s
            ]
