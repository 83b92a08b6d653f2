"""All that a GPU is needed for, in steps of their own: the shortest way from a machine to its figures.

python -m benchmarks.gpu [--device cuda] [--only STEP ...] [--skip STEP ...] [--json FILE]

A step is a process with its own time limit. What it says is kept, and the JSON file is written again after
every step, so that nothing is lost when the machine goes; a step that fails or hangs does not keep the next
from running. The exit status is 1 if any step failed. This file needs Python alone, and the first steps need
torch and Triton only.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "results"
TRAINED = Path(__file__).parents[2] / "runs" / "gpu"
OVER = "not run: the time was over"
KEPT_CHARACTERS = 6000
BUDGET_S = 480.0
"""All steps on a GPU together: so long that a rerun fits into the fifteen minutes that one is had for."""
LEAST_S = 5.0


@dataclass(frozen=True)
class Step:
    """One process.

    Attributes:
        command: without the interpreter where it begins with `-m`.
        limit_s: after which it is killed; None for what is left of all.
        json_file: what it writes beside its output, taken into the result; None where nothing.
    """

    command: tuple[str, ...]
    limit_s: float | None
    json_file: Path | None = None


def main() -> None:
    arguments = parse()
    steps = steps_for(arguments.device)
    unknown = sorted({*(arguments.only or ()), *arguments.skip} - set(steps))
    if unknown:
        sys.exit(f"there is no step {', '.join(unknown)}; steps are {', '.join(steps)}")
    chosen = [name for name in arguments.only or steps if name not in arguments.skip]
    result: dict[str, Any] = {"what": "everything on a GPU", "device": arguments.device, "steps": {}}
    end_s = time.monotonic() + 60 * arguments.minutes * slower(arguments.device)
    for name in chosen:
        left_s = end_s - time.monotonic()
        step = within(steps[name], left_s)
        print(f"{name}: at most {step.limit_s:.0f} s", flush=True)
        over = {"outcome": OVER, "seconds": 0.0}
        done = result["steps"][name] = over if left_s < LEAST_S else run(step)
        write(arguments.json, result)
        print(f"{name}: {done['outcome']} after {done['seconds']} s", flush=True)
    print("written:", arguments.json)
    sys.exit(any(done["outcome"] not in ("passed", "absent", OVER) for done in result["steps"].values()))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu tries the script out")
    parser.add_argument("--only", nargs="+", metavar="STEP", help="these steps, in this order")
    parser.add_argument("--skip", nargs="+", metavar="STEP", default=[], help="all steps but these")
    parser.add_argument(
        "--minutes", type=float, default=BUDGET_S / 60, help="time for all steps together (default: 8)"
    )
    parser.add_argument("--json", type=Path, default=RESULTS / "gpu.json", help="where the result goes")
    return parser.parse_args()


def within(step: Step, left_s: float) -> Step:
    """The step with a limit that does not exceed what is left, told to it where it asks for `{seconds}`."""
    limit_s = left_s if step.limit_s is None else min(step.limit_s, left_s)
    return replace(step, limit_s=limit_s, command=tuple(_told(each, limit_s) for each in step.command))


def _told(word: str, limit_s: float) -> str:
    # With time to end by itself.
    return f"{max(limit_s - 5, 1):.0f}" if word == "{seconds}" else word


def steps_for(device: str) -> dict[str, Step]:
    """Steps in their order, the most telling first; few come near their limits, the last takes the rest."""
    network = ("-m", "benchmarks.gpu.network", "--device", device)
    bench_file = RESULTS / "gpu_bench.json"
    sizes = ("--size", "640x480", "--batch", "1", "--batch", "4") if device == "cuda" else ("--quick",)
    precisions = ("--precision", "float16", "--precision", "bfloat16") if device == "cuda" else ()
    frames, size = ("10000", "640x480") if device == "cuda" else ("30", "64x48")
    junit = f"--junit-xml={RESULTS / 'gpu_tests.xml'}"
    training = ("-m", "benchmarks.gpu.training", "train", "--device", device, "--output", str(TRAINED))
    launches, whole = ("-m", "benchmarks.gpu.launches"), ("-m", "benchmarks.gpu.whole", "--device", device)
    steps = {
        "machine": Step((*network, "machine"), 20),
        "accuracy": Step((*network, "accuracy"), 60),
        "tests": Step(("-m", "pytest", *TESTS, junit), 60),
        "parts": Step(("-m", "benchmarks.gpu.parts"), 120),
        "launches": Step((*launches, "launches"), 25),
        "graph": Step((*network, "graph"), 45),
        "compiled": Step((*network, "compiled"), 45),
        "sweep": Step((*launches, "sweep", "--seconds", "{seconds}"), 45),
        "layers": Step(("-m", "benchmarks.gpu.layers", "--device", device), 20),
        "bench": Step(
            ("-m", "stream", "bench", "--device", device, *sizes, *precisions, "--json", str(bench_file)),
            45,
            bench_file,
        ),
        "retunes": Step((*whole, "retunes"), 20),
        "sanitizer": Step(("compute-sanitizer", sys.executable, *network, "sanitized"), 25),
        "video": Step((*whole, "video"), 15),
        "endurance": Step(
            ("-m", "benchmarks.endurance", "--device", device, "--frames", frames, "--size", size), 45
        ),
        "train": Step(
            (*training, "--seconds", "{seconds}" if device == "cuda" else "20"),
            None if device == "cuda" else 120,
        ),
    }
    times = slower(device)
    return {
        name: step if step.limit_s is None else replace(step, limit_s=times * step.limit_s)
        for name, step in steps.items()
    }


def slower(device: str) -> int:
    """Factor by which steps may take longer: the limits are for a GPU."""
    return 1 if device == "cuda" else 10


# Only the folders that need a GPU: the others import what such a machine may not have. Plugins may be missing
# there too, and then settings of theirs are unknown.
TESTS = (
    *("tests/gpu", "tests/contract", "-m", "gpu", "-q", "--continue-on-collection-errors"),
    *("-o", "addopts=", "-W", "ignore::pytest.PytestConfigWarning"),
)


def run(step: Step) -> dict[str, Any]:
    """Run a step to its end or its limit; never raises."""
    python = step.command[0] == "-m"
    command = [sys.executable, *step.command] if python else list(step.command)
    if shutil.which(command[0]) is None:
        return {"outcome": "absent", "seconds": 0.0, "said": f"{command[0]} is not on this machine"}
    if step.json_file:
        step.json_file.unlink(missing_ok=True)
    begin_s = time.monotonic()
    # A session of its own, so that children of the step end with it.
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        env={**os.environ, "REQUIRE_GPU": "1"},
    )
    try:
        said, _ = process.communicate(timeout=step.limit_s)
        outcome = "passed" if process.returncode == 0 else f"failed with status {process.returncode}"
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
        outcome = f"killed after its limit of {step.limit_s:.0f} s"
    seconds = round(time.monotonic() - begin_s, 1)
    done: dict[str, Any] = {"outcome": outcome, "seconds": seconds, "said": said[-KEPT_CHARACTERS:]}
    figures = _read_json(step.json_file) if step.json_file else _last_json(said)
    return done if figures is None else {**done, "figures": figures}


def write(path: Path, result: dict[str, Any]) -> None:
    """Write the result; the file is whole at every moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    part.replace(path)


def _last_json(said: str) -> Any:
    """The newest line that is a JSON object: steps print one after each of their parts."""
    for line in reversed(said.splitlines()):
        if line.startswith("{"):
            try:
                return json.loads(line)
            except ValueError:
                continue
    return None


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
