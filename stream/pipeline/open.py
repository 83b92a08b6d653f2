"""Opens what pairs by itself: two live cameras, or a recording of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import cast

from stream.config import FuseSettings, InputSettings
from stream.device.context import DeviceContext, explain_device, open_device
from stream.errors import GifnetError
from stream.frame import Frame, FrameSet, Side
from stream.fusion.fused_stream import FusedStream
from stream.fusion.fuser import Fuser, check_sizes
from stream.live.session import LiveSession, is_live_pair
from stream.live.stats import LiveStats
from stream.monitoring.report import RunReport
from stream.pairing.offline import OfflinePairer, pair_streams
from stream.recording.reader import Recording
from stream.runtime.prefetch import Prefetch, prefetch
from stream.sources import Source, SourceInfo, open_source
from stream.uri import mask, parse_uri

_log = logging.getLogger(__name__)


@contextmanager
def open_cameras(settings: FuseSettings, context: DeviceContext, report: RunReport) -> Iterator[FusedStream]:
    """Two live cameras, neither of which need be there yet."""
    with LiveSession(settings, report.clock) as live:
        fuser = Fuser(settings, None, None, context, report, live.misfit)
        report.live = LiveStats(live)
        flights = fuser.fuse(report.times.waits("read", live))
        visible = _unseen(settings)
        yield FusedStream(flights, fuser, visible, context.device.type, report.times, live)


@contextmanager
def open_replay(settings: FuseSettings, context: DeviceContext, report: RunReport) -> Iterator[FusedStream]:
    """A recorded pair of cameras once more, paired as it was then."""
    recording = Recording(Path(parse_uri(settings.visible.uri).path))

    def leave_out(moment: FrameSet, error: GifnetError) -> None:
        if not report.dropped["not_registered"]:
            _log.warning("%s; such frames are left out", error)
        report.dropped["not_registered"] += 1

    def moments() -> Iterator[FrameSet]:
        for moment in recording.frame_sets():
            for side, frame in (("visible", moment.visible), ("thermal", moment.thermal)):
                report.frames_in[side] += frame is not None
            if moment.thermal is not None:
                report.radiometry = moment.thermal.radiometry
            yield moment

    fuser = Fuser(settings, None, None, context, report, leave_out)
    flights = fuser.fuse(report.times.waits("read", moments()))
    visible = replace(_unseen(settings), rate=recording.rate("visible"))
    yield FusedStream(flights, fuser, visible, context.device.type, report.times)


def _unseen(settings: FuseSettings) -> SourceInfo:
    """What is known of a visible camera that need not be there yet."""
    rate = settings.visible.rate
    stated = None if rate is None else Fraction(rate).limit_denominator(1001)
    return SourceInfo(mask(settings.visible.uri), 0, 0, "rgb24", rate=stated, live=True)


SOURCE_AHEAD = 4


Opener = Callable[[FuseSettings, DeviceContext, RunReport], AbstractContextManager[FusedStream]]


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
        pairer = OfflinePairer(settings.pairing, visible_info.rate, thermal_info.rate)
        report.frames_in, report.dropped = pairer.read, pairer.dropped
        pairs = report.times.waits("read", pair_streams(visible, thermal, pairer))
        flights = fuser.fuse(pairs)
        yield FusedStream(flights, fuser, visible_info, context.device.type, report.times)


def _open_source(
    settings: InputSettings, role: Side, context: DeviceContext, report: RunReport
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
