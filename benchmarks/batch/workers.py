"""Cost of dividing a batch: N recordings by two workers beside half of one worker's time.

    python -m benchmarks.batch.workers --json benchmarks/results/batch_workers.json

One worker has one core, and two workers have two: the whole command is bound to so many cores, with its
decoders, encoders and the process that hands out the work, and every worker computes on one thread
(`OMP_NUM_THREADS=1`). Both take turns on the same recordings; the ratio is that of the medians. Other load on
the machine makes the figures worthless: the load before is written beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.common import circumstances
from tests.helpers.media import make_pair

TARGET = 1.1


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recordings", type=int, default=20)
    parser.add_argument("--frames", type=int, default=250)
    parser.add_argument("--size", default="320x240")
    parser.add_argument("--model", default="lite")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("two workers need two cores, and this process may use one")
    took: dict[int, list[float]] = {1: [], 2: []}
    begun: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = make_manifest(folder, options)
        for _ in range(options.rounds):
            for workers in took:
                seconds, begun_s = run(manifest, folder / "out", options.model, cores[:workers])
                took[workers].append(round(seconds, 2))
                begun[workers].append(round(begun_s, 2))
    one_s, two_s = (statistics.median(took[workers]) for workers in (1, 2))
    result: dict[str, Any] = {
        **circumstances(),
        **{key: getattr(options, key) for key in ("recordings", "frames", "size", "model")},
        "seconds": took,
        "seconds_before_the_first_is_done": begun,
        "one_worker_s": one_s,
        "two_workers_s": two_s,
        "ratio_to_half": round(two_s / (one_s / 2), 3),
        "target": TARGET,
    }
    print(json.dumps(result, indent=2))
    print(f"two workers take {result['ratio_to_half']:.2f} of half of one worker's time (target {TARGET})")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


def make_manifest(folder: Path, options: argparse.Namespace) -> Path:
    """Recordings of the same content, each a file of its own."""
    width, height = map(int, options.size.split("x"))
    first = folder / "0"
    first.mkdir()
    pair = make_pair(first, count=options.frames, size=(width, height), bits=14)
    lines = ["visible,thermal,output"]
    for number in range(options.recordings):
        if number:
            shutil.copytree(first, folder / str(number))
        visible, thermal = (f"{number}/{path.name}" for path in pair)
        lines.append(f"{visible},{thermal},{number}.mp4")
    manifest = folder / "rows.csv"
    manifest.write_text("\n".join(lines) + "\n")
    return manifest


def run(manifest: Path, out: Path, model: str, cores: list[int]) -> tuple[float, float]:
    """Seconds of the whole command with a worker a core, and until the first recording is done."""
    shutil.rmtree(out, ignore_errors=True)
    line = [sys.executable, "-m", "stream", "batch", str(manifest), "-o", str(out), "--model", model]
    line += ["--device", "cpu", "--jobs", str(len(cores)), "--quiet"]
    before = os.sched_getaffinity(0)
    began_s, first_s = time.perf_counter(), 0.0
    os.sched_setaffinity(0, cores)  # the command inherits it
    try:
        process = subprocess.Popen(line, env=os.environ | {"OMP_NUM_THREADS": "1"})
    finally:
        os.sched_setaffinity(0, before)
    results = out / "results.jsonl"
    while process.poll() is None:
        if not first_s and results.exists() and results.stat().st_size:
            first_s = time.perf_counter() - began_s
        time.sleep(0.02)
    if process.returncode:
        sys.exit(f"the batch ended with {process.returncode}")
    return time.perf_counter() - began_s, first_s


if __name__ == "__main__":
    main()
