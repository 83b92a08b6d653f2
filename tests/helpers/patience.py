"""Waiting in tests, for longer on a slow or busy machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

# Seconds that `_work` takes on the machine for which the waits are written, when it is idle.
_USUAL_S = 0.11
# Bounds a wait where one measurement is far off.
_LONGEST_SCALE = 10.0
_POLL_S = 0.02


def patience(seconds: float) -> float:
    """A wait in seconds, scaled by the speed of the machine; never shorter than it is written."""
    return seconds * _scale()


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something holds.

    Args:
        condition: asked every 20 ms.
        seconds: to wait at most, before scaling.

    Raises:
        AssertionError: it did not hold in time.
    """
    end_s = time.monotonic() + patience(seconds)
    while not condition():
        assert time.monotonic() < end_s, "what was waited for has not happened"
        time.sleep(_POLL_S)


@cache
def _scale() -> float:
    """Measured once a process, in wall time, so that other load counts as a slow machine does."""
    start_s = time.perf_counter()
    _work()
    return min(max(1.0, (time.perf_counter() - start_s) / _USUAL_S), _LONGEST_SCALE)


def _work() -> None:
    """A fixed amount of interpreter work."""
    total = 0
    for number in range(3_000_000):
        total += number & 3
