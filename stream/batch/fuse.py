"""The run of one row, or of a part of one, and its account."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from stream.batch.cutting.cut import Part
from stream.batch.cutting.part import PartFrames, part_settings
from stream.config import RunSettings
from stream.errors import EndedError, SourceError, SyncError
from stream.frame import FusedFrame
from stream.monitoring.report import RunReport, versions
from stream.pipeline import run as pipeline
from stream.runtime.clock import SystemClock
from stream.runtime.signals import StopSignals

Tell = Callable[[float], None]
TELL_EVERY_S = 1.0
# Frames that are read may still be on their way.
MOST_SHARE = 0.99


def fuse_row(settings: RunSettings, output: Path, tell: Tell) -> dict[str, Any]:
    """Fuse a recorded pair into an output.

    Args:
        settings: of the row.
        output: path in place of that of the settings.
        tell: called about once a second with the share that is done.

    Returns:
        The account for the list of results.

    Raises:
        GifnetError: it cannot be fused, or nothing came of it.
        Stopped: by a signal.
    """
    tell = _now_and_then(tell)

    def progress(report: RunReport, total: int | None) -> None:
        if total:
            tell(min(MOST_SHARE, report.frames_in["visible"] / total))

    report = _run(_written_to(settings, output), iter, progress)
    if not report.fused:
        raise SourceError("nothing was fused: no frame found a partner")
    return _account(report)


def fuse_part(settings: RunSettings, part: Part, output: Path, tell: Tell) -> dict[str, Any]:
    """Fuse a part of a recorded pair into an output, which does not appear where there is no frame.

    Args:
        settings: of the row.
        part: it.
        output: path in place of that of the settings.
        tell: called about once a second with the share that is done.

    Returns:
        The account for the list of parts, with `seam`, see `PartFrames`.

    Raises:
        GifnetError: it cannot be fused.
        Stopped: by a signal.
    """
    frames = PartFrames(part, _now_and_then(tell))
    report = RunReport(SystemClock())
    try:
        _run(_written_to(part_settings(settings, part), output), frames.of, lambda *_: None, report)
    except (EndedError, SyncError):  # whether the whole has any frame is seen when parts are joined
        if report.fused:
            raise
    return {**_account(report), "seam": frames.as_json()}


def _run(
    settings: RunSettings,
    choose: Callable[[Iterable[FusedFrame]], Iterator[FusedFrame]],
    progress: pipeline.Progress,
    report: RunReport | None = None,
) -> RunReport:
    report = report or RunReport(SystemClock())
    with StopSignals() as stop:
        pipeline.run(settings, report, lambda frames: choose(stop.watch(frames)), progress)
    return report


def _written_to(settings: RunSettings, output: Path) -> RunSettings:
    uri = f"images://{output}" if not output.suffix else str(output)
    return settings.model_copy(update={"outputs": (settings.outputs[0].model_copy(update={"uri": uri}),)})


def _now_and_then(tell: Tell) -> Tell:
    told_s = time.monotonic()

    def seldom(share: float) -> None:
        nonlocal told_s
        if time.monotonic() - told_s >= TELL_EVERY_S:
            told_s = time.monotonic()
            tell(share)

    return seldom


def _account(report: RunReport) -> dict[str, Any]:
    return {
        "frames_in": report.frames_in,
        "fused": report.fused,
        "dropped": report.dropped,
        "lost": report.lost,
        "wall_s": round(report.wall_s, 3),
        "host": socket.gethostname(),
        "versions": versions(),
    }
