"""Durations of each stage, in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar

from stream.runtime.clock import Clock

Item = TypeVar("Item")

# Bins grow by 2 %, from 1 microsecond to about 1000 seconds; a quantile is off by 1 % at most.
_FIRST_S = 1e-6
_GROWTH = 1.02
_BINS = math.ceil(math.log(1e9, _GROWTH))


class Histogram:
    """Durations counted in bins of equal ratio, so that memory does not grow with their number."""

    def __init__(self) -> None:
        self.count = 0
        self.total_s = 0.0
        self._bins = [0] * _BINS

    def add(self, duration_s: float) -> None:
        """Count one duration in seconds."""
        place = int(math.log(max(duration_s, _FIRST_S) / _FIRST_S, _GROWTH))
        self._bins[min(place, _BINS - 1)] += 1
        self.count += 1
        self.total_s += duration_s

    def cumulative(self, bounds_s: Sequence[float]) -> list[int]:
        """Number of durations at most as long as each bound, in rising order, within a bin of 2 %."""
        places = [int(math.log(bound_s / _FIRST_S, _GROWTH)) for bound_s in bounds_s]
        sums = list(accumulate(list(self._bins)))
        return [sums[min(place, _BINS - 1)] for place in places]

    def quantile_s(self, share: float) -> float:
        """The duration that `share` (0 to 1) of all do not exceed, within 1 %; 0 when there is none."""
        rank, seen = share * self.count, 0
        for place, count in enumerate(self._bins):
            seen += count
            if count and seen >= rank:
                return float(_FIRST_S * _GROWTH ** (place + 0.5))
        return 0.0


@dataclass(frozen=True, slots=True)
class StageTime:
    """Times of one stage, in milliseconds."""

    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    total_s: float


class StageTimes:
    """A histogram for each stage, in the order in which stages first ran.

    A stage belongs to one thread.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._stages: dict[str, Histogram] = {}

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Count what the `with` block takes, unless it raises."""
        start_s = self._clock.monotonic_s()
        yield
        self.add(stage, self._clock.monotonic_s() - start_s)

    def add(self, stage: str, duration_s: float) -> None:
        """Count one duration in seconds."""
        self._stages.setdefault(stage, Histogram()).add(duration_s)

    def waits(self, stage: str, items: Iterable[Item]) -> Iterator[Item]:
        """Pass items on and count how long each is waited for."""
        iterator = iter(items)
        while True:
            start_s = self._clock.monotonic_s()
            try:
                item = next(iterator)
            except StopIteration:
                return
            self.add(stage, self._clock.monotonic_s() - start_s)
            yield item

    def histograms(self) -> dict[str, Histogram]:
        """All stages that ran, as they are; may be called by any thread."""
        return dict(self._stages)

    def summary(self) -> dict[str, StageTime]:
        """Median, 95th and 99th percentile of each stage."""
        return {
            stage: StageTime(
                count=histogram.count,
                p50_ms=round(histogram.quantile_s(0.50) * 1000, 3),
                p95_ms=round(histogram.quantile_s(0.95) * 1000, 3),
                p99_ms=round(histogram.quantile_s(0.99) * 1000, 3),
                total_s=round(histogram.total_s, 3),
            )
            for stage, histogram in self.histograms().items()
        }
