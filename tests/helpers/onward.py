"""Feeding a sink with pictures that carry their time, until something has happened."""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from stream.frame import FusedFrame
from stream.sinks.base import Sink
from tests.helpers.fused import fused_frame
from tests.helpers.stamped_picture import draw

RATE = 25
PATIENCE_S = 30


def feed(sink: Sink, until: Callable[[], bool], size: tuple[int, int] = (320, 240)) -> int:
    """Write frames as a camera gives them; gives their number."""
    end_s, count = time.monotonic() + PATIENCE_S, 0
    while not until():
        assert time.monotonic() < end_s, "what was waited for has not happened"
        sink.write(stamped(time.time_ns() // 1_000_000, size, count))
        count += 1
        time.sleep(1 / RATE)
    return count


def stamped(time_ms: int, size: tuple[int, int] = (320, 240), index: int = 0) -> FusedFrame:
    """A fused frame of a time in milliseconds since 1970, which its picture shows."""
    return fused_frame(index, Fraction(time_ms, 1000), pixels=draw(size, time_ms))


def processes_of(parent: int) -> list[int]:
    """Forwarding processes that a process has started and that still run."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, fields = status.read_text().rsplit(")", 1)
            words = (status.parent / "cmdline").read_text()
        except OSError:
            continue
        if int(fields.split()[1]) == parent and "onward_child" in words and fields.split()[0] != "Z":
            found.append(int(name.split()[0]))
    return found
