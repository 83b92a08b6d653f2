"""Recordings that are played like cameras: each frame comes when its time does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

from stream.frame import Frame
from stream.runtime.clock import Clock
from stream.sources.base import Source, SourceBase
from stream.sources.live.start_barrier import LOOK_S, StartBarrier, Wait

# Seconds between the last frame of a recording and the first of its next round, where no rate is known.
DEFAULT_GAP_S = Fraction(1, 25)


class PacedSource(SourceBase):
    """Gives out the frames of a recording at the pace of their times, as if they were taken now.

    The first frame is of the moment when it is read and the run's other recordings are ready, and all
    distances are kept. Times are those of the recording moved into the present, on the clock that it has.
    Where this one is late, the run's other recordings wait for it, and it for them (`Lockstep`).
    """

    def __init__(
        self,
        open_inner: Callable[[], Source],
        clock: Clock,
        wait: Wait,
        rounds: bool = False,
        together: StartBarrier | None = None,
    ) -> None:
        """Open the recording.

        Args:
            open_inner: opens it from its beginning.
            clock: for the present.
            wait: waits a number of seconds; True when the source is to end.
            rounds: play it again and again.
            together: with which others it begins; by itself if not given.
        """
        super().__init__()
        self._open, self._clock, self._wait, self._rounds = open_inner, clock, wait, rounds
        self._together = together or StartBarrier(1, clock)
        self._steps = self._together.steps
        self._steps.opens(self)
        try:
            self._inner = open_inner()
        except BaseException:
            self._steps.ends(self)
            raise
        self.lost = self._inner.lost
        self.info = replace(self._inner.info, live=True, finite=not rounds, frames=None, audio=False)

    def _read(self) -> Iterator[Frame]:
        begin = None
        at_s, index = Fraction(0), 0
        while True:
            first_s: Fraction | None = None
            last_s, gap_s = Fraction(0), DEFAULT_GAP_S
            for frame in self._inner:
                first_s = frame.time_s if first_s is None else first_s
                begin = begin or self._together.begin(self, first_s, self._wait)
                if begin is None:
                    return
                moved_s = frame.time_s - first_s
                gap_s = moved_s - last_s if moved_s > last_s else gap_s
                last_s = moved_s
                due_s = begin.at_s + float(at_s + moved_s)
                if self._wait_until(due_s):
                    return
                arrived_s = self._clock.monotonic_s()
                self._steps.makes(self, due_s)
                yield replace(frame, time_s=begin.utc_s + at_s + moved_s, index=index, arrived_s=arrived_s)
                index += 1
            if not self._rounds or first_s is None:
                self._steps.ends(self)
                return
            at_s += last_s + gap_s
            self._begin_again()

    def _wait_until(self, due_s: float) -> bool:
        """Wait until a frame is due and the other recordings are as far; True when the source is to end."""
        self._steps.has(self, due_s)
        if self._wait(max(0.0, due_s - self._clock.monotonic_s())):
            return True
        while not self._steps.may_give(self, due_s):
            # The second call does not wait; it shows that this thread is alive.
            if self._wait(LOOK_S) or self._wait(0.0):
                return True
        return False

    def _begin_again(self) -> None:
        self._inner.close()
        self._inner = self._open()
        # Losses are summed over all rounds.
        self._inner.lost.update(self.lost)
        self.lost = self._inner.lost

    def close(self) -> None:
        """Close the recording; may be called twice."""
        self._steps.ends(self)
        self._inner.close()
