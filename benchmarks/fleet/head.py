"""The head node of a fleet's cluster is killed: time that pairs go on, and their return with a new head.

    python -m benchmarks.fleet.head

The head runs no pairs. It is killed whole, as by a power cut, and a new one started, once at once (with
another port) and once after the pairs have ended; each time `gifnet fleet up` brings everything back.
Processes of each pair are counted all the time by the folder that they work in: two of one pair must never be
beside each other. Needs the extra `ray`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.common import circumstances, save
from benchmarks.fleet.__main__ import command, kill, make_fleet, processes_of
from tests.helpers.media_server import free_port
from tests.helpers.ray_nodes import QUICK

PAIRS, PATIENCE_S = 2, 240.0


class Watch(threading.Thread):
    """Counts the processes of every pair, five times a second."""

    def __init__(self, folder: Path) -> None:
        super().__init__(name="watch", daemon=True)
        self._folder, self._done = folder, threading.Event()
        self.most: Counter[str] = Counter()
        self.now: Counter[str] = Counter()

    def run(self) -> None:
        while not self._done.wait(0.2):
            self.now = self._count()
            for name, count in self.now.items():
                self.most[name] = max(self.most[name], count)

    def _count(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for each in Path("/proc").glob("[0-9]*/cwd"):
            with suppress(OSError):
                place = Path(os.readlink(each))
                if place.parent == self._folder:
                    found[place.name] += 1
        return found

    def wait(self, count: int, patience_s: float = PATIENCE_S) -> float | None:
        """Seconds until so many pairs have a process; None where that does not come."""
        began_s = time.monotonic()
        while self.now.total() != count:
            if time.monotonic() - began_s > patience_s:
                return None
            time.sleep(0.1)
        return round(time.monotonic() - began_s, 1)

    def close(self) -> None:
        self._done.set()
        self.join()


class Processes:
    """`ray start` and everything below it."""

    def __init__(self, *words: str) -> None:
        ray = Path(sys.executable).with_name("ray")
        line = [str(ray), "start", "--block", "--disable-usage-stats", "--node-ip-address=127.0.0.1", *words]
        self._process = subprocess.Popen(
            line,
            env=os.environ | QUICK,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill(self) -> None:
        """End it and all its descendants at once."""
        for process in [self._process.pid, *descendants(self._process.pid)]:
            kill(process)
        self._process.wait()


def descendants(process: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for each in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(each.read_text(errors="replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(each.parent.name))
    found, left = [], [process]
    while left:
        below = children.get(left.pop(), [])
        found += below
        left += below
    return found


def head(port: int) -> Processes:
    return Processes("--head", f"--port={port}", "--num-cpus=0", "--include-dashboard=false")


def node(port: int, name: str) -> Processes:
    return Processes(f"--address=127.0.0.1:{port}", "--num-cpus=4", f"--labels=node={name}")


def fleet_command(what: str, fleet: Path, port: int, *words: str) -> subprocess.CompletedProcess[str]:
    line = command(what, fleet, f"127.0.0.1:{port}", *words)
    return subprocess.run(line, capture_output=True, text=True, check=False)


def started(fleet: Path, port: int) -> float:
    """Seconds of `up`, until all pairs fuse."""
    began_s = time.monotonic()
    for _ in range(20):  # until a node has joined
        done = fleet_command("up", fleet, port, "--wait", "200")
        if done.returncode == 0:
            return round(time.monotonic() - began_s, 1)
        time.sleep(2)
    raise SystemExit(f"the fleet did not start: {done.stdout} {done.stderr}")


def experiment(fleet: Path, folder: Path, at_once: bool) -> dict[str, Any]:
    port, watch = free_port(), Watch(folder)
    watch.start()
    processes = [head(port), node(port, "first")]
    try:
        found: dict[str, Any] = {"up_s": started(fleet, port)}
        processes.pop(0).kill()
        told = fleet_command("status", fleet, port)
        found["status_without_head"] = told.stderr.strip().splitlines()[-1]
        found["pairs_after_status"] = watch.now.total()
        if at_once:
            port = free_port()  # Ray takes none twice while an old node of the machine lives
        else:
            found["pairs_ended_after_s"] = watch.wait(0)
        processes += [head(port), node(port, "second")]
        found["up_again_s"] = started(fleet, port)
        found["pairs_in_the_end"] = watch.now.total()
        found["most_processes_of_a_pair_at_once"] = max(watch.most.values())
        rows = json.loads(fleet_command("status", fleet, port, "--json").stdout)["pairs"]
        found["restarts"] = {row["name"]: row["restarts"] for row in rows}
        fleet_command("down", fleet, port)
        found["pairs_after_down"] = watch.now.total()
    finally:
        for each in reversed(processes):
            each.kill()
        watch.close()
    return found


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    result: dict[str, Any] = circumstances()
    for key, at_once in (("new_head_at_once", True), ("new_head_when_pairs_had_ended", False)):
        with tempfile.TemporaryDirectory() as name:
            os.environ["XDG_RUNTIME_DIR"] = name
            fleet, _ = make_fleet(Path(name), PAIRS)
            result[key] = experiment(fleet, Path(name) / "state", at_once)
            for process in processes_of(Path(name)):
                kill(process)
    result["load_after"] = os.getloadavg()[0]
    print(json.dumps(result, indent=2))
    save("fleet_head", result)


if __name__ == "__main__":
    main()
