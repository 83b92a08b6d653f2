"""Six live pairs on a Ray cluster of three nodes, whose processes and nodes are killed at random.

    python -m benchmarks.fleet --minutes 10
    python -m benchmarks.fleet --minutes 120 --rate 1 --calm 20 60 --json FILE    # a soak beside other work

Killed are runs of pairs, their actors, whole nodes (another one joins), the controller, and commands in the
middle of their work. For every pair that was hit, the time until its next process fuses is measured, by
questions to the controller every 0.2 s. Counts are checked all the time: they never go down, and frames in =
fused + dropped + those on their way, for each camera of each pair. A subscriber to every pair counts what was
really published, by epoch and sequence number. Figures are written every minute. Needs the extra `ray`. Nodes
are processes of this machine.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
import zmq

from benchmarks.common import RESULTS, circumstances
from stream.errors import ConfigError
from stream.fleet.cluster.client import FleetClient, open_fleet
from stream.fleet.cluster.counts import Ledger
from stream.fleet.cluster.node.warm_start import starter_socket
from stream.fleet.pairs import load_fleet_settings
from tests.helpers.media_server import free_port
from tests.helpers.ray_nodes import RayNodes, ray_nodes

PAIRS, NODES, CPUS = 6, 3, 6
SIZE = "160x120"
SIDES = ("visible", "thermal")
WITHIN_S, PATIENCE_S = 5.0, 90.0
# Weights of the kinds of kills.
KINDS = {"run": 6, "actor": 4, "node": 3, "controller": 2, "command": 2}

Rows = dict[str, dict[str, Any]]


@dataclass
class Findings:
    """Everything that was measured, see `as_json`."""

    began_s: float = field(default_factory=time.monotonic)
    back_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    kills: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    not_back: list[str] = field(default_factory=list)
    wrong_counts: list[str] = field(default_factory=list)
    looks: int = 0
    loads: list[float] = field(default_factory=list)
    rows: Rows = field(default_factory=dict)
    published: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        every = [each for times in self.back_s.values() for each in times]
        return {
            "minutes": round((time.monotonic() - self.began_s) / 60, 1),
            "load_average_1min": summary(self.loads),
            "kills": dict(self.kills),
            "seconds_until_a_pair_fuses_again": {
                "all": summary(every),
                **{kind: summary(times) for kind, times in sorted(self.back_s.items())},
            },
            "share_within_5_s": round(sum(each <= WITHIN_S for each in every) / max(1, len(every)), 3),
            "pairs_that_did_not_come_back_in_90_s": self.not_back,
            "questions_in_which_counts_were_checked": self.looks,
            "wrong_counts": self.wrong_counts[:20],
            "pairs": {name: self._pair(row) for name, row in sorted(self.rows.items())},
        }

    def _pair(self, row: dict[str, Any]) -> dict[str, Any]:
        keys = ("frames_in", "fused", "dropped", "on_the_way", "restarts")
        return {key: row[key] for key in keys} | {
            "published_by_epoch_and_seq": self.published.get(row["name"])
        }

    def check_counts(self, rows: Rows) -> None:
        """Frames in = fused + dropped + on the way, and nothing ever goes down."""
        self.looks += 1
        for name, row in rows.items():
            for side in SIDES:
                dropped = sum(count for reason, count in row["dropped"].items() if reason.startswith(side))
                told = row["fused"] + dropped + row["on_the_way"][side]
                # A living process is not read at one instant.
                if not 0 <= told - row["frames_in"][side] <= 2:
                    self.wrong_counts.append(
                        f"{name} {side}: {row['frames_in'][side]} in, {told} accounted for"
                    )
            before = self.rows.get(name)
            if before and row["fused"] < before["fused"]:
                self.wrong_counts.append(f"{name}: {before['fused']} fused, then {row['fused']}")
        self.rows |= rows


def summary(values: list[float]) -> dict[str, float] | None:
    if not values:
        return None
    ranked = sorted(values)
    found = {
        f"p{share}": ranked[min(len(ranked) - 1, round(share / 100 * (len(ranked) - 1)))]
        for share in (50, 90, 99)
    }
    return {"count": len(ranked)} | {
        key: round(value, 2) for key, value in (found | {"max": ranked[-1]}).items()
    }


class Subscribers(threading.Thread):
    """Counts what every pair publishes: for each start of a publisher, the highest sequence number plus 1."""

    def __init__(self, ports: dict[str, int]) -> None:
        super().__init__(name="subscribers", daemon=True)
        self._ports, self._done = ports, threading.Event()
        self._newest: dict[tuple[str, int], int] = {}

    def run(self) -> None:
        context, poller = zmq.Context(), zmq.Poller()
        names = {}
        for name, port in self._ports.items():
            socket = context.socket(zmq.SUB)
            socket.connect(f"tcp://127.0.0.1:{port}")
            socket.subscribe(b"")
            poller.register(socket, zmq.POLLIN)
            names[socket] = name
        while not self._done.is_set():
            for socket, _ in poller.poll(200):
                parts = socket.recv_multipart()
                if len(parts) != 3:  # the same frame, for readers of the latest alone
                    continue
                header = json.loads(parts[1])
                key = names[socket], header["epoch_ns"]
                self._newest[key] = max(self._newest.get(key, -1), header["seq"])
        context.destroy(linger=0)

    def published(self) -> dict[str, int]:
        found: dict[str, int] = defaultdict(int)
        for (name, _), newest in list(self._newest.items()):
            found[name] += newest + 1
        return dict(found)

    def close(self) -> None:
        self._done.set()
        self.join()


def make_fleet(folder: Path, count: int = PAIRS, rate: float = 5) -> tuple[Path, dict[str, int]]:
    """The file of a fleet of small and slow pairs, and the port of each."""
    source, ports = f"loop://synthetic://street?seed=3&size={SIZE}&rate={rate:g}", {}
    for number in range(count):
        name = f"pair{number}"
        ports[name] = free_port()
        settings = {
            "visible": {"uri": source},
            "thermal": {"uri": source},
            "fusion": {"model": "null"},
            "device": "cpu",
            "outputs": [{"uri": f"zmq+tcp://127.0.0.1:{ports[name]}"}],
        }
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(settings))
    fleet = {
        "name": "benchmark",
        "folder": str(folder / "state"),
        "page": {"bind": "127.0.0.1:0"},
        "pairs": {name: {"config": f"{name}.yaml"} for name in ports},
    }
    path = folder / "fleet.yaml"
    path.write_text(yaml.safe_dump(fleet))
    return path, ports


def command(what: str, fleet: Path, address: str, *words: str) -> list[str]:
    return [sys.executable, "-m", "stream", "fleet", what, str(fleet), "--ray", address, *words]


class Vandal:
    """Kills something, and measures how long the pairs that it hit are away."""

    def __init__(
        self, client: FleetClient, nodes: RayNodes, fleet: Path, found: Findings, options: argparse.Namespace
    ) -> None:
        self._client, self._nodes, self._fleet, self._found = client, nodes, fleet, found
        self._random, self._calm_s = random.Random(options.seed), options.calm
        self._joined = NODES

    def rows(self) -> Rows:
        """All pairs; waits for a controller that is away."""
        while True:
            with suppress(ConfigError):
                rows = {row["name"]: row for row in self._client.ask("table")["pairs"]}
                self._found.check_counts(rows)
                return rows
            time.sleep(0.2)

    def strike(self) -> None:
        kind = self._random.choices(list(KINDS), list(KINDS.values()))[0]
        before = self.rows()
        began_s = time.monotonic()
        hit = getattr(self, f"_kill_{kind}")(before)
        self._found.kills[kind] += 1
        self._found.loads.append(os.getloadavg()[0])
        self._wait(kind, {name: before[name]["run"] for name in hit}, began_s)

    def calm(self) -> None:
        if len(self._nodes.nodes) < NODES:
            self._join_node()
        end_s = time.monotonic() + self._random.uniform(*self._calm_s)
        while time.monotonic() < end_s:
            self.rows()
            time.sleep(0.5)

    def _wait(self, kind: str, runs: dict[str, str], began_s: float) -> None:
        """Until every pair that was hit fuses in another process, and all others fuse."""
        left = dict(runs)
        while left:
            rows = self.rows()
            now_s = time.monotonic()
            for name in [
                each for each in left if rows[each]["up_to_date"] and rows[each]["run"] != left[each]
            ]:
                self._found.back_s[kind].append(now_s - began_s)
                del left[name]
            if now_s - began_s > PATIENCE_S:
                self._found.not_back += [f"{name} after a kill of its {kind}" for name in left]
                break
            time.sleep(0.2)
        while not all(row["state"] == "running" for row in self.rows().values()):
            if time.monotonic() - began_s > 2 * PATIENCE_S:
                self._found.not_back.append(f"not all run long after a kill of a {kind}")
                break
            time.sleep(0.5)

    def _kill_run(self, rows: Rows) -> list[str]:
        row = self._random.choice(list(rows.values()))
        kill(row["process"])
        return [row["name"]]

    def _kill_actor(self, rows: Rows) -> list[str]:
        row = self._random.choice(list(rows.values()))
        kill(row["actor_process"])
        return [row["name"]]

    def _kill_node(self, rows: Rows) -> list[str]:
        if len(self._nodes.nodes) < 2:  # the last one has no room beside it
            return self._kill_run(rows)
        node = self._random.choice(self._nodes.nodes)
        name = self._nodes.labels[id(node)]["node"]
        hit = [row["name"] for row in rows.values() if row["node"] == name]
        # As a power cut does, which also ends what Ray does not know.
        for process in processes_of(starter_socket(self._nodes.number(node))):
            kill(process)
        self._nodes.kill(node)
        return hit

    def _join_node(self) -> None:
        """Another node for one that was killed, so that the next kill finds three again."""
        self._joined += 1
        self._nodes.add(CPUS, node=f"node{self._joined}")

    def _kill_controller(self, rows: Rows) -> list[str]:
        kill(self._client.ask("process"))
        return []

    def _kill_command(self, rows: Rows) -> list[str]:
        what = self._random.choice(["status", "up", "update"])
        words = ["pair0"] if what == "update" else []
        with subprocess.Popen(
            command(what, self._fleet, self._nodes.address, *words),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            time.sleep(self._random.uniform(0.5, 6))
            process.kill()
        return []


def processes_of(path: Path) -> list[int]:
    """Processes that have a path on their command line: a starter, and the runs that are forks of it."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if str(path).encode() in each.read_bytes():
                found.append(int(each.parent.name))
    return found


