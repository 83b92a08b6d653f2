r"""Raw frames over loopback, between two processes: ours beside imagezmq and NetGear of VidGear, in one run.

pip install --no-deps --target RIVALS imagezmq vidgear simplejpeg \
    colorlog tqdm requests urllib3 idna certifi charset_normalizer
python -m benchmarks.transport [--rivals RIVALS] [--seconds 6] [--rounds 3]

Age is from just before a frame is handed over to when the reader has the array. What publishing costs is all
that its process does, with ZeroMQ's own thread. Rounds are interleaved, and each measurement waits a while
for an idle machine, so that a change of its speed meets all alike; kept are the median and the best of the
rounds, the latter being what others disturb least, and p50 and p99 within each.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import numpy as np
import zmq

from benchmarks.common import circumstances, save
from stream.zeromq.curve_keys import make_keys

ROOT = Path(__file__).parents[1]
SIZE = (640, 512)
READER_LIMIT_S = 60


@dataclass(frozen=True)
class Contender:
    """A transport, in one of its modes."""

    transport: str
    mode: str = ""

    @property
    def name(self) -> str:
        return f"{self.transport}{self.mode and ' '}{self.mode}"


@dataclass(frozen=True)
class Case:
    """Settings of sending and reading; rate 0 is as fast as possible."""

    name: str
    rate: float
    reads_per_s: float = 0.0
    size: tuple[int, int] = SIZE
    encrypted: bool = False


OURS = Contender("ours")
RIVALS = (
    Contender("imagezmq", "req/rep"),
    Contender("imagezmq", "pub/sub"),
    Contender("NetGear", "pair"),
    Contender("NetGear", "pub/sub"),
)
OURS_WAITING = Contender("ours", "waiting")
BY_THREAD = Contender("imagezmq", "pub/sub, thread")
STEADY = Case("60/s, every frame", 60)
SLOW = Case("30/s, read 5 times a second", 30, 5)
FLAT_OUT = Case("as fast as it goes", 0)
ENCRYPTED = Case("1920x1080 at 30/s, encrypted", 30, size=(1920, 1080), encrypted=True)


def main() -> None:
    arguments = parse()
    rivals = RIVALS if arguments.rivals else ()
    plan = [(case, who) for case in (STEADY, SLOW, FLAT_OUT) for who in (OURS, *rivals)]
    plan += [(FLAT_OUT, OURS_WAITING), (ENCRYPTED, OURS)]
    plan += [(SLOW, BY_THREAD)] if rivals else []
    rounds: dict[tuple[Case, Contender], list[dict[str, float]]] = {each: [] for each in plan}
    for number in range(arguments.rounds):
        for case, who in plan:
            wait_until_idle()
            found = measure(case, who, arguments.seconds, arguments.rivals)
            rounds[case, who].append(found)
            print(f"{number + 1}: {case.name}, {who.name}: {_line(found)}", flush=True)
    results: dict[str, Any] = {}
    for (case, who), found_all in rounds.items():
        results.setdefault(case.name, {})[who.name] = summary(found_all)
    what = {
        "what": "raw RGB frames between two processes over loopback; median and best of the rounds",
        "size": SIZE,
        "seconds": arguments.seconds,
        "rounds": arguments.rounds,
        "cases": results,
        "versions": versions(arguments.rivals),
        "circumstances": circumstances(),
    }
    print("written:", save("transport", what))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rivals", type=Path, help="folder of `pip install --target`; without it, ours alone"
    )
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def measure(case: Case, who: Contender, seconds: float, rivals: Path | None) -> dict[str, float]:
    """Both ends in processes of their own, until the reader has read long enough."""
    with tempfile.TemporaryDirectory() as name:
        keys = Path(name) / "keys"
        if case.encrypted:
            make_keys(keys, ("reader",))
        plan = {
            "transport": who.transport,
            "mode": who.mode,
            "address": f"tcp://127.0.0.1:{free_port()}",
            "rivals": str(rivals) if rivals else None,
            "size": case.size,
            "rate": case.rate,
            "pause_s": 1 / case.reads_per_s if case.reads_per_s else 0.0,
            "latest": bool(case.reads_per_s),
            "seconds": seconds,
            "keys": str(keys) if case.encrypted else None,
        }
        with end("send", plan) as sender:
            with end("read", plan) as reader:
                line, _ = reader.communicate(timeout=READER_LIMIT_S)
            sender.kill()
            sent = seconds_of(sender.communicate()[0])[-int(seconds) :]
    found = json.loads(line)
    ages_ms = found["ages_ms"]
    result = {
        "sent_per_s": statistics.median(row[0] for row in sent) if sent else 0.0,
        "read_per_s": len(ages_ms) / found["seconds"],
        "publisher_core_percent": 100 * statistics.median(row[1] for row in sent) if sent else 0.0,
    }
    if case.rate:
        result["age_p50_ms"], result["age_p99_ms"] = (float(np.percentile(ages_ms, q)) for q in (50, 99))
    return result


@contextmanager
def end(role: str, plan: dict[str, Any]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "benchmarks.transport_end", role, json.dumps(plan)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
    )
    try:
        with process:
            yield process
            process.kill()
    finally:
        process.kill()


def seconds_of(text: str) -> list[list[float]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("[") and line.endswith("]")]


def free_port() -> int:
    with zmq.Context() as context, context.socket(zmq.PUB) as probe:
        return int(probe.bind_to_random_port("tcp://127.0.0.1"))


def summary(rounds: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    names = rounds[0]
    best = {name: (max if name.endswith("per_s") else min)(each[name] for each in rounds) for name in names}
    middle = {name: statistics.median(each[name] for each in rounds) for name in names}
    return {
        "median": {name: round(value, 3) for name, value in middle.items()},
        "best": {name: round(value, 3) for name, value in best.items()},
    }


def wait_until_idle(most_busy: float = 0.1, patience_s: float = 10.0) -> None:
    """Wait until the processors have been idle for half a second, or patience is at its end."""
    until_s = time.monotonic() + patience_s
    while time.monotonic() < until_s:
        before = cpu_ticks()
        time.sleep(0.5)
        idle, total = (now - then for now, then in zip(cpu_ticks(), before, strict=True))
        if total and 1 - idle / total < most_busy:
            return


def cpu_ticks() -> tuple[int, int]:
    """Of all processors since they started: idle, and all."""
    ticks = [int(each) for each in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    return ticks[3] + ticks[4], sum(ticks[:8])


def versions(rivals: Path | None) -> dict[str, str]:
    found = (
        {each.metadata["Name"]: each.version for each in distributions(path=[str(rivals)])} if rivals else {}
    )
    return {"pyzmq": zmq.__version__, "libzmq": zmq.zmq_version()} | {
        name: found[name] for name in ("imagezmq", "vidgear") if name in found
    }


def _line(found: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.2f}" for name, value in found.items())


if __name__ == "__main__":
    main()
