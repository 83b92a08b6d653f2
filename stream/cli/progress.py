"""Progress of a run on standard error, and a summary when it is over."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from stream.monitoring.report import RunReport

SPARSE_LINE_EVERY_S = 10.0
# The rate is that of one to two such times.
RECENT_S = 5.0
# Suffixes of the reasons of frames that were not asked for.
NOT_WANTED = ("_before_start", "_between")

Tell = Callable[[RunReport, int | None], None]


def show_progress(quiet: bool) -> AbstractContextManager[Tell]:
    """Gives what to call after every fused frame: a bar on a terminal, a line now and then elsewhere."""
    if quiet:
        return nullcontext(lambda report, total: None)
    return _bar() if sys.stderr.isatty() else nullcontext(SparseLines())


@contextmanager
def _bar() -> Iterator[Tell]:
    columns = (BarColumn(20), TextColumn("{task.fields[words]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None, words="")
        recent = Recent()

        def tell(report: RunReport, total: int | None) -> None:
            # The bar follows what was read, since frames without a partner are never fused.
            words = recent.words(report, total)
            progress.update(task, completed=report.frames_in["visible"], total=total, words=words)

        yield tell


class SparseLines:
    """One line every ten seconds, for logs."""

    def __init__(self, before: str = "") -> None:
        """Nothing is written yet.

        Args:
            before: what each line begins with.
        """
        self._before, self._told_s, self._recent = before, 0.0, Recent()

    def __call__(self, report: RunReport, total: int | None) -> None:
        """Write a line when the last one is old enough."""
        elapsed_s = report.elapsed_s()
        if elapsed_s - self._told_s < SPARSE_LINE_EVERY_S:
            return
        self._told_s = elapsed_s
        print(f"gifnet: {self._before}{self._recent.words(report, total)}", file=sys.stderr)


class Recent:
    """Figures of the last seconds of a run, as text."""

    def __init__(self) -> None:
        # Seconds, fused frames, and count and sum of their ages, some time ago and a little later.
        self._marks = [(0.0, 0, 0, 0.0), (0.0, 0, 0, 0.0)]

    def words(self, report: RunReport, total: int | None) -> str:
        """Fused frames, their rate, the time left, how late a live frame is, and what was dropped.

        Args:
            report: of the run.
            total: visible frames that are to be read; None for cameras.
        """
        ages = report.times.histograms()
        age = ages.get("age_published") or ages.get("latency")
        now = report.elapsed_s(), report.fused, age.count if age else 0, age.total_s if age else 0.0
        before = self._marks[0]
        if now[0] - self._marks[1][0] > RECENT_S:
            self._marks = [self._marks[1], now]
        rate = (now[1] - before[1]) / max(now[0] - before[0], 1e-9)
        words = [f"{now[1]} fused", f"{rate:.{1 if rate >= 1 else 2}f} frames/s"]
        read = report.frames_in["visible"]
        if total and read:
            words.append(f"{_duration(max(total - read, 0) * now[0] / read)} left")
        if now[2] > before[2]:
            words.append(f"{(now[3] - before[3]) / (now[2] - before[2]) * 1000:.0f} ms late")
        dropped = sum(count for reason, count in report.dropped.items() if not reason.endswith(NOT_WANTED))
        if dropped:
            words.append(f"{dropped} dropped")
        return ", ".join(words)


def _duration(seconds: float) -> str:
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


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
    if live := report.section("live"):
        yield from _live_lines(live)
    if told := report.section("detection"):
        yield "detection", _detection_line(told, wall_s)
    if device := report.section("device"):
        yield "device", f"{device['name']}, {report.section('precision')} ({device['why']})"
    for stream, decoder in report.section("decoders").items():
        yield stream, f"decoded by {decoder['name']}: {decoder['why']}"
    weights = report.section("weights")
    if weights.get("sha256"):
        yield "weights", f"{weights['name']}, SHA-256 {weights['sha256'][:12]}"
    for output in report.outputs:
        if output.frames:
            encoder = f", {output.encoder}" if output.encoder else ""
            skipped = f", {output.skipped} not, as the disk was full" if output.skipped else ""
            yield "written", f"{output.uri} ({output.view}, {output.frames} frames{encoder}{skipped})"


def _detection_line(told: dict[str, Any], wall_s: float) -> str:
    found = ", ".join(f"{count} {name}" for name, count in sorted(told["found"].items())) or "nothing"
    skipped = f", {told['skipped']} due frames passed over" if told["skipped"] else ""
    error = f"; it failed: {told['error']}" if told["error"] else ""
    rate = f"{told['detections'] / wall_s:.2f} detections/s"
    return f"{found} in {told['detections']} frames, {rate}{skipped} ({told['detector']}){error}"


def _live_lines(live: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Lines on live cameras, from their section of the report."""
    for side, camera in live["cameras"].items():
        failures = sum(camera["failures"].values()) + camera["stuck"]
        again = f", reconnected {camera['connects'] - 1} times" if camera["connects"] > 1 else ""
        away = f", away for {camera['away_s']:.1f} s" if camera["away_s"] else ""
        yield f"{side} camera", f"{camera['state']}{again}{away}, {failures} failures"
    if live["not_pairing"]:
        yield "not pairing", live["not_pairing"]
    pairs, held, single, stale = (
        live["moments"].get(kind, 0) for kind in ("pairs", "held", "single", "stale")
    )
    errors_ms, clocks = live["pairing_error_ms"], live["clocks"]
    yield (
        "pairing",
        f"{pairs} pairs, {held} held, {single} single, {stale} with the shutter closed; "
        f"error p50 {errors_ms['p50']:.1f} ms, p99 {errors_ms['p99']:.1f} ms",
    )
    drift = "" if clocks["drift_ppm"] is None else f", drift {clocks['drift_ppm']:.1f} ppm"
    offset = f"offset {clocks['offset_ms']:.1f} ms{drift}"
    yield (
        "clocks",
        f"visible {clocks['visible']}, thermal {clocks['thermal']}, {offset}",
    )


def _reasons(reasons: dict[str, int]) -> str:
    return ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in reasons.items()) or "none"
