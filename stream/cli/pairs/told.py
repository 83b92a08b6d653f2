"""Output of `gifnet run` for several pairs: progress, a line for each at the end, and the exit status."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from stream.cli.failure import LOSS_STATUS, explain
from stream.cli.progress import NOT_WANTED, Recent, SparseLines, Tell
from stream.monitoring.pairs import PairState
from stream.monitoring.report import RunReport

OfPair = Callable[[str], Tell]


def show_progress_of_pairs(names: Sequence[str], quiet: bool) -> AbstractContextManager[OfPair]:
    """Gives, by name of a pair, what to call after each of its frames: bars on a terminal, else lines."""
    if quiet:
        return nullcontext(lambda name: lambda report, total: None)
    if sys.stderr.isatty():
        return _bars(max(len(name) for name in names))
    return nullcontext(lambda name: SparseLines(f"{name}: "))


@contextmanager
def _bars(width: int) -> Iterator[OfPair]:
    columns = (TextColumn("{task.description}"), BarColumn(20), TextColumn("{task.fields[words]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:

        def of_pair(name: str) -> Tell:
            task, recent = progress.add_task(f"{name:{width}}", total=None, words=""), Recent()

            def tell(report: RunReport, total: int | None) -> None:
                words = recent.words(report, total)
                progress.update(task, completed=report.frames_in["visible"], total=total, words=words)

            return tell

        yield of_pair


def print_summary_of_pairs(states: Sequence[PairState], batches: dict[str, dict[str, int]]) -> None:
    """A line for each pair, and the sizes of the batches that they shared, to standard error."""
    width = max(len(state.name) for state in states)
    for state in states:
        print(f"{state.name:{width}}  {_in_a_line(state)}", file=sys.stderr)
    for network, sizes in batches.items():
        told = ", ".join(f"{count} of {size}" for size, count in sizes.items())
        if told:
            print(f"{'batches':{width}}  {told} frames ({network})", file=sys.stderr)


def worst_status(states: Sequence[PairState]) -> int:
    """The exit status of the worst pair: an error, then much lost, then a signal, then none."""
    statuses = [explain(state.error)[1] if state.error else 0 for state in states]
    return max(statuses, key=lambda status: (status != 0, status < 128, status != LOSS_STATUS))


def _in_a_line(state: PairState) -> str:
    report = state.report
    rate = report.fused / max(report.wall_s, 1e-9)
    dropped = sum(count for reason, count in report.dropped.items() if not reason.endswith(NOT_WANTED))
    lost = sum(sum(reasons.values()) for reasons in report.lost.values())
    counts = f"{report.fused} fused in {report.wall_s:.1f} s, {rate:.2f} frames/s, {dropped} dropped"
    counts += f", {lost} lost" if lost else ""
    age = report.times.histograms().get("age_published")
    counts += f", {age.quantile_s(0.5) * 1000:.0f} ms old" if age else ""
    return f"{counts}; {explain(state.error)[0] if state.error else 'done'}"
