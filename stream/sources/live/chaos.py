"""A camera that misbehaves on purpose, to test with and to rehearse."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np

from stream.clock import Clock
from stream.errors import SourceError
from stream.frame import Frame, Pixels
from stream.sources.base import Source
from stream.sources.live.chaos_schedule import Schedule
from stream.sources.reader import Reader

SMALLEST_PX = 16
BLOCK_PX = 16

# When each camera was first opened, so that its schedule goes on over connections.
_begun_s: dict[str, float] = {}


def begun_s(name: str, clock: Clock) -> float:
    """The moment when a camera was first opened in this process, on the monotonic clock."""
    return _begun_s.setdefault(name, clock.monotonic_s())


class ChaosSource(Reader):
    """Passes on the frames of another source, with faults by a schedule.

    The kinds are told in `docs/chaos.md`. Frames that a fault swallows are counted in `lost` as `chaos_*`.
    """

    def __init__(
        self, open_inner: Callable[[], Source], schedule: Schedule, begun_at_s: float, clock: Clock
    ) -> None:
        """Open the other source, unless it is disconnected now.

        Args:
            open_inner: opens it.
            schedule: when which fault comes.
            begun_at_s: when the schedule began, on the monotonic clock.
            clock: for the time now.

        Raises:
            SourceError: it is disconnected.
        """
        super().__init__()
        self._schedule, self._begun_s, self._clock = schedule, begun_at_s, clock
        self._rng = random.Random(schedule.seed)
        self._held: list[Frame] = []
        self._frozen: Pixels | None = None
        self._own: Counter[str] = Counter()
        self._check_connected(self._now_s())
        self._inner = open_inner()
        self.info = self._inner.info

    def _read(self) -> Iterator[Frame]:
        for frame in self._inner:
            now_s = self._now_s()
            self._check_connected(now_s)
            yield from self._disturbed(frame, now_s)
            self.lost.clear()
            self.lost.update(self._inner.lost + self._own)

    def _disturbed(self, frame: Frame, now_s: float) -> Iterator[Frame]:
        schedule = self._schedule
        if schedule.active("stall", now_s):
            self._own["chaos_stall"] += 1
            return
        drop = schedule.active("drop", now_s)
        if drop and self._rng.random() < drop.amount:
            self._own["chaos_drop"] += 1
            return
        frame = self._repainted(self._reclocked(frame, now_s), now_s)
        if schedule.active("burst", now_s) or (schedule.active("reorder", now_s) and not self._held):
            self._held.append(frame)
        else:
            swapped = bool(schedule.active("reorder", now_s))
            held, self._held = self._held, []
            arrived_s = self._clock.monotonic_s()
            for late in [frame, *held] if swapped else [*held, frame]:
                yield replace(late, arrived_s=arrived_s)

    def _reclocked(self, frame: Frame, now_s: float) -> Frame:
        """The same frame on a clock that jumped, or runs too fast."""
        jump, drift = self._schedule.active("jump", now_s), self._schedule.active("drift", now_s)
        ahead_s = jump.amount if jump else 0.0
        if drift:
            ahead_s += (now_s - drift.start_s) * drift.amount * 1e-6
        return replace(frame, time_s=frame.time_s + Fraction(ahead_s)) if ahead_s else frame

    def _repainted(self, frame: Frame, now_s: float) -> Frame:
        """The same frame with other pixels."""
        schedule, pixels = self._schedule, np.asarray(frame.pixels)
        if not schedule.active("freeze", now_s):
            self._frozen = None
        else:
            self._frozen = pixels if self._frozen is None else self._frozen
            pixels = self._frozen
        resize, corrupt = schedule.active("resize", now_s), schedule.active("corrupt", now_s)
        if resize:
            height, width = pixels.shape[:2]
            size = [max(SMALLEST_PX, round(side * resize.amount)) for side in (width, height)]
            pixels = cv2.resize(pixels, (size[0], size[1]), interpolation=cv2.INTER_AREA)
        if corrupt:
            pixels = self._with_noise(pixels, corrupt.amount)
        return frame if pixels is frame.pixels else replace(frame, pixels=pixels)

    def _with_noise(self, pixels: Pixels, share: float) -> Pixels:
        """A share of the blocks replaced by noise."""
        noisy = pixels.copy()
        rng = np.random.default_rng(self._rng.getrandbits(32))
        for top in range(0, noisy.shape[0], BLOCK_PX):
            for left in range(0, noisy.shape[1], BLOCK_PX):
                if self._rng.random() < share:
                    block = noisy[top : top + BLOCK_PX, left : left + BLOCK_PX]
                    block[...] = rng.integers(0, int(pixels.max()) + 1, block.shape)
        return noisy

    def _check_connected(self, now_s: float) -> None:
        if self._schedule.active("disconnect", now_s):
            raise SourceError("the camera is disconnected, as its schedule of faults has it")

    def _now_s(self) -> float:
        return self._clock.monotonic_s() - self._begun_s

    def close(self) -> None:
        """Close the other source; may be called twice."""
        self._inner.close()
