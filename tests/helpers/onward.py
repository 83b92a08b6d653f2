"""Feeding a sink with pictures that carry their time, until something has happened."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from stream.frame import FusedFrame
from stream.sinks.base import Sink
from tests.helpers.fused import fused_frame
from tests.helpers.patience import patience
from tests.helpers.stamped_picture import draw

RATE = 25
PATIENCE_S = patience(30)


def now_ms() -> int:
    """The time of this machine in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def fast_clock(times: int = 3) -> Callable[[], int]:
    """A clock of the capture times that runs ahead, so that segments of a second take less."""
    begin_ms = now_ms()
    return lambda: begin_ms + times * (now_ms() - begin_ms)


def feed(
    sink: Sink,
    until: Callable[[], bool],
    size: tuple[int, int] = (320, 240),
    clock: Callable[[], int] = now_ms,
    noisy: bool = False,
) -> None:
    """Write frames as a camera gives them, until something has happened.

    Args:
        sink: that takes them.
        until: whether it has happened.
        size: width and height of the pictures.
        clock: tells the capture times in milliseconds.
        noisy: make pictures that need many bytes.
    """
    end_s = time.monotonic() + PATIENCE_S
    for index in itertools.count():
        if until():
            return
        assert time.monotonic() < end_s, "what was waited for has not happened"
        sink.write(stamped(clock(), size, index, noisy))
        time.sleep(1 / RATE)


def stamped(
    time_ms: int, size: tuple[int, int] = (320, 240), index: int = 0, noisy: bool = False
) -> FusedFrame:
    """A fused frame of a time in milliseconds since 1970, which its picture shows."""
    pixels = draw(size, time_ms)
    if noisy:
        below = pixels[size[1] * 3 // 10 :]  # the stamp takes a quarter of a 4:3 picture
        below[:] = np.random.default_rng(index).integers(0, 256, below.shape, np.uint8)
    return fused_frame(index, Fraction(time_ms, 1000), pixels=pixels)


def processes_of(parent: int) -> list[int]:
    """Forwarding processes that a process has started and that still run."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, fields = status.read_text().rsplit(")", 1)
            words = (status.parent / "cmdline").read_text()
        except OSError:
            continue
        if int(fields.split()[1]) == parent and "restream.worker" in words and fields.split()[0] != "Z":
            found.append(int(name.split()[0]))
    return found