def kill(process: int) -> None:
    with suppress(ProcessLookupError):
        if process:
            os.kill(process, signal.SIGKILL)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=5, help="frames a second of each pair")
    parser.add_argument("--calm", type=float, nargs=2, default=(1.0, 6.0), help="seconds between kills")
    parser.add_argument("--json", type=Path, default=RESULTS / "fleet.json")
    options = parser.parse_args()
    about = {**circumstances(), "pairs": PAIRS, "nodes": NODES, "rate": options.rate, "seed": options.seed}
    found = Findings()

    def save(**more: Any) -> None:
        options.json.write_text(json.dumps({**about, **found.as_json(), **more}, indent=2) + "\n")

    with tempfile.TemporaryDirectory() as name, ray_nodes(0) as nodes:
        fleet, ports = make_fleet(Path(name), rate=options.rate)
        for number in range(NODES):
            nodes.add(CPUS, node=f"node{number}")
        nodes.cluster.wait_for_nodes()
        subprocess.run(command("up", fleet, nodes.address, "--wait", "300"), check=True)
        with counted(ports) as subscribers, open_fleet(load_fleet_settings(fleet), nodes.address) as client:
            soak(options.minutes, Vandal(client, nodes, fleet, found, options), found, subscribers, save)
            subprocess.run(command("down", fleet, nodes.address), check=True)
            found.published = subscribers.published()
        save(ended=True, after_the_end=after_the_end(fleet, found))
    if found.wrong_counts or found.not_back:
        sys.exit("counts were wrong, or a pair did not come back; see the result")


