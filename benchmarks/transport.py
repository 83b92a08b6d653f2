"""Fused frames over ZeroMQ on loopback: how old they arrive, and what publishing costs.

python -m benchmarks.transport [--seconds 10]

The publisher runs here, the reader in a process of its own. Age is from just before publishing to when the
reader has the array. What publishing costs is all that this process does meanwhile, ZeroMQ's own thread too.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import circumstances, save
from stream.frame import Frame, FramePair, FusedFrame
from stream.keys import make_keys
from stream.sinks.base import SinkOptions
from stream.sinks.publisher import PublisherSink
from stream.uri import parse_uri


@dataclass(frozen=True)
class Case:
    """One measurement."""

    name: str
    size: tuple[int, int]
    rate: float
    latest: bool = False
    reads_per_s: float | None = None
    encrypted: bool = False


CASES = (
    Case("640x512 at 60/s, every frame", (640, 512), 60),
    Case("640x512 at 30/s, latest only, read 5 times a second", (640, 512), 30, True, 5),
    Case("1920x1080 at 30/s, encrypted", (1920, 1080), 30, encrypted=True),
)

READER = """
import json, sys, time
from stream.client import Subscriber
address, latest, pause_s, seconds, keys = json.loads(sys.argv[1])
camera = Subscriber(address, keys=tuple(keys) if keys else None)
ages_ms, missed, begun_s = [], 0, None
for frame in (camera.latest if latest else camera.every)(5.0):
    now_s = time.time()
    begun_s = begun_s or now_s
    if now_s - begun_s > 1:
        ages_ms.append((now_s - frame.header.t_visible_ns / 1e9) * 1000)
        missed += frame.missed
    if now_s - begun_s > seconds:
        break
    time.sleep(pause_s)
print(json.dumps([ages_ms, missed]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    results = {}
    for case in CASES:
        results[case.name] = found = measure(case, arguments.seconds)
        print(
            f"{case.name}: age p50 {found['p50_ms']:.2f} ms, p99 {found['p99_ms']:.2f} ms, "
            f"{found['missed']} of {found['frames'] + found['missed']} missed, "
            f"publishing takes {found['publisher_core_percent']:.1f} % of a core"
        )
    what = {"what": "age of frames at a reader in another process, by loopback", "seconds": arguments.seconds}
    print("written:", save("transport", what | {"cases": results, "circumstances": circumstances()}))


def measure(case: Case, seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder, keys, query = Path(name) / "keys", None, ""
        if case.encrypted:
            (secret,) = make_keys(folder, ("reader",))
            keys, query = [str(secret), str(folder / "server.key")], f"?keys={folder}"
        with PublisherSink(parse_uri(f"zmq+tcp://127.0.0.1:0{query}"), SinkOptions()) as sink:
            pause_s = 1 / case.reads_per_s if case.reads_per_s else 0.0
            asked = json.dumps([sink.endpoint, case.latest, pause_s, seconds + 1, keys])
            reader = subprocess.Popen(
                [sys.executable, "-c", READER, asked], stdout=subprocess.PIPE, text=True
            )
            spent_s, begun_s, index = 0.0, time.perf_counter(), 0
            pixels = np.random.default_rng(1).integers(0, 256, (*case.size[::-1], 3)).astype(np.uint8)
            spent_s, begun_s, index = time.process_time(), time.perf_counter(), 0
            while reader.poll() is None:
                index += 1
                time.sleep(max(0.0, begun_s + index / case.rate - time.perf_counter()))
                sink.write(_frame(pixels, index))
            spent_s, wall_s = time.process_time() - spent_s, time.perf_counter() - begun_s
            assert reader.stdout is not None
            ages_ms, missed = json.loads(reader.stdout.read())
    return {
        "frames": len(ages_ms),
        "missed": missed,
        "p50_ms": float(np.percentile(ages_ms, 50)),
        "p99_ms": float(np.percentile(ages_ms, 99)),
        "publisher_core_percent": 100 * spent_s / wall_s,
    }


def _frame(pixels: Any, index: int) -> FusedFrame:
    time_s = Fraction(time.time_ns(), 1_000_000_000)
    side = Frame(pixels, "rgb24", time_s, "rtcp", index)
    grey = pixels[..., 0]
    pair = FramePair(side, Frame(grey, "gray8", time_s, "rtcp", index), time_s, 0.0)
    return FusedFrame(pixels, pixels, grey, pair, index)


if __name__ == "__main__":
    main()
