"""The words of `gifnet batch`: the plan, one bar with the time that is left, failures, and a summary."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from stream.cli.progress import SPARSE_LINE_EVERY_S

if TYPE_CHECKING:
    from stream.batch.job import Outcome
    from stream.batch.plan import Plan
    from stream.batch.schedule import Asked
    from stream.batch.tally import Tally

Tell = Callable[["Tally", "Asked"], None]
_MOST_SHOWN = 5


def show_plan(plan: Plan, alone: list[str]) -> None:
    """Print the work that a batch would do, on standard output."""
    for job in plan.jobs:
        why = "" if job.earlier is None else " (again: an input, a setting or an output is another one)"
        why = " (failed before)" if (job.earlier or {}).get("status") == "failed" else why
        click.echo(f"to be done      {job.name}{why}")
    for name in plan.done:
        click.echo(f"done before     {name}")
    for path in alone:
        click.echo(f"without partner {path}")
    size_gb = sum(job.size_bytes for job in plan.jobs) / 1e9
    click.echo(f"{len(plan.jobs)} to be done ({size_gb:.2f} GB of inputs), {len(plan.done)} done before")


def show_batch(quiet: bool) -> AbstractContextManager[Tell]:
    """Gives what to call all the time: a bar on a terminal, a line now and then elsewhere."""
    if quiet:
        return nullcontext(lambda tally, asked: None)
    return _bar() if sys.stderr.isatty() else nullcontext(_Lines())


@contextmanager
def _bar() -> Iterator[Tell]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("left"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("fusing", total=1.0, rows="")

        def tell(tally: Tally, asked: Asked) -> None:
            what = "stopping" if asked.stop else "ending what is begun" if asked.drain else "fusing"
            progress.update(task, completed=tally.share, description=what, rows=_rows(tally))

        yield tell


class _Lines:
    """One line every ten seconds, for logs."""

    def __init__(self) -> None:
        self._began_s = self._told_s = time.monotonic()

    def __call__(self, tally: Tally, asked: Asked) -> None:
        """Write a line when the last one is old enough."""
        now_s = time.monotonic()
        if now_s - self._told_s < SPARSE_LINE_EVERY_S:
            return
        self._told_s = now_s
        share = tally.share
        left = f", {(now_s - self._began_s) * (1 - share) / share:.0f} s left" if share else ""
        click.echo(f"gifnet: {_rows(tally)}, {100 * share:.0f} %{left}", err=True)


def _rows(tally: Tally) -> str:
    ended = tally.done + tally.unchanged + tally.failures
    failed = f", {tally.failures} failed" if tally.failures else ""
    return f"{ended} of {tally.rows} rows{failed}"


def tell_failure(outcome: Outcome) -> None:
    """A row that failed, as soon as it is known."""
    click.echo(f"gifnet: {outcome.name} failed: {outcome.reason}", err=True)


def last_words(tally: Tally, alone: list[str]) -> None:
    """The closing summary, to standard error."""
    from stream.batch.job import FAILURES

    told = [("rows", str(tally.rows)), ("fused", str(tally.done))]
    told += [("done before", str(tally.unchanged))] if tally.unchanged else []
    told += [("not done", str(tally.not_done))] if tally.not_done else []
    told += [("failed", str(tally.failures))] if tally.failures else []
    for kind, outcomes in sorted(tally.failed.items(), key=lambda item: -len(item[1])):
        names = ", ".join(outcome.name for outcome in outcomes[:_MOST_SHOWN])
        names += ", ..." if len(outcomes) > _MOST_SHOWN else ""
        told.append(("", f"{len(outcomes)}: {FAILURES[kind][0]} ({names})"))
    for kind, count in tally.retries.items():
        told.append(("tried again", f"{count}: {FAILURES[kind][0]}"))
    if alone:
        names = ", ".join(alone[:_MOST_SHOWN]) + (", ..." if len(alone) > _MOST_SHOWN else "")
        told.append(("left alone", f"{len(alone)} without a partner of their name ({names})"))
    for title, text in told:
        click.echo(f"{title:16}{text}", err=True)
