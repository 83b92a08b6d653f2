"""The gap that a subscriber sees while one process takes over from another (`gifnet run --takeover`).

    python -m benchmarks.takeover --rounds 5

Every round starts a process that takes over from the one before. Measured are the arrivals of frames on both
sides of the change, beside the usual time between two; by their capture times, nothing may come twice.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from benchmarks.common import circumstances, gifnet, save
from stream.client import Subscriber
from tests.helpers.media_server import free_port

CAMERA = "loop://synthetic://street?seed=3&size=160x120"
FRAMES_BETWEEN = 50


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", default="lite")
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    result = {**circumstances(), "model": options.model, **measure(options.rounds, options.model)}
    print(json.dumps(result, indent=2))
    if options.save:
        save("takeover", result)


def measure(rounds: int, model: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_RUNTIME_DIR"] = folder
        port = free_port()
        address = f"tcp://127.0.0.1:{port}"
        line = gifnet("run", CAMERA, CAMERA, "-o", f"zmq+{address}", "--device", "cpu", "--model", model)
        line += ["--takeover", "bench", "-q"]
        running = [subprocess.Popen(line, stderr=subprocess.DEVNULL)]
        gaps_ms, usual_ms = [], []
        try:
            with Subscriber(address) as camera:
                frames = camera.every(timeout_s=300)
                got = [take(next(frames)) for _ in range(FRAMES_BETWEEN)]
                for _ in range(rounds):
                    running.append(subprocess.Popen(line, stderr=subprocess.DEVNULL))
                    for frame in frames:
                        got.append(take(frame))
                        if frame.restarted:
                            gaps_ms.append(1000 * (got[-1][1] - got[-2][1]))
                            break
                    running[-2].wait(60)
                    begin = len(got)
                    got += [take(next(frames)) for _ in range(FRAMES_BETWEEN)]
                    usual_ms += [1000 * (b - a) for (_, a), (_, b) in itertools.pairwise(got[begin:])]
        finally:
            for process in running:
                if process.poll() is None:
                    process.send_signal(signal.SIGINT)
                    process.wait(60)
    if any(after <= before for (before, _), (after, _) in itertools.pairwise(got)):
        sys.exit("a moment came twice, or out of order")
    return {
        "gap_ms": [round(gap, 1) for gap in gaps_ms],
        "usual_ms_p50": round(statistics.median(usual_ms), 1),
        "usual_ms_max": round(max(usual_ms), 1),
        "frames": len(got),
    }


def take(frame: Any) -> tuple[int, float]:
    return int(frame.header.t_visible_ns), time.monotonic()


if __name__ == "__main__":
    main()
