"""Writes docs/scaling.md: what pairs cost here, as measured, and what a cluster of GPUs holds, as simulated.

    python -m benchmarks.scaling

Measured figures are those of `benchmarks/results/pairs.json` (`python -m benchmarks.pairs --save`); what is
simulated is told in `simulate.py`. The words of the page are in `page.md`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.common import RESULTS
from benchmarks.scaling.simulate import SEED, Node, Played, loads

PAGE = Path(__file__).parents[2] / "docs" / "scaling.md"
WORDS = Path(__file__).parent / "page.md"
ONE_NODE = (1, 2, 4, 8, 10, 11, 12, 16)
# Nodes and pairs.
CLUSTERS = ((1, 10), (10, 100), (25, 250), (100, 500), (50, 1000), (100, 1000))
WAYS = {
    "batches": "one process, batches",
    "one after another": "one process, one after another",
    "processes": "a process each",
}


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")
    print("written:", PAGE)


def page() -> str:
    """The text of docs/scaling.md."""
    measured = json.loads((RESULTS / "pairs.json").read_text(encoding="utf-8"))
    tables = {
        "lite": lite_table(measured),
        "cameras": camera_table(measured),
        "computed": computed_table(measured),
        "node": node_table(),
        "clusters": cluster_table(),
    }
    text = WORDS.read_text(encoding="utf-8")
    return text.format(**{name: "\n".join(rows) for name, rows in tables.items()})


def lite_table(measured: dict[str, Any]) -> Iterator[str]:
    yield "| pairs | way | frames/s in all | core-ms a frame | memory |\n|---|---|---|---|---|"
    for row in of_kind(measured, "files"):
        yield (
            f"| {row['pairs']} | {way(row)} | {row['frames_per_s']:.0f} | {row['core_ms_a_frame']:.1f} | "
            f"{row['memory_mb']:.0f} MB |"
        )


def camera_table(measured: dict[str, Any]) -> Iterator[str]:
    yield "| pairs | way | frames kept | age mean | age p95 | cores |\n|---|---|---|---|---|---|"
    for row in of_kind(measured, "cameras"):
        yield (
            f"| {row['pairs']} | {way(row)} | {row['kept']:.0%} | {row['age_ms_mean']:.0f} ms | "
            f"{row['age_ms_p95']:.0f} ms | {row['cores']:.1f} |"
        )


def way(row: dict[str, Any]) -> str:
    return WAYS[row["way"]] if row["pairs"] > 1 else "alone"


def computed_table(measured: dict[str, Any]) -> Iterator[str]:
    yield "| cores | frames/s in all | pairs at 10/s | at 25/s | at 30/s |\n|---|---|---|---|---|"
    costs = [row["core_ms_a_frame"] for row in of_kind(measured, "files") if row["way"] == "batches"]
    for cores in (2, 4, 8, 16):
        rate = 1000 * cores / max(costs)
        yield f"| {cores} | {rate:.0f} | " + " | ".join(f"{int(rate / each)}" for each in (10, 25, 30)) + " |"


def of_kind(measured: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [row for row in measured["rows"] if row["kind"] == kind]


def node_table() -> Iterator[str]:
    yield "| pairs | GPU busy | frames kept | frames a batch | age p50 | age p99 | fullest |"
    yield "|---|---|---|---|---|---|---|"
    for pairs in ONE_NODE:
        played = of_node(pairs, SEED)
        name, share = fullest(loads(pairs, 1, played.busy))
        yield (
            f"| {pairs} | {min(played.busy, 1):.0%} | {played.kept:.1%} | {played.batch:.1f} | "
            f"{played.age_ms(0.5):.1f} ms | {played.age_ms(0.99):.1f} ms | {name} ({min(share, 1):.0%}) |"
        )


@cache
def of_node(pairs: int, seed: int) -> Played:
    """The account of a node with so many pairs."""
    return Node(pairs, seed).play()


def cluster_table() -> Iterator[str]:
    names = list(loads(1, 1, 0.0))
    yield "| nodes | pairs | frames kept | " + " | ".join(names) + " | first bottleneck |"
    yield "|---" * (len(names) + 4) + "|"
    for nodes, pairs in CLUSTERS:
        # Nodes are alike; each has arrivals of its own. Three stand for all of them.
        each = -(-pairs // nodes)
        played = [of_node(each, SEED + node) for node in range(min(nodes, 3))]
        used = loads(pairs, nodes, max(one.busy for one in played))
        shares = " | ".join(f"{min(used[name], 1):.0%}" for name in names)
        kept = min(one.kept for one in played)
        yield f"| {nodes} | {pairs} | {kept:.1%} | {shares} | {fullest(used)[0]} |"


def fullest(used: dict[str, float]) -> tuple[str, float]:
    """The resource that runs out first, and the share of it that is used."""
    name = max(used, key=lambda each: used[each])
    return name, used[name]


if __name__ == "__main__":
    main()
