"""The cost of a pair of a fleet beside the same `gifnet run` alone: processor time and memory.

    python -m benchmarks.fleet.overhead --seconds 120

Both run side by side. Counted for the fleet: the actor of the pair, and the difference between its run and
the one alone, which nobody asks how it is. Counted once a node: the starter of runs; once a fleet: the
controller. Memory is that which no other process shares (USS). Needs the extra `ray`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.common import circumstances, save
from benchmarks.fleet.__main__ import command, kill, make_fleet, processes_of
from stream.fleet.cluster.client import open_fleet
from stream.fleet.cluster.node.warm_start import starter_socket
from stream.fleet.pairs import load_fleet_settings
from tests.helpers.ray_nodes import ray_nodes

TICKS = os.sysconf("SC_CLK_TCK")
SETTLE_S = 30.0


def processor_s(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def own_mb(process: int) -> float:
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return round(sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024, 1)


def measure(fleet: Path, address: str, node: str, seconds: float) -> dict[str, Any]:
    config = fleet.parent / "pair0.yaml"
    alone = fleet.parent / "alone"
    alone.mkdir()
    words = ["run", "-c", str(config), "--output=null://", "--preview=127.0.0.1:0"]
    with (
        open_fleet(load_fleet_settings(fleet), address) as client,
        subprocess.Popen([sys.executable, "-m", "stream", *words, "-q"], cwd=alone) as run,
    ):
        cold = client.ask("table")["pairs"][0]["process"]
        time.sleep(SETTLE_S)
        cold_mb = own_mb(cold)
        kill(cold)  # the next one comes from the starter, as every one but the first does
        while (row := client.ask("table")["pairs"][0])["process"] in (0, cold) or not row["up_to_date"]:
            time.sleep(0.5)
        time.sleep(SETTLE_S)
        processes = {
            "actor": row["actor_process"],
            "run_in_fleet": row["process"],
            "run_alone": run.pid,
            "controller": client.ask("process"),
            "starter": min(processes_of(starter_socket(node))),
        }
        before = {name: processor_s(process) for name, process in processes.items()}
        began_s = time.monotonic()
        time.sleep(seconds)
        took_s = time.monotonic() - began_s
        found = {
            name: {
                "processor_percent_of_a_core": round(100 * (processor_s(each) - before[name]) / took_s, 2),
                "own_memory_mb": own_mb(each),
            }
            for name, each in processes.items()
        }
        run.terminate()
    found["run_in_fleet_before_its_first_restart"] = {"own_memory_mb": cold_mb}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=120)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ray_nodes(0) as nodes:
        os.environ["OMP_NUM_THREADS"] = "1"
        fleet, _ = make_fleet(Path(name), 1)
        node = nodes.add(2, node="only")
        nodes.cluster.wait_for_nodes()
        subprocess.run(command("up", fleet, nodes.address, "--wait", "300"), check=True)
        with open_fleet(load_fleet_settings(fleet), nodes.address):
            number = nodes.number(node)
        result = {**circumstances(), **measure(fleet, nodes.address, number, options.seconds)}
        result["load_after"] = os.getloadavg()[0]
        subprocess.run(command("down", fleet, nodes.address), check=True)
    print(json.dumps(result, indent=2))
    save("fleet_overhead", result)


if __name__ == "__main__":
    main()
