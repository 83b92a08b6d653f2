"""Waits of tests grow with the machine's slowness and never shrink."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helpers import patience as waits


@pytest.fixture(autouse=True)
def measured_again() -> Iterator[None]:
    waits._scale.cache_clear()
    yield
    waits._scale.cache_clear()


@pytest.mark.parametrize(("took_s", "scale"), [(0.01, 1), (0.11, 1), (0.44, 4), (99, 10)])
def test_waits_follow_the_speed(monkeypatch: pytest.MonkeyPatch, took_s: float, scale: float) -> None:
    moments_s = iter([5.0, 5.0 + took_s])
    monkeypatch.setattr(waits.time, "perf_counter", lambda: next(moments_s))
    assert waits.patience(20) == pytest.approx(20 * scale)
    assert waits.patience(20) == pytest.approx(20 * scale)  # measured once


def test_what_never_happens_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "_scale", lambda: 1.0)
    with pytest.raises(AssertionError, match="has not happened"):
        waits.wait_until(lambda: False, seconds=0)
