"""A camera that misbehaves on purpose, to test with and to rehearse."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np

from stream.errors import SourceError
from stream.frame import Frame, Pixels
from stream.runtime.clock import Clock
from stream.sources.base import Source, SourceBase
from stream.sources.chaos.schedule import Kind, Schedule

SMALLEST_PX = 16
BLOCK_PX = 16
# Frames that a burst holds back; older ones are lost.
MOST_HELD_BYTES = 256_000_000

# Monotonic time at which each camera was first opened, so that its schedule continues over reconnections.
_begun_s: dict[str, float] = {}

Amounts = dict[Kind, float]


def begun_s(name: str, clock: Clock) -> float:
    """The moment when a camera was first opened in this process, on the monotonic clock."""
    return _begun_s.setdefault(name, clock.monotonic_s())


class ChaosSource(SourceBase):
    """Passes on the frames of another source, with faults by a schedule.

    Kinds: `docs/chaos.md`. Frames that a fault swallows are counted in `lost` as `chaos_KIND`,
    beside those that the other source lost.

    Attributes:
        applied: frames of this connection that each kind of fault touched, lost ones included.
    """

    def __init__(
        self, open_inner: Callable[[], Source], schedule: Schedule, begun_at_s: float, clock: Clock
    ) -> None:
        """Open the other source, unless it is disconnected or refuses now.

        Args:
            open_inner: opens it.
            schedule: when which fault comes.
            begun_at_s: when the schedule began, on the monotonic clock.
            clock: for the time now.

        Raises:
            SourceError: it is disconnected, or refuses.
        """
        super().__init__()
        self._schedule, self._begun_s, self._clock = schedule, begun_at_s, clock
        self._rng, self._noise = random.Random(schedule.seed), np.random.default_rng(schedule.seed)
        self._held: list[Frame] = []
        self._frozen: Pixels | None = None
        self._own: Counter[str] = Counter()
        self.applied: Counter[Kind] = Counter()
        amounts = self._amounts_now()
        if "disconnect" in amounts:
            raise _disconnected()
        if "refuse" in amounts:
            raise SourceError("the camera refuses the connection, as its schedule of faults has it")
        self._inner = open_inner()
        self.info = self._inner.info

    def _read(self) -> Iterator[Frame]:
        for frame in self._inner:
            amounts = self._amounts_now()
            frames = self._disturbed(frame, amounts)
            self._add_up()
            if "disconnect" in amounts:
                raise _disconnected()
            yield from frames
        self._add_up()
        yield from self._let_go()

    def _disturbed(self, frame: Frame, amounts: Amounts) -> list[Frame]:
        """The frames delivered in place of a frame."""
        if "disconnect" in amounts:
            self._lose("disconnect", 1 + len(self._held))
            self._held.clear()
            return []
        if "stall" in amounts:
            self._lose("stall")
            return []
        if "drop" in amounts and self._rng.random() < amounts["drop"]:
            self._lose("drop")
            return []
        return self._reordered(self._repainted(self._reclocked(frame, amounts), amounts), amounts)

    def _reclocked(self, frame: Frame, amounts: Amounts) -> Frame:
        """The same frame on a clock that jumped, or runs too fast."""
        ahead_s = sum(self._touch(kind, amounts) for kind in ("jump", "drift") if kind in amounts)
        return replace(frame, time_s=frame.time_s + Fraction(ahead_s)) if ahead_s else frame

    def _repainted(self, frame: Frame, amounts: Amounts) -> Frame:
        """The same frame with other pixels."""
        pixels = np.asarray(frame.pixels)
        if "freeze" in amounts:
            self._touch("freeze", amounts)
            pixels = self._frozen = pixels if self._frozen is None else self._frozen
        else:
            self._frozen = None
        if "resize" in amounts:
            pixels = _resized(pixels, self._touch("resize", amounts))
        if "corrupt" in amounts:
            pixels = self._with_noise(pixels, 2**frame.bits, self._touch("corrupt", amounts))
        # RGB for all, so that pictures do not change their form with every fault.
        return frame if pixels is frame.picture else replace(frame, picture=pixels)

    def _with_noise(self, pixels: Pixels, levels: int, share: float) -> Pixels:
        """A share of the blocks replaced by noise of 0 up to below `levels`."""
        height, width = pixels.shape[:2]
        blocks = self._noise.random((-(-height // BLOCK_PX), -(-width // BLOCK_PX))) < share
        hit = blocks.repeat(BLOCK_PX, 0).repeat(BLOCK_PX, 1)[:height, :width]
        noisy = pixels.copy()
        noisy[hit] = self._noise.integers(0, levels, noisy[hit].shape, noisy.dtype)
        return noisy

    def _reordered(self, frame: Frame, amounts: Amounts) -> list[Frame]:
        """The frame among those that were held back, or nothing while it is held back itself."""
        if "burst" in amounts or ("reorder" in amounts and not self._held):
            self._touch("burst" if "burst" in amounts else "reorder", amounts)
            self._held.append(frame)
            self._bound_held()
            return []
        if "reorder" in amounts:
            self._touch("reorder", amounts)
            return [self._arriving(frame), *self._let_go()]
        return [*self._let_go(), self._arriving(frame)]

    def _bound_held(self) -> None:
        while len(self._held) > 1 and sum(map(_bytes_of, self._held)) > MOST_HELD_BYTES:
            self._held.pop(0)
            self._own["chaos_burst"] += 1

    def _let_go(self) -> list[Frame]:
        """All frames that were held back; they arrive now."""
        held, self._held = self._held, []
        return [self._arriving(frame) for frame in held]

    def _arriving(self, frame: Frame) -> Frame:
        return replace(frame, arrived_s=self._clock.monotonic_s())

    def _touch(self, kind: Kind, amounts: Amounts) -> float:
        """Count that a kind touched a frame; gives its amount."""
        self.applied[kind] += 1
        return amounts[kind]

    def _lose(self, kind: Kind, count: int = 1) -> None:
        self.applied[kind] += count
        self._own[f"chaos_{kind}"] += count

    def _add_up(self) -> None:
        self.lost.clear()
        self.lost.update(self._inner.lost + self._own)

    def _amounts_now(self) -> Amounts:
        return self._schedule.at(self._clock.monotonic_s() - self._begun_s)

    def close(self) -> None:
        """Close the other source; may be called twice."""
        self._end_reading()
        self._inner.close()


def _disconnected() -> SourceError:
    return SourceError("the camera is disconnected, as its schedule of faults has it")


def _resized(pixels: Pixels, scale: float) -> Pixels:
    height, width = pixels.shape[:2]
    size = (max(SMALLEST_PX, round(width * scale)), max(SMALLEST_PX, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))


def _bytes_of(frame: Frame) -> int:
    return int(np.asarray(frame.pixels).nbytes)
