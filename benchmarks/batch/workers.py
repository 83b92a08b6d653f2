"""Cost of dividing a batch: N recordings by two workers beside half of one worker's time.

    python -m benchmarks.batch.workers --json benchmarks/results/batch_workers.json

One worker has one core, and two workers have two: the whole command is bound to so many cores, with its
decoders, encoders and the process that hands out the work, and every worker computes on one thread
(`OMP_NUM_THREADS=1`). Both take turns on the same recordings; `ratio_to_half` is that of the medians.

No program can do better than `bound`: two processes of `gifnet run`, which know nothing of each other and
each have a core and a recording of their own, beside one of them alone. What they lose, they lose to the
memory and the clock that both cores share. They take turns with the batches.

Other load on the machine makes times worthless. `cores_had` tells of it: the processor time of a command by
its seconds and cores, close to 1 where nobody else wanted them. Processor time itself says little about it,
since cores that share memory or a clock with a busy one count more seconds for the same work.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import circumstances, gifnet
from tests.helpers.media import make_pair

TARGET = 1.1
# A recording of the bound has so many times the frames of the others, so that its start counts for little.
LONGER = 5


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
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        sys.exit("two workers need two cores, and this process may use one")
    # Of one core, and of two.
    batches: tuple[list[Measured], list[Measured]] = ([], [])
    runs: tuple[list[Measured], list[Measured]] = ([], [])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest, pair = make_manifest(folder, options), make_long(folder, options)
        for _ in range(options.rounds):
            for number in (0, 1):
                runs[number].append(run_apart(pair, folder, options.model, cores[: number + 1]))
                batches[number].append(
                    run_batch(manifest, folder / "out", options.model, cores[: number + 1])
                )
    one, two = map(summary, batches)
    alone, beside = map(summary, runs)
    ratio, bound = two["median_s"] / (one["median_s"] / 2), beside["median_s"] / alone["median_s"]
    result: dict[str, Any] = {
        **circumstances(),
        **{key: getattr(options, key) for key in ("recordings", "frames", "size", "model", "rounds")},
        "one_worker": one,
        "two_workers": two,
        "run_alone": alone,
        "two_runs_at_once": beside,
        "ratio_to_half": round(ratio, 3),
        "bound": round(bound, 3),
        "ratio_by_bound": round(ratio / bound, 3),
        "target": TARGET,
    }
    print(json.dumps(result, indent=2))
    print(
        f"two workers take {ratio:.3f} of half of one worker's time (target {TARGET}); two processes beside "
        f"each other take {bound:.3f} of the time of one alone"
    )
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


class Measured:
    """Times of one command, or of several at once: seconds, processor time, load before.

    Attributes:
        first_s: seconds until the first recording of a batch was done; None for others.
    """

    def __init__(self, cores: int) -> None:
        """Begin to measure."""
        self.first_s: float | None = None
        self._cores, self.load = cores, os.getloadavg()[0]
        self._began_s, self._cpu_began_s = time.perf_counter(), _children_cpu_s()

    def end(self) -> Measured:
        """Stop; the children must have been waited for."""
        self.wall_s, self.cpu_s = time.perf_counter() - self._began_s, _children_cpu_s() - self._cpu_began_s
        self.cores_had = self.cpu_s / self.wall_s / self._cores
        return self

    def so_far_s(self) -> float:
        """Seconds since the beginning."""
        return time.perf_counter() - self._began_s


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def summary(measured: Sequence[Measured]) -> dict[str, Any]:
    first = [round(each.first_s, 2) for each in measured if each.first_s is not None]
    return {
        "median_s": round(statistics.median(each.wall_s for each in measured), 2),
        "seconds": [round(each.wall_s, 2) for each in measured],
        "cpu_s": [round(each.cpu_s, 2) for each in measured],
        "cores_had": [round(each.cores_had, 2) for each in measured],
        "load_before": [round(each.load, 2) for each in measured],
        **({"seconds_before_the_first_is_done": first} if first else {}),
    }


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


def make_long(folder: Path, options: argparse.Namespace) -> tuple[Path, Path]:
    """One recording of `LONGER` times as many frames."""
    width, height = map(int, options.size.split("x"))
    (folder / "long").mkdir()
    return make_pair(folder / "long", count=LONGER * options.frames, size=(width, height), bits=14)


def run_batch(manifest: Path, out: Path, model: str, cores: list[int]) -> Measured:
    """The whole command with a worker a core."""
    shutil.rmtree(out, ignore_errors=True)
    line = gifnet("batch", manifest, "-o", out, "--model", model, "--device", "cpu", "-q")
    measured = Measured(len(cores))
    process = start([*line, "--jobs", str(len(cores))], cores)
    results = out / "results.jsonl"
    while process.poll() is None:
        if measured.first_s is None and results.exists() and results.stat().st_size:
            measured.first_s = measured.so_far_s()
        time.sleep(0.02)
    if process.returncode:
        sys.exit(f"the batch ended with {process.returncode}")
    return measured.end()


def run_apart(pair: tuple[Path, Path], folder: Path, model: str, cores: list[int]) -> Measured:
    """A process of `gifnet run` a core, all at once."""
    measured = Measured(len(cores))
    line = gifnet("run", *pair, "--model", model, "--device", "cpu", "-q")
    processes = [start([*line, "-o", str(folder / f"run{core}.mp4")], [core]) for core in cores]
    if any([process.wait() for process in processes]):
        sys.exit("gifnet run failed")
    return measured.end()


def start(line: list[str], cores: list[int]) -> subprocess.Popen[bytes]:
    """Start a command that may use some cores, one thread of torch each."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)  # the command inherits it
    try:
        return subprocess.Popen(line, env=os.environ | {"OMP_NUM_THREADS": "1"})
    finally:
        os.sched_setaffinity(0, before)


if __name__ == "__main__":
    main()