@contextmanager
def counted(ports: dict[str, int]) -> Iterator[Subscribers]:
    subscribers = Subscribers(ports)
    subscribers.start()
    try:
        yield subscribers
    finally:
        subscribers.close()


def soak(
    minutes: float, vandal: Vandal, found: Findings, subscribers: Subscribers, save: Callable[[], None]
) -> None:
    found.began_s = told_s = time.monotonic()
    while time.monotonic() - found.began_s < minutes * 60:
        vandal.strike()
        vandal.calm()
        if time.monotonic() - told_s > 60:
            told_s = time.monotonic()
            found.published = subscribers.published()
            save()
    save()


def after_the_end(fleet: Path, found: Findings) -> dict[str, Any]:
    """Counts of all processes, none of which runs: every frame that came is fused or dropped."""
    state = json.loads((fleet.parent / "state" / "controller.json").read_text())
    told: dict[str, Any] = {}
    for name, pair in state["pairs"].items():
        total = Ledger(pair["ledger"]).total()
        for side in SIDES:
            accounted = total.fused + total.dropped_of(side)
            if accounted != total.frames_in[side]:
                found.wrong_counts.append(
                    f"{name} {side}: {total.frames_in[side]} in, {accounted} in the end"
                )
        published = found.published.get(name, 0)
        told[name] = {"fused": total.fused, "published": published, "difference": published - total.fused}
    return {"pairs": told, "starts": statistics.fmean(p["ledger"]["starts"] for p in state["pairs"].values())}


if __name__ == "__main__":
    main()
