"""Figures of the last seconds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream.monitoring.rolling import WINDOW_S, RollingStats
from tests.helpers.clock import HandClock
from tests.helpers.fused import fused_frame


def test_rate_latency_and_age_are_those_of_the_last_seconds() -> None:
    clock = HandClock()
    recent = RollingStats(clock)
    assert recent.newest is None and recent.age_s() is None
    assert recent.as_json() == {"rate": 0.0, "age_ms": None, "latency_ms": None,
                                "capture_age_ms": None, "pairing_error_ms": None}  # fmt: skip
    for index in range(100):  # slow at first, which is forgotten
        clock.now_s += 1.0 if index < 10 else 0.05
        recent.show(fused_frame(index), 0.4 if index < 10 else 0.02)
    told = recent.as_json()
    assert told["rate"] == pytest.approx(20, abs=0.1)
    assert told["latency_ms"] == {"p50": 20, "p99": pytest.approx(20, abs=380)}
    clock.now_s += 0.25
    assert recent.age_s() == pytest.approx(0.25)


def test_the_rate_falls_when_nothing_comes() -> None:
    clock = HandClock()
    recent = RollingStats(clock)
    for index in range(50):
        clock.now_s += 0.04
        recent.show(fused_frame(index), None)
    clock.now_s += 2
    assert 10 < recent.as_json()["rate"] < 13
    clock.now_s += WINDOW_S
    assert recent.as_json()["rate"] == 0


def test_pairing_errors_have_no_sign() -> None:
    recent = RollingStats(HandClock())
    frame = fused_frame(0)
    recent.show(replace(frame, pair=replace(frame.pair, pairing_error_s=-0.004)), None)
    assert recent.as_json()["pairing_error_ms"] == {"p50": 4, "p99": 4}


def test_whoever_listens_hears_every_frame_until_it_does_not() -> None:
    recent, heard = RollingStats(HandClock()), []

    def tell() -> None:
        heard.append(1)

    recent.listen(tell)
    recent.show(fused_frame(0), None)
    recent.unlisten(tell)
    recent.show(fused_frame(1), None)
    assert heard == [1]
