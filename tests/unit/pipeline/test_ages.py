"""Ages of live frames, stage by stage."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from stream.frame import FramePair, SingleFrame
from stream.monitoring.report import RunReport
from stream.pipeline.ages import Ages
from tests.helpers.clock import HandClock
from tests.unit.fusion.test_fuser import pair_of

BEGAN_S = 1_700_000_000


class LiveClock(HandClock):
    """A hand clock that shows the time of day."""

    def utc_ns(self) -> int:
        return int((BEGAN_S + self.now_s) * 1e9)


def captured_at(time_s: float, arrived_s: float | None) -> FramePair:
    pair, at_s = pair_of(0), BEGAN_S + Fraction(time_s)
    visible = replace(pair.visible, time_s=at_s, arrived_s=arrived_s)
    thermal = replace(pair.thermal, time_s=at_s, arrived_s=None if arrived_s is None else arrived_s + 0.01)
    return FramePair(visible, thermal, at_s, 0.0)


def test_ages_grow_from_stage_to_stage() -> None:
    report = RunReport(LiveClock())
    ages, clock = Ages(report), report.clock
    clock.now_s = 10.0  # type: ignore[attr-defined]  # the test's own clock
    passed = ages.pass_on([captured_at(9.9, 9.95)])
    pair = next(passed)
    clock.now_s = 10.03  # type: ignore[attr-defined]
    ages.add("age_fused", pair)
    clock.now_s = 10.05  # type: ignore[attr-defined]
    assert ages.add("age_published", pair) == pytest.approx(0.15)
    stages = report.times.summary()
    expected = {"age_paired": 100, "age_arrived": 60, "age_fused": 130, "age_published": 150}
    assert {name: stage.p50_ms for name, stage in stages.items()} == pytest.approx(expected, rel=0.02)


def test_a_camera_whose_clock_is_ahead_has_no_negative_age() -> None:
    report = RunReport(LiveClock())
    assert Ages(report).add("age_published", captured_at(5.0, 1.0)) == 0.0


def test_recordings_have_no_age() -> None:
    report = RunReport(LiveClock())
    ages = Ages(report)
    single = SingleFrame(pair_of(1).visible, "visible", Fraction(1))
    assert list(ages.pass_on([pair_of(0), single, captured_at(-1e6, None)]))
    assert ages.add("age_published", captured_at(-1e6, None)) is None  # a folder whose names are dates
    assert ages.add("age_published", pair_of(0)) is None
    assert report.times.summary() == {}
