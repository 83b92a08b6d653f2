"""Waits of tests grow with the machine's slowness and load, and are generous on any."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helpers import patience as waits


@pytest.fixture(autouse=True)
def measured_again() -> Iterator[None]:
    waits._slowness.cache_clear()
    yield
    waits._slowness.cache_clear()


@pytest.mark.parametrize(
    ("took_s", "load", "scale"), [(0.01, 0, 3), (0.11, 2, 3), (0.44, 0, 4), (0.11, 10, 5), (99, 0, 10)]
)
def test_waits_follow_speed_and_load(
    monkeypatch: pytest.MonkeyPatch, took_s: float, load: float, scale: float
) -> None:
    moments_s = iter([5.0, 5.0 + took_s])
    monkeypatch.setattr(waits.time, "perf_counter", lambda: next(moments_s))
    monkeypatch.setattr(waits.os, "getloadavg", lambda: (load, 0.0, 0.0))
    monkeypatch.setattr(waits.os, "cpu_count", lambda: 2)
    assert waits.patience(20) == pytest.approx(20 * scale)
    assert waits.patience(20) == pytest.approx(20 * scale)  # measured once


def test_what_never_happens_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "_slowness", lambda: 1.0)
    with pytest.raises(AssertionError, match="has not happened"):
        waits.wait_until(lambda: False, seconds=0)
