"""Builds the stages and runs them; reads like the picture.

    visible source ─► prefetch ─┐
                                ├─► pair ─► fuse ─► prefetch ─► land ─► fan-out ─► sinks
    thermal source ─► prefetch ─┘

Sources and fusion run on threads of their own, sinks on the caller's. What fusion gives out may still be on
its way through the device; it is waited for where it lands.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from stream.config import NAMES, FuseSettings, InputSettings, RunSettings, validate
from stream.config.merge import overlay, public_values
from stream.device.context import DeviceContext, explain_device, open_device
from stream.errors import ConfigError, SinkError, SourceError
from stream.files.run_paths import check_places
from stream.frame import Frame, FusedFrame
from stream.fusion.fused_stream import FusedStream
from stream.fusion.fuser import Fuser, check_sizes
from stream.monitoring.report import RunReport
from stream.pairing.offline import Pairer, pair_streams
from stream.pipeline.fan_out import FanOut
from stream.pipeline.open import is_live_pair, open_cameras, open_replay
from stream.registration.drift_monitor import DriftGuard
from stream.runtime.clock import SystemClock
from stream.runtime.prefetch import Prefetch, prefetch
from stream.sources import Role, Source, SourceInfo, open_source
from stream.sources.live.iterable import give
from stream.uri import parse_uri
from stream.web import open_panel

SOURCE_AHEAD = 4

Watch = Callable[[Iterable[FusedFrame]], Iterable[FusedFrame]]
Progress = Callable[[RunReport, int | None], None]
Camera = str | Path | Iterable[Any] | Callable[[], Iterable[Any]]
Opener = Callable[[FuseSettings, DeviceContext, RunReport], AbstractContextManager[FusedStream]]

_log = logging.getLogger(__name__)


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
    check_places(settings)
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
        guard = report.drift = DriftGuard(panel.controls, fused.fuser.coverage, settings.registration.file)
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


@contextmanager
def open_fused(settings: FuseSettings, report: RunReport) -> Iterator[FusedStream]:
    """Open both sources and everything between them and the sinks.

    Raises:
        GifnetError: of the device, a source, the weights or the calibration, before the first frame.
    """
    context = open_device(settings.device)
    report.radiometry = settings.thermal.radiometry
    report.device = {"name": str(context.device), "why": explain_device(settings.device, context.device)}
    _log.info("device %s: %s", context.device, report.device["why"])
    with _opener(settings)(settings, context, report) as fused:
        yield fused


def _opener(settings: FuseSettings) -> Opener:
    """Cameras, a recording of a camera pair as it was paired, or any two recordings."""
    if parse_uri(settings.visible.uri).scheme == "replay":
        return open_replay
    return open_cameras if is_live_pair(settings) else _open_recorded


@contextmanager
def _open_recorded(
    settings: FuseSettings, context: DeviceContext, report: RunReport
) -> Iterator[FusedStream]:
    with (
        _open_source(settings.visible, "visible", context, report) as visible,
        _open_source(settings.thermal, "thermal", context, report) as thermal,
    ):
        visible_info, thermal_info = _info(visible), _info(thermal)
        report.decoders = _decoders(visible=visible_info, thermal=thermal_info)
        report.radiometry = thermal_info.radiometry
        check_sizes(visible_info, thermal_info)
        fuser = Fuser(settings, visible_info, thermal_info, context, report)
        pairer = Pairer(settings.pairing, visible_info.rate, thermal_info.rate)
        report.frames_in, report.dropped = pairer.read, pairer.dropped
        pairs = report.times.waits("read", pair_streams(visible, thermal, pairer))
        flights = fuser.fuse(pairs)
        yield FusedStream(flights, fuser, visible_info, context.device.type, report.times)


def fuse(visible: Camera, thermal: Camera, **settings: Any) -> Iterator[FusedFrame]:
    """Fuse two streams in Python: `for frame in stream.fuse("visible.mp4", "thermal.mp4"): frame.pixels`.

    Args:
        visible: path or URI of the visible stream; or an iterable of pictures, or a function that gives one
            for each connection, see `stream.sources.live.iterable`.
        thermal: the same for the thermal stream.
        settings: options of `gifnet run` by name, for example `weights="published"`, `tolerance_ms=10` or
            `calibration="front.yaml"`; all but those of outputs.

    Returns:
        Fused frames in the order of their times. Everything closes with the last one, and when the iterator
        is closed or forgotten.

    Raises:
        GifnetError: settings at once, everything else with the first frame or where it happens.
    """
    allowed = [name for name, place in NAMES.items() if place.split(".")[0] in FuseSettings.model_fields]
    unknown = sorted(set(settings) - set(allowed))
    if unknown:
        raise ConfigError(
            f"stream.fuse has no setting {', '.join(unknown)}, allowed are {', '.join(allowed)}"
        )
    named = {"visible": _uri(visible), "thermal": _uri(thermal), **settings}
    named = {name: str(value) if isinstance(value, Path) else value for name, value in named.items()}
    return _fuse(validate(FuseSettings, overlay({}, named), "stream.fuse"))


def _uri(camera: Camera) -> str:
    return str(camera) if isinstance(camera, str | Path) else give(camera)


def _fuse(settings: FuseSettings) -> Iterator[FusedFrame]:
    with open_fused(settings, RunReport(SystemClock())) as fused, fused.ahead() as frames:
        yield from frames


def _open_source(
    settings: InputSettings, role: Role, context: DeviceContext, report: RunReport
) -> AbstractContextManager[Prefetch[Frame]]:
    def open_here() -> Source:
        source = open_source(settings, role, context.device)
        report.lost[role] = source.lost
        return source

    return prefetch(open_here, SOURCE_AHEAD, name=role)


def _info(frames: Prefetch[Frame]) -> SourceInfo:
    return cast(Source, frames.upstream).info


def _decoders(**streams: SourceInfo) -> dict[str, dict[str, str]]:
    """What decodes each stream, and why, of those that are video."""
    return {
        name: {"name": info.decoder, "why": info.decoder_why}
        for name, info in streams.items()
        if info.decoder
    }


def _write_report(settings: RunSettings, report: RunReport) -> None:
    if settings.report:
        report.write(settings.report)
