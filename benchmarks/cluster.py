"""`gifnet batch` on a Ray cluster of three nodes, one of which is killed midway, beside a run on one machine.

    python -m benchmarks.cluster --rows 200 --json benchmarks/results/cluster.json

Every output must be there, recorded once and equal, byte by byte, to that of the run on one machine; the
script fails otherwise. Needs the extra `ray`. The nodes are processes of this machine: the times say what a
batch costs on it, and nothing about real clusters.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.common import circumstances, gifnet
from tests.helpers.media import make_pair
from tests.helpers.ray_nodes import RayNodes, ray_nodes

CLIPS, SIZE, FRAMES = 10, (160, 120), 10


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--model", default="lite")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = make_manifest(folder, options.rows)
        result: dict[str, Any] = {**circumstances(), "rows": options.rows, "model": options.model}
        for jobs in (1, 2):
            began_s = time.perf_counter()
            words = ["--jobs", str(jobs)]
            subprocess.run(command(manifest, folder / f"jobs{jobs}", options.model, *words), check=True)
            result[f"one_machine_{jobs}_jobs_s"] = round(time.perf_counter() - began_s, 1)
        with ray_nodes(3) as nodes:
            result |= on_cluster(nodes, manifest, folder / "cluster", options)
        result |= compare(folder / "jobs1", folder / "cluster", options.rows)
        compare(folder / "jobs1", folder / "jobs2", options.rows)
    print(json.dumps(result, indent=2))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


def make_manifest(folder: Path, rows: int) -> Path:
    """So many rows over a few clips, each with a gain of its own so that no two results need be equal."""
    for clip in range(CLIPS):
        (folder / f"clip{clip}").mkdir()
        make_pair(folder / f"clip{clip}", count=FRAMES + clip, size=SIZE, rate=10)
    lines = ["visible,thermal,output,quality"]
    for row in range(rows):
        clip = f"clip{row % CLIPS}"
        lines.append(f"{clip}/visible.mp4,{clip}/thermal.mp4,fused{row:03d}.mp4,{20 + row // CLIPS}")
    manifest = folder / "pairs.csv"
    manifest.write_text("\n".join(lines) + "\n")
    return manifest


def command(manifest: Path, out: Path, model: str, *words: str) -> list[str]:
    line = gifnet("batch", manifest, "-o", out, "--model", model)
    return [*line, "--device", "cpu", *words]


def on_cluster(nodes: RayNodes, manifest: Path, out: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The batch, with a node killed once a third of the rows is done."""
    began_s = time.perf_counter()
    line = command(manifest, out, options.model, "--ray", nodes.address)
    with subprocess.Popen(line, env=os.environ | {"OMP_NUM_THREADS": "1"}) as process:
        while recorded(out).total() < options.rows // 3:
            if process.poll() is not None:
                sys.exit("the batch ended before a node was killed")
            time.sleep(0.2)
        killed_at = recorded(out).total()
        nodes.kill(nodes.nodes[0])
        killed_s = time.perf_counter() - began_s
    if process.returncode:
        sys.exit(f"the batch ended with {process.returncode}")
    took_s = round(time.perf_counter() - began_s, 1)
    return {"cluster_s": took_s, "killed_after_rows": killed_at, "killed_after_s": round(killed_s, 1)}


def records(out: Path) -> list[dict[str, Any]]:
    path = out / "results.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def recorded(out: Path) -> Counter[str]:
    return Counter(str(record["output"]) for record in records(out) if record["status"] == "done")


def compare(one: Path, other: Path, rows: int) -> dict[str, Any]:
    """Fail unless both folders have every output, once, and the same bytes in it."""
    names = [f"fused{row:03d}.mp4" for row in range(rows)]
    for folder in (one, other):
        if recorded(folder) != Counter(names):
            sys.exit(f"{folder}: not every row is recorded as done exactly once")
        found = sorted(path.name for path in folder.glob("*.mp4"))
        if found != names:
            sys.exit(f"{folder}: {len(found)} outputs in place of {rows}")
    differ = [name for name in names if sha256(one / name) != sha256(other / name)]
    if differ:
        sys.exit(f"{len(differ)} outputs differ, as {differ[0]}")
    again = [record for record in records(other) if record["attempts"] > 1]
    reasons = Counter(reason.split(":")[0] for record in again for reason in record["failed_before"])
    return {"equal_outputs": len(names), "rows_tried_again": len(again), "reasons": dict(reasons)}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
