"""What a run tells on standard error while it goes on, and when it is over."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from stream.monitoring.report import RunReport

SPARSE_LINE_EVERY_S = 10.0

Tell = Callable[[RunReport, int | None], None]


def show_progress(quiet: bool) -> AbstractContextManager[Tell]:
    """Gives what to call after every fused frame: a bar on a terminal, a line now and then elsewhere."""
    if quiet:
        return nullcontext(lambda report, total: None)
    return _bar() if sys.stderr.isatty() else nullcontext(SparseLines())


@contextmanager
def _bar() -> Iterator[Tell]:
    columns = (
        TextColumn("fusing"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.1f} frames/s"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("fusing", total=None, rate=0.0)

        def tell(report: RunReport, total: int | None) -> None:
            read = report.frames_in["visible"]
            progress.update(task, completed=read, total=total, rate=rate_of(report))

        yield tell


class SparseLines:
    """One line every ten seconds, for logs."""

    def __init__(self) -> None:
        self._told_s = 0.0

    def __call__(self, report: RunReport, total: int | None) -> None:
        """Write a line when the last one is old enough."""
        elapsed_s = report.elapsed_s()
        if elapsed_s - self._told_s < SPARSE_LINE_EVERY_S:
            return
        self._told_s = elapsed_s
        read = report.frames_in["visible"]
        of = f" of {total}" if total else ""
        left = f", {(total - read) * elapsed_s / read:.0f} s left" if total and read else ""
        print(f"gifnet: frame {read}{of}, {rate_of(report):.2f} frames/s{left}", file=sys.stderr)


def rate_of(report: RunReport) -> float:
    """Fused frames a second since the start."""
    return report.fused / max(report.elapsed_s(), 1e-9)


def print_summary(report: RunReport) -> None:
    """The closing summary, to standard error."""
    for title, text in _lines(report):
        print(f"{title:16}{text}", file=sys.stderr)
    stages = report.times.summary()
    if stages:
        print(f"{'stage':16}{'p50 ms':>10}{'p95 ms':>10}", file=sys.stderr)
    for stage, time in stages.items():
        print(f"{stage:16}{time.p50_ms:10.2f}{time.p95_ms:10.2f}", file=sys.stderr)


def _lines(report: RunReport) -> Iterator[tuple[str, str]]:
    yield "frames in", f"{report.frames_in['visible']} visible, {report.frames_in['thermal']} thermal"
    wall_s = max(report.wall_s, 1e-9)
    yield "fused", f"{report.fused} in {report.wall_s:.1f} s, {report.fused / wall_s:.2f} frames/s"
    yield "dropped", _reasons(report.dropped)
    for stream, reasons in report.lost.items():
        if reasons:
            yield f"lost ({stream})", _reasons(reasons)
    if report.live:
        yield from report.live.lines()
    if report.device:
        yield "device", f"{report.device['name']}, {report.precision} ({report.device['why']})"
    for stream, decoder in report.decoders.items():
        yield stream, f"decoded by {decoder['name']}: {decoder['why']}"
    if report.weights.get("sha256"):
        yield "weights", f"{report.weights['name']}, SHA-256 {report.weights['sha256'][:12]}"
    for output in report.outputs:
        if output.frames:
            encoder = f", {output.encoder}" if output.encoder else ""
            skipped = f", {output.skipped} not for want of room" if output.skipped else ""
            yield "written", f"{output.uri} ({output.view}, {output.frames} frames{encoder}{skipped})"


def _reasons(reasons: dict[str, int]) -> str:
    return ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in reasons.items()) or "none"
