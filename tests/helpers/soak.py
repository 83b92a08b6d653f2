"""A long run of two live cameras that fail at random, and what it leaves behind."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stream.monitoring.report import RunReport
from stream.pipeline.open import open_fused
from stream.runtime.clock import SystemClock
from tests.helpers.fault_matrix import FAULTS, live_settings, open_files, settle
from tests.helpers.rtsp_process import RtspProcess

SAMPLE_S = 5.0
CALM_S = (1.0, 4.0)
FAULT_S = (0.3, 2.5)
SERVED = {"size": "160x120", "rate": 30}


@dataclass
class Soak:
    """Result of a long run.

    Attributes:
        minutes: how long it was.
        faults: inflicted, by name.
        memory_mb: resident memory at each sample.
        files: open files and sockets at each sample.
        fused: frames in all.
        report: what the run tells.
        left_over: threads and files that were not there before.
        longest_gap_s: longest time without any fused frame.
    """

    minutes: float
    faults: Counter[str] = field(default_factory=Counter)
    memory_mb: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    fused: int = 0
    report: dict[str, Any] = field(default_factory=dict)
    left_over: tuple[int, int] = (0, 0)
    longest_gap_s: float = 0.0

    @property
    def growth_mb(self) -> float:
        """Mean memory of the last quarter minus that of the second."""
        quarter = max(1, len(self.memory_mb) // 4)
        last, second = self.memory_mb[-quarter:], self.memory_mb[quarter : 2 * quarter]
        return sum(last) / len(last) - sum(second) / len(second)

    @property
    def unaccounted(self) -> int:
        """Frames in no book."""
        return sum(self.report["live"]["unaccounted"].values())


def soak(minutes: float, seed: int = 1) -> Soak:
    """Fuse two cameras for so long, with a random fault every few seconds."""
    found, threads, files = Soak(minutes), threading.active_count(), open_files()
    report, stop = RunReport(SystemClock()), threading.Event()
    with ExitStack() as stack:
        servers = {side: stack.enter_context(RtspProcess(**SERVED)) for side in ("visible", "thermal")}
        settings = live_settings(servers, duration_s=minutes * 60)
        vandal = threading.Thread(target=_vandalise, args=(servers, stop, found.faults, seed))
        vandal.start()
        try:
            with open_fused(settings, report) as fused, fused.ahead() as frames:
                sampled_s = last_s = time.monotonic()
                for _ in frames:
                    found.fused += 1
                    now_s = time.monotonic()
                    found.longest_gap_s, last_s = max(found.longest_gap_s, now_s - last_s), now_s
                    if now_s - sampled_s >= SAMPLE_S:
                        sampled_s = now_s
                        found.memory_mb.append(resident_mb())
                        found.files.append(open_files())
        finally:
            stop.set()
            vandal.join()
        report.add(fused=lambda: found.fused)
        report.finish(None)
    settle(threads, files)
    found.report = report.as_json()
    found.left_over = threading.active_count() - threads, open_files() - files
    return found


def _vandalise(
    servers: dict[str, RtspProcess], stop: threading.Event, faults: Counter[str], seed: int
) -> None:
    rng = random.Random(seed)
    while not stop.wait(rng.uniform(*CALM_S)):
        name = rng.choice(sorted(FAULTS))
        victims = [servers[side] for side in rng.choice((["visible"], ["thermal"], ["visible", "thermal"]))]
        for victim in victims:
            FAULTS[name].begin(victim)
        faults[name] += 1
        stop.wait(rng.uniform(*FAULT_S))
        for victim in victims:
            FAULTS[name].end(victim)


def resident_mb() -> float:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096 / 1e6
