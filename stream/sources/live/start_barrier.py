"""Recordings that are played as the cameras of one run begin together, however long each takes to open."""

from __future__ import annotations

import threading
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from stream.runtime.clock import Clock
from stream.sources.live.lockstep import Lockstep

Wait = Callable[[float], bool]

# One that is away does not keep the others waiting for longer.
PATIENCE_S, LOOK_S = 2.0, 0.002
# Recordings whose first frames are further apart in seconds have different clocks, or the later one would
# count as away; they begin at once.
FURTHEST_S = 1


class Begin(NamedTuple):
    """The time at which the first frame of a recording is due.

    Attributes:
        at_s: on the monotonic clock.
        utc_s: seconds since 1970.
    """

    at_s: float
    utc_s: Fraction


def now(clock: Clock, ago_s: float = 0.0) -> Begin:
    """A beginning at this moment, or some seconds ago."""
    utc_ns = clock.utc_ns() - round(ago_s * 1e9)
    return Begin(clock.monotonic_s() - ago_s, Fraction(utc_ns, 1_000_000_000))


class StartBarrier:
    """A barrier at which the recordings of a run wait for each other; shared by their threads.

    Attributes:
        steps: how they keep step after that.
    """

    def __init__(self, parties: int, clock: Clock) -> None:
        """Wait for a number of recordings."""
        self._parties, self._clock = parties, clock
        self.steps = Lockstep(clock)
        self._lock = threading.Lock()
        self._firsts_s: list[Fraction] = []
        self._begun: Begin | None = None

    def begin(self, who: object, first_s: Fraction, wait: Wait) -> Begin | None:
        """The start time of a recording that is ready.

        Recordings that wait begin as far apart as their first frames are; those that come later, at once, as
        late as the others are. One that is being opened is waited for; one of which nothing is known, for two
        seconds.

        Args:
            who: the recording.
            first_s: time of its first frame, in the recording.
            wait: waits a number of seconds; True when the recording is to end.

        Returns:
            When its first frame is due; None when it is to end.
        """
        with self._lock:
            if self._begun is not None:
                return now(self._clock, self.steps.late_s(who))
            self._firsts_s.append(first_s)
            if len(self._firsts_s) >= self._parties:
                self._begun = now(self._clock)
        patient_until_s = self._clock.monotonic_s() + PATIENCE_S
        while (begun := self._look(who, patient_until_s)) is None:
            # The second call does not wait; it shows that this thread is alive.
            if wait(LOOK_S) or wait(0.0):
                return None
        later_s = first_s - min(self._firsts_s)
        if later_s > FURTHEST_S:
            return begun
        return Begin(begun.at_s + float(later_s), begun.utc_s + later_s)

    def _look(self, who: object, patient_until_s: float) -> Begin | None:
        impatient = self._clock.monotonic_s() >= patient_until_s and not self.steps.is_opening(who)
        with self._lock:
            if self._begun is None and impatient:
                self._begun = now(self._clock)
            return self._begun
