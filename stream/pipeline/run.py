"""Builds the stages and runs them; reads like the picture.

    visible source ─► prefetch ─┐
                                ├─► pair ─► fuse ─► prefetch ─► land ─► fan-out ─► sinks
    thermal source ─► prefetch ─┘

Sources and fusion run on threads of their own, sinks on the caller's. What fusion gives out may still be on
its way through the device; it is waited for where it lands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress

from stream.config import RunSettings
from stream.config.live_settings import AdjustableSettings
from stream.config.merge import public_values
from stream.detection.detection import Detection
from stream.detection.open import open_finder
from stream.errors import ConfigError, SinkError, SourceError
from stream.frame import FusedFrame
from stream.fusion.devices import Devices
from stream.fusion.fused_stream import FusedStream
from stream.monitoring.loss import check_loss
from stream.monitoring.report import RunReport
from stream.monitoring.status import RunStatus
from stream.pipeline.ages import Ages
from stream.pipeline.fan_out import FanOut
from stream.pipeline.open import open_fused
from stream.pipeline.pace import Pace
from stream.pipeline.takeover import check_takeover, take_over
from stream.registration.drift_monitor import DriftMonitor
from stream.runtime.cpu_threads import OneThreadEach
from stream.sinks import check_outputs
from stream.web import open_panel

Watch = Callable[[Iterable[FusedFrame]], Iterable[FusedFrame]]
Progress = Callable[[RunReport, int | None], None]
Show = Callable[[RunStatus], None]
# Changes settings from outside while the block lasts.
Adjuster = Callable[[AdjustableSettings], AbstractContextManager[object]]


def run(
    settings: RunSettings,
    report: RunReport,
    watch: Watch = iter,
    progress: Progress = lambda report, total: None,
    adjuster: Adjuster = nullcontext,
    devices: Devices | None = None,
    show: Show = lambda status: None,
) -> None:
    """Fuse two streams into every output.

    Args:
        settings: what to do.
        report: gets its sections as stages open, and is written to `settings.report` however the run ends,
            unless that very place is refused.
        watch: passes frames on and may end the run between two of them, for example on a signal.
        progress: called after every frame with the report and the number of visible frames, if known.
        adjuster: gets the settings that can change, once the stages are built, and may change them from
            another thread while frames flow.
        devices: gives device and network; by default those of this run alone.
        show: gets the state of the run, once the stages are built, for servers beside its own.

    Raises:
        GifnetError: a note on it tells how many frames were kept and where.
        Stopped: `watch` ended the run; the outputs are whole up to there.
    """
    report.add(settings=lambda: public_values(settings))
    check_outputs(settings)
    check_takeover(settings)
    try:
        _run(settings, report, watch, progress, adjuster, devices, show)
    except BaseException as error:
        if report.fused and not isinstance(error, SinkError):  # a sink says itself what it kept
            error.add_note(report.kept())
        report.finish(error)
        with suppress(ConfigError):
            _write_report(settings, report)
        raise
    report.finish(None)
    _write_report(settings, report)


def _run(
    settings: RunSettings,
    report: RunReport,
    watch: Watch,
    progress: Progress,
    adjuster: Adjuster,
    devices: Devices | None,
    show: Show,
) -> None:
    with OneThreadEach(), open_fused(settings, report, devices) as fused, ExitStack() as before:
        early = None
        if settings.takeover:
            early = before.enter_context(take_over(settings.takeover, before.enter_context(fused.ahead())))
        ahead = nullcontext(early) if early else fused.ahead()
        sinks = FanOut(settings, fused.visible, report.times, fused.device, lambda: fused.weights)
        panel = _status(settings, report, fused, sinks)
        show(panel)
        look = _detection(settings, report, fused)
        with (
            open_panel(settings, panel),
            sinks,
            adjuster(panel.controls),
            look as detection,
            ahead as frames,
        ):
            report.add(drift=panel.drift.as_json)
            pace, ages = Pace(fused, report), Ages(report)
            if fused.live:
                panel.too_slow = pace.sentence
            for frame in watch(frames):
                ages.add("age_fused", frame.pair)
                found = detection.look(frame) if detection else []
                drawn = detection.drawn(frame) if detection else frame
                sinks.write(frame, drawn, found)
                panel.show(drawn, _count_latency(frame, report), ages.add("age_published", frame.pair))
                panel.drift.look(frame)
                progress(report, fused.visible.frames)
                pace.look()
                if settings.duration_s is not None and report.elapsed_s() >= settings.duration_s:
                    break
                if sinks.is_full and not settings.preview.bind:
                    break
            if fused.live and not report.fused:
                raise SourceError(f"nothing was fused: {fused.why_nothing()}")
    check_loss(report, settings.allow_loss)


def _detection(
    settings: RunSettings, report: RunReport, fused: FusedStream
) -> AbstractContextManager[Detection | None]:
    """The detector beside fusion, where the settings ask for one; its section is added to the report."""
    if not settings.detection.enabled:
        return nullcontext()
    finder = open_finder(settings.detection, fused.device)
    detection = Detection(settings.detection, finder, report.clock, fused.live is not None)
    report.add(detection=detection.as_json)
    return detection


def _status(settings: RunSettings, report: RunReport, fused: FusedStream, sinks: FanOut) -> RunStatus:
    """The state of a run whose stages are built; their sections are added to the report."""
    controls = AdjustableSettings(settings, fused.adjustable)
    drift = DriftMonitor(controls, fused.coverage, fused.calibration)
    report.add(
        outputs=lambda: sinks.outputs,
        fused=lambda: sinks.fused,
        changes=lambda: list(controls.changes),
    )
    status = RunStatus(settings, report, controls, drift, fused.live, sinks.open_clip)
    status.model, status.thermal_place = lambda: fused.model, fused.thermal_place
    calibration = fused.calibration
    status.takes_distance = calibration is not None and calibration.homography is None
    return status


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
