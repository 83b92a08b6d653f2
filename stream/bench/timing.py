"""Times of one piece of work, in seconds, without waiting for the device in between."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import torch

from stream.runtime.clock import Clock

Work = Callable[[], object]
MOST_IN_A_BURST = 500


class Timer(Protocol):
    """Measures work on one kind of device."""

    def burst(self, work: Work, count: int) -> list[float]:
        """Seconds of each of `count` runs, one right after the other."""


class HostTimer:
    """Work is done when the call returns."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def burst(self, work: Work, count: int) -> list[float]:
        """As `Timer.burst`."""
        seconds = []
        for _ in range(count):
            begin_s = self._clock.monotonic_s()
            work()
            seconds.append(self._clock.monotonic_s() - begin_s)
        return seconds


class CudaTimer:
    """Work is queued; events in the queue tell when each run ended, and the host waits only for the last."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def burst(self, work: Work, count: int) -> list[float]:
        """As `Timer.burst`."""
        with torch.cuda.device(self._device):
            events = [torch.cuda.Event(enable_timing=True) for _ in range(count + 1)]  # type: ignore[no-untyped-call]  # torch has no types here
            events[0].record()
            for event in events[1:]:
                work()
                event.record()
            events[-1].synchronize()
        return [first.elapsed_time(second) / 1000 for first, second in pairwise(events)]


def new_timer(device: torch.device, clock: Clock) -> Timer:
    """The timer for a device."""
    return CudaTimer(device) if device.type == "cuda" else HostTimer(clock)


@dataclass(frozen=True, slots=True)
class Timing:
    """Durations of runs of one piece of work.

    Attributes:
        frames_per_s: frames of all runs over their total time.
        p50_ms: half of the runs took no longer.
        p95_ms: the same for 95 %.
        p99_ms: the same for 99 %.
        runs: how many were measured.
    """

    frames_per_s: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    runs: int

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def summarise(seconds: Sequence[float], frames: int = 1, total_s: float | None = None) -> Timing:
    """Summary of runs.

    Args:
        seconds: of each run.
        frames: that each run fused.
        total_s: of all runs, where they overlapped; else their sum.
    """
    p50, p95, p99 = (float(np.percentile(seconds, share)) * 1000 for share in (50, 95, 99))
    whole_s = sum(seconds) if total_s is None else total_s
    return Timing(frames * len(seconds) / whole_s, p50, p95, p99, len(seconds))


def rounds(works: dict[str, Work], timer: Timer, count: int, burst_s: float) -> dict[str, list[float]]:
    """Seconds of every run of each work, taken in turns, so that a machine's moods meet all alike.

    In each round a work runs once uncounted, so that it finds caches as it would leave them itself, and then
    for about `burst_s`, at least once.
    """
    seconds: dict[str, list[float]] = {name: [] for name in works}
    lengths: dict[str, int] = {}
    for _ in range(count):
        for name, work in works.items():
            (first_s,) = timer.burst(work, 1)
            length = lengths.setdefault(name, burst_length(first_s, burst_s))
            seconds[name] += timer.burst(work, length)
    return seconds


def burst_length(run_s: float, burst_s: float) -> int:
    """The number of runs of `run_s` seconds that fill `burst_s`."""
    return max(1, min(MOST_IN_A_BURST, math.ceil(burst_s / max(run_s, 1e-6))))
