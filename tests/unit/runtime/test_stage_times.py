from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import pytest

from stream.runtime.stage_times import Histogram, StageTimes
from tests.helpers.clock import HandClock


def test_quantiles_are_within_one_percent() -> None:
    durations = np.random.default_rng(0).lognormal(mean=-4, sigma=1, size=5000)
    histogram = Histogram()
    for duration in durations:
        histogram.add(float(duration))
    for share in (0.5, 0.95):
        assert histogram.quantile_s(share) == pytest.approx(np.quantile(durations, share), rel=0.015)
    assert histogram.total_s == pytest.approx(durations.sum())


@pytest.mark.parametrize("duration_s", [0.0, 1e-9, 1e6])
def test_durations_beyond_the_scale_are_counted(duration_s: float) -> None:
    histogram = Histogram()
    histogram.add(duration_s)
    assert histogram.count == 1
    assert histogram.quantile_s(0.5) > 0


def test_no_durations() -> None:
    assert Histogram().quantile_s(0.5) == 0


def test_memory_does_not_grow() -> None:
    histogram = Histogram()
    size = sys.getsizeof(histogram._bins)
    for number in range(10_000):
        histogram.add(number / 1000)
    assert sys.getsizeof(histogram._bins) == size


def test_stages_are_timed_by_the_clock() -> None:
    clock = HandClock()
    times = StageTimes(clock)
    for _ in range(3):
        with times.measure("fuse"):
            clock.now_s += 0.5
    stage = times.summary()["fuse"]
    assert (stage.count, stage.total_s) == (3, 1.5)
    assert stage.p50_ms == pytest.approx(500, rel=0.01)


def test_a_stage_that_fails_is_not_counted() -> None:
    times = StageTimes(HandClock())
    with pytest.raises(ValueError, match="x"), times.measure("fuse"):
        raise ValueError("x")
    assert times.summary() == {}


def test_waiting_is_counted_without_the_work_between() -> None:
    clock = HandClock()

    def slow() -> Iterator[int]:
        for number in range(2):
            clock.now_s += 0.1
            yield number

    times = StageTimes(clock)
    for _ in times.waits("decode", slow()):
        clock.now_s += 5
    assert times.summary()["decode"].total_s == pytest.approx(0.2)
