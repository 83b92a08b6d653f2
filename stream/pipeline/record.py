"""Records two live cameras: every frame as it came, and how they would have been fused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from stream.config import FuseSettings, OutputSettings
from stream.config.merge import public_values
from stream.errors import SourceError
from stream.live.session import LiveSession
from stream.live.stats import LiveStats
from stream.monitoring.report import Output, RunReport
from stream.pipeline.fan_out import KEEP_FREE_MB
from stream.pipeline.open import add_cameras
from stream.recording.writer import RecordingWriter

PATIENCE_S = 0.05


def record(
    settings: FuseSettings,
    output: OutputSettings,
    report: RunReport,
    goes_on: Callable[[], bool],
    tell: Callable[[RunReport, int | None], None],
) -> None:
    """Record until the cameras end, the duration is over, or `goes_on` gives False.

    Args:
        settings: cameras, pairing and duration.
        output: folder, rotation and room to leave.
        report: gets its sections.
        goes_on: asked between two frames.
        tell: called now and then with the report.

    Raises:
        GifnetError: a camera cannot be opened however often one tries, gave no picture, or the folder
            cannot be written.
    """
    about = {"settings": public_values(settings)}
    keep_free_mb = KEEP_FREE_MB if output.keep_free_mb is None else output.keep_free_mb
    with LiveSession(settings, report.clock, keep_frames=True) as live:
        add_cameras(report, LiveStats(live))
        writer = RecordingWriter(Path(output.uri), about, output.segment_s, output.segment_mb, keep_free_mb)
        report.add(
            fused=lambda: writer.frame_sets,
            outputs=lambda: [_account(output.uri, live, writer)],
        )
        try:
            while goes_on() and not live.is_over:
                _step(live, writer)
                tell(report, None)
        finally:
            writer.close()
    if not any(writer.frames.values()):
        raise SourceError(f"nothing was recorded: {live.why_nothing()}")


def _account(uri: str, live: LiveSession, writer: RecordingWriter) -> Output:
    missing = live.untaken + Counter(writer.skipped)
    return Output(uri, "both cameras", sum(writer.frames.values()), missing.total())


def _step(live: LiveSession, writer: RecordingWriter) -> None:
    frame_set = live.next(PATIENCE_S)
    for side, frame in live.taken():
        writer.add_frame(side, frame)
    if frame_set is not None:
        writer.add_frame_set(frame_set)
