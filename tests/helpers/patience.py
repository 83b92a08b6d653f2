"""Waiting in tests, for longer on a slow or busy machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import cache

# Seconds that `_work` takes on the machine for which the waits are written, when it is idle.
_USUAL_S = 0.11
# Waits are constants of modules, often made while the machine has yet to get busy: a few times as long costs
# nothing but where something fails. The upper bound is for measurements that are far off.
_SCALES = 3.0, 10.0
_POLL_S = 0.02


def patience(seconds: float) -> float:
    """A wait in seconds, scaled by the speed and the load of the machine; at least three times as written."""
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    least, most = _SCALES
    return seconds * min(max(least, _slowness(), load), most)


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
def _slowness() -> float:
    """Measured once a process, in wall time, so that other load counts as a slow machine does."""
    start_s = time.perf_counter()
    _work()
    return (time.perf_counter() - start_s) / _USUAL_S


def _work() -> None:
    """A fixed amount of interpreter work."""
    total = 0
    for number in range(3_000_000):
        total += number & 3
