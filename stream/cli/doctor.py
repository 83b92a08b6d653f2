"""`gifnet doctor`: what this machine can do and what it lacks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from stream.doctor.row import Row

_COLOURS = {"ok": "green", "missing": "yellow", "problem": "bold red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Tell it to a program.")
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Tell what this machine can do and what it lacks.

    Ends with status 0 when a run on the CPU works, else 1.
    """
    from stream.doctor import examine as examination

    rows = examination.examine()
    if as_json:
        click.echo(json.dumps(examination.as_json(rows), indent=2))
    else:
        _show(rows)
        click.echo(_verdict(rows, examination.healthy(rows)))
    ctx.exit(0 if examination.healthy(rows) else 1)


def _show(rows: list[Row]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for title in ("", "what", "found", "remedy"):
        table.add_column(title, overflow="fold")
    for row in rows:
        mark = Text(row.standing, style=_COLOURS[row.standing])
        table.add_row(mark, row.name, Text(row.found), Text(row.remedy))
    Console().print(table)


def _verdict(rows: list[Row], healthy: bool) -> str:
    if healthy:
        return "This machine can fuse on the CPU" + _gpu(rows) + "."
    problems = ", ".join(row.name for row in rows if row.standing == "problem")
    return f"This machine cannot fuse yet; see what to do about: {problems}."


def _gpu(rows: list[Row]) -> str:
    working = {row.name for row in rows if row.standing == "ok"}
    return " and on the GPU" if {"GPU", "CuPy", "CUDA kernels"} <= working else ""
