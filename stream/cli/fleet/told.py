"""The words of `gifnet fleet`: a table of all pairs, and what a command changed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from stream.fleet.status import PairState

_NARROWEST = 80
_COLUMNS = ("pair", "state", "node", "frames/s", "age", "fused", "dropped", "restarts", "cameras")
_RIGHT = ("frames/s", "age", "fused", "dropped", "restarts")


def show_rows(table: dict[str, Any], as_json: bool, in_file: Sequence[str]) -> None:
    """Print all pairs of a cluster.

    Args:
        table: what the controller tells.
        as_json: as one document.
        in_file: names of the pairs of the fleet file.
    """
    if as_json:
        click.echo(json.dumps(table, indent=2))
        return
    width = max(_NARROWEST, shutil.get_terminal_size((160, 24)).columns)
    shown = Table(box=None, pad_edge=False)
    for column in _COLUMNS:
        shown.add_column(column, justify="right" if column in _RIGHT else "left", overflow="fold")
    for pair in table["pairs"]:
        shown.add_row(*_cells(pair))
    Console(width=width, highlight=False).print(shown)
    for line in _remarks(table, in_file):
        click.echo(line)


def _cells(pair: dict[str, Any]) -> list[str]:
    age = "" if pair["age_ms"] is None else f"{pair['age_ms'] / 1000:.1f} s"
    cameras = ", ".join(f"{side} {state}" for side, state in pair["cameras"].items())
    rate = f"{pair['rate']:.1f}" if pair["rate"] else ""
    counts = [str(pair["fused"]), str(sum(pair["dropped"].values())), str(pair["restarts"])]
    return [pair["name"], pair["state"], pair["node"], rate, age, *counts, cameras]


def _remarks(table: dict[str, Any], in_file: Sequence[str]) -> list[str]:
    lines = []
    for pair in table["pairs"]:
        dropped = ", ".join(f"{count} {reason}" for reason, count in pair["dropped"].items())
        about = [each for each in (pair["why"], *pair["notes"]) if each]
        about += [f"dropped {dropped}"] if dropped else []
        about += [] if pair["name"] in in_file else ["not in the file; `gifnet fleet up --prune` ends it"]
        lines += [f"{pair['name']}: {'; '.join(about)}"] if about else []
    names = {pair["name"] for pair in table["pairs"]}
    lines += [f"{name}: not started; `gifnet fleet up` starts it" for name in in_file if name not in names]
    lines += [f"node {node['name']} is drained" for node in table["nodes"] if node["drained"]]
    lines += [f"the page is not there: {table['page_problem']}"] if table["page_problem"] else []
    lines += [f"the page of the fleet is at {table['page']} on the head node"] if table["page"] else []
    return lines


def told_json(ctx: click.Context, states: Sequence[PairState], as_json: bool) -> None:
    """Print pairs of this machine that were asked one by one."""
    if as_json:
        click.echo(json.dumps({"pairs": [asdict(state) for state in states]}, indent=2))
    else:
        width = max(len(state.name) for state in states)
        for state in states:
            counts = (
                "" if state.fused is None else f", {state.fused} fused, {sum(state.dropped.values())} dropped"
            )
            cameras = "".join(f", {side} {what}" for side, what in state.cameras.items())
            click.echo(f"{state.name:{width}}  {state.state}{counts}{cameras}")
    if any(state.state != "running" for state in states):
        ctx.exit(3)


def tell_applied(told: dict[str, list[str]]) -> None:
    """Print what `up` did and what it left."""
    words = {
        "added": "started",
        "same": "as it was",
        "changed": "changed in the file, and left as it runs; `gifnet fleet update` takes the change",
        "gone": "not in the file any more, and left running; `gifnet fleet up --prune` ends it",
        "removed": "ended, since the file does not have it any more",
    }
    for key, sentence in words.items():
        for name in told[key]:
            click.echo(f"{name}: {sentence}")
