"""Builds the stages and runs them; reads like the picture.

    visible source ─► prefetch ─┐
                                ├─► pair ─► fuse ─► prefetch ─► land ─► fan-out ─► sinks
    thermal source ─► prefetch ─┘

Sources and fusion run on threads of their own, sinks on the caller's. What fusion gives out may still be on
its way through the device; it is waited for where it lands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

from stream.config import RunSettings
from stream.config.merge import public_values
from stream.errors import ConfigError, SinkError, SourceError
from stream.frame import FusedFrame
from stream.monitoring.report import RunReport
from stream.pipeline.fan_out import FanOut
from stream.pipeline.open import open_fused
from stream.registration.drift_monitor import DriftMonitor
from stream.sinks import check_outputs
from stream.web import open_panel

Watch = Callable[[Iterable[FusedFrame]], Iterable[FusedFrame]]
Progress = Callable[[RunReport, int | None], None]


def run(
    settings: RunSettings,
    report: RunReport,
    watch: Watch = iter,
    progress: Progress = lambda report, total: None,
) -> None:
    """Fuse two streams into every output.

    Args:
        settings: what to do.
        report: filled in while it runs, and written to `settings.report` however the run ends, unless that
            very place is refused.
        watch: passes frames on and may end the run between two of them, for example on a signal.
        progress: called after every frame with the report and the number of visible frames, if known.

    Raises:
        GifnetError: a note on it tells how many frames were kept and where.
        Stopped: `watch` ended the run; the outputs are whole up to there.
    """
    report.settings = public_values(settings)
    check_outputs(settings)
    try:
        _run(settings, report, watch, progress)
    except BaseException as error:
        if report.fused and not isinstance(error, SinkError):  # a sink says itself what it kept
            error.add_note(report.kept())
        report.finish(error)
        with suppress(ConfigError):
            _write_report(settings, report)
        raise
    report.finish(None)
    _write_report(settings, report)


def _run(settings: RunSettings, report: RunReport, watch: Watch, progress: Progress) -> None:
    with (
        open_panel(settings, report) as panel,
        open_fused(settings, report) as fused,
        FanOut(settings, fused.visible, report, fused.device) as sinks,
        fused.ahead() as frames,
    ):
        panel.controls.attach(fused.fuser.retune, fused.live.change if fused.live else None)
        panel.attach(sinks.open_clip)
        guard = report.drift = DriftMonitor(panel.controls, fused.fuser.coverage, fused.fuser.calibration)
        for frame in watch(frames):
            sinks.write(frame)
            panel.show(frame, _count_latency(frame, report))
            guard.look(frame)
            progress(report, fused.visible.frames)
            if settings.duration_s is not None and report.elapsed_s() >= settings.duration_s:
                break
        if fused.live and not report.fused:
            raise SourceError(f"nothing was fused: {fused.live.why_nothing()}")


def _count_latency(frame: FusedFrame, report: RunReport) -> float | None:
    """Seconds from the arrival of a live pair's later frame to when every sink has it."""
    sides = (side for side in (frame.pair.visible, frame.pair.thermal) if side is not None)
    arrivals_s = [side.arrived_s for side in sides if side.arrived_s is not None]
    if not arrivals_s:
        return None
    latency_s = report.clock.monotonic_s() - max(arrivals_s)
    report.times.add("latency", latency_s)
    return latency_s


def _write_report(settings: RunSettings, report: RunReport) -> None:
    if settings.report:
        report.write(settings.report)
