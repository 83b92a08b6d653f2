"""Faults of live cameras, inflicted on real servers, and how fusion comes through them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

import numpy as np

from stream.config import FuseSettings
from stream.frame import FramePair, FusedFrame
from stream.monitoring.report import RunReport
from stream.pipeline.open import open_fused
from stream.runtime.clock import SystemClock
from tests.helpers.rtsp_process import RtspProcess
from tests.helpers.stamped_picture import read

Who = Literal["visible", "thermal", "both"]
TIMEOUT_S = 0.6
# Long enough that the camera is found to be gone, and reconnected more than once.
FAULT_S = 1.6
SERVED = {"size": "160x120", "rate": 25}


@dataclass(frozen=True)
class Fault:
    """A way in which a camera fails and comes back."""

    name: str
    begin: Callable[[RtspProcess], None]
    end: Callable[[RtspProcess], None]
    served: Mapping[str, object] = field(default_factory=dict)


def _refuse(server: RtspProcess) -> None:
    server.tell("refuse 404 Not Found")
    server.tell("drop")


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("kill", lambda server: server.kill(), lambda server: server.start()),
        Fault("stop", lambda server: server.stop(), lambda server: server.go_on()),
        Fault("stall", lambda server: server.tell("stall"), lambda server: server.tell("resume")),
        Fault("drop", lambda server: server.tell("drop"), lambda server: None),
        Fault("slow", lambda server: server.tell("rate 4"), lambda server: server.tell("rate 25")),
        Fault("size", lambda server: server.tell("size 240x180"), lambda server: server.tell("size 160x120")),
        Fault("clock step", lambda server: server.tell("clock -90"), lambda server: server.tell("clock 0")),
        Fault("lost packets", lambda server: server.tell("leak"), lambda server: server.tell("seal")),
        Fault("404", _refuse, lambda server: server.tell("refuse")),
        Fault(
            "stall with sound",
            lambda server: server.tell("stall"),
            lambda server: server.tell("resume"),
            {"sound": True},
        ),
    )
}


@dataclass(frozen=True)
class Outcome:
    """Result of fusion under a fault.

    Attributes:
        resumed_s: from the camera's return to the first pair of frames taken after it.
        frames: fused frames in all.
        damaged: fused frames with a picture that shows something else than was filmed.
        unaccounted: frames that came and are in no book, both cameras together.
        threads: threads left over.
        files: sockets and files left over.
        report: what the run tells.
    """

    resumed_s: float
    frames: int
    damaged: int
    unaccounted: int
    threads: int
    files: int
    report: RunReport


def inflict(fault: Fault, who: Who, kind: type[RtspProcess] = RtspProcess) -> Outcome:
    """Fuse two cameras, let one or both fail for `FAULT_S`, and see how it goes on."""
    threads, files = threading.active_count(), open_files()
    report, frames, seen = RunReport(SystemClock()), 0, Seen()
    with ExitStack() as stack:
        servers = {
            side: stack.enter_context(kind(**SERVED, **fault.served)) for side in ("visible", "thermal")
        }
        victims = list(servers.values()) if who == "both" else [servers[who]]
        with (
            open_fused(live_settings(servers), report) as fused,
            fused.ahead() as ahead,
        ):
            stream = seen.watch(ahead)
            frames += wait_for_pair(stream, time.time())
            for victim in victims:
                fault.begin(victim)
            frames += let_run(stream, FAULT_S, victims, fault)
            back_s = time.time()
            frames += wait_for_pair(stream, back_s)
            resumed_s = time.time() - back_s
        report.add(fused=lambda: frames)
        report.finish(None)
    settle(threads, files)
    live = report.as_json()["live"]
    unaccounted = sum(live["unaccounted"].values())
    return Outcome(
        resumed_s,
        frames,
        seen.damaged,
        unaccounted,
        threading.active_count() - threads,
        open_files() - files,
        report,
    )


class Seen:
    """Looks at the pictures that are fused.

    Attributes:
        damaged: frames with a picture whose stamp cannot be read; those of GStreamer have none.
    """

    def __init__(self) -> None:
        self.damaged = 0
        self._has_stamps = False

    def watch(self, frames: Iterable[FusedFrame]) -> Iterator[FusedFrame]:
        for frame in frames:
            sides = [side for side in (frame.pair.visible, frame.pair.thermal) if side is not None]
            times = [read(np.asarray(side.pixels)) for side in sides]
            self._has_stamps = self._has_stamps or any(times)
            self.damaged += self._has_stamps and None in times
            yield frame


def live_settings(servers: Mapping[str, RtspProcess], **more: object) -> FuseSettings:
    """Settings of a run without a network, that passes single cameras through."""
    values = {side: {"uri": server.url, "timeout_s": TIMEOUT_S} for side, server in servers.items()}
    values |= {"fusion": {"model": "null"}, "pairing": {"unpaired": "single"}, **more}
    return FuseSettings.model_validate(values)


def let_run(stream: Iterator[FusedFrame], span_s: float, victims: list[RtspProcess], fault: Fault) -> int:
    """Read on for a while; a timer ends the fault even if no frame comes meanwhile."""
    ended = threading.Event()

    def end() -> None:
        for victim in victims:
            fault.end(victim)
        ended.set()

    timer = threading.Timer(span_s, end)
    timer.start()
    frames = 0
    try:
        while not ended.is_set():
            next(stream)
            frames += 1
    finally:
        timer.join()
    return frames


def wait_for_pair(stream: Iterator[FusedFrame], since_s: float, patience: int = 2000) -> int:
    """Read up to the first pair of which both frames were taken after a given time; the number read."""
    for number, frame in enumerate(stream, start=1):
        if is_pair_since(frame, Fraction(since_s)):
            return number
        if number >= patience:
            break
    raise AssertionError(f"no pair among {patience} frames")


def is_pair_since(frame: FusedFrame, since_s: Fraction) -> bool:
    """True for a fresh pair, both frames of which were taken after a given time."""
    pair = frame.pair
    if not isinstance(pair, FramePair) or pair.flags:
        return False
    return min(pair.visible.time_s, pair.thermal.time_s) >= since_s


def settle(threads: int, files: int) -> None:
    """Wait for what a library holds back until its own time-outs, which are a little longer than ours."""
    until_s = time.monotonic() + 6 * TIMEOUT_S
    while time.monotonic() < until_s and (threading.active_count() > threads or open_files() > files):
        time.sleep(0.05)


def open_files() -> int:
    """Open files and sockets of this process."""
    return len(os.listdir("/proc/self/fd"))
