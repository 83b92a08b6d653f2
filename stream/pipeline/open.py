"""Opens sources that pair themselves: two live cameras, or a recording of them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import cast

from stream.config import FuseSettings
from stream.device.context import DeviceContext, explain_device
from stream.errors import ConfigError, GifnetError
from stream.frame import Frame, FrameSet, Side
from stream.fusion.devices import Devices, OwnDevices
from stream.fusion.fused_stream import FusedStream
from stream.fusion.fuser import Fuser, check_sizes
from stream.live.session import LiveSession, is_live_pair
from stream.live.stats import LiveStats
from stream.monitoring.report import RunReport
from stream.pairing.offline import OfflinePairer, pair_streams
from stream.pipeline.ages import Ages
from stream.pipeline.excerpt import Excerpt
from stream.radiometry import Radiometry, as_json
from stream.recording.reader import Recording
from stream.runtime.prefetch import SOURCE_PATIENCE_S, Prefetch, prefetch
from stream.sources import Source, SourceInfo, open_source
from stream.sources.part import same_pictures
from stream.uri import mask, parse_uri

_log = logging.getLogger(__name__)


@contextmanager
def open_cameras(
    settings: FuseSettings, context: DeviceContext, report: RunReport, devices: Devices
) -> Iterator[FusedStream]:
    """Two live cameras, neither of which need be there yet."""
    if settings.excerpt.start_s:
        raise ConfigError("cameras have no beginning to count from: leave out --start (excerpt.start_s)")
    excerpt = Excerpt(settings)
    # Pictures are made smaller on the host.
    device = None if excerpt.is_smaller else context.device
    with LiveSession(settings, report.clock, device=device) as live:
        fuser = Fuser(settings, None, None, context, report.times, live.misfit, live.rate, devices)
        _add_fusion(report, fuser)
        stats = LiveStats(live)
        add_cameras(report, stats)
        report.add(
            dropped=lambda: stats.dropped() + excerpt.left_out,
            decoders=lambda: _decoders(
                **{side: camera.info for side, camera in live.cameras.items() if camera.info}
            ),
        )
        frame_sets = excerpt.pass_on(Ages(report).pass_on(live))
        batches = fuser.fuse(report.times.waits("read", frame_sets))
        visible = _unseen(settings)
        yield FusedStream(batches, fuser, visible, context.device.type, report.times, live)


def add_cameras(report: RunReport, live: LiveStats) -> None:
    """Add the sections of live cameras to a report."""
    report.add(
        frames_in=live.frames_in,
        dropped=live.dropped,
        lost=live.lost,
        live=lambda: live.as_json(report.fused),
    )
    report.incomplete_if(lambda: live.not_pairing)


def _add_fusion(report: RunReport, fuser: Fuser) -> None:
    device = report.section("device")
    report.add(
        device=lambda: device | fuser.device_usage,
        weights=lambda: fuser.weights,
        precision=lambda: fuser.precision,
    )


@contextmanager
def open_replay(
    settings: FuseSettings, context: DeviceContext, report: RunReport, devices: Devices
) -> Iterator[FusedStream]:
    """A recording of two cameras, paired as it was live."""
    excerpt = Excerpt(settings)
    replay = _Replay(Recording(Path(parse_uri(settings.visible.uri).path)), settings.thermal.radiometry)
    report.add(
        frames_in=lambda: replay.frames_in,
        dropped=lambda: replay.dropped + excerpt.left_out,
        radiometry=lambda: as_json(replay.radiometry),
    )
    fuser = Fuser(settings, None, None, context, report.times, replay.leave_out, devices=devices)
    _add_fusion(report, fuser)
    batches = fuser.fuse(report.times.waits("read", excerpt.pass_on(replay)))
    visible = replace(_unseen(settings), rate=replay.recording.rate("visible"))
    yield FusedStream(batches, fuser, visible, context.device.type, report.times)


class _Replay:
    """Frame sets of a recording, counted.

    Attributes:
        recording: it.
        frames_in: frames read, by side.
        dropped: frame sets that could not be fused, by reason.
        radiometry: of the newest thermal frame.
    """

    def __init__(self, recording: Recording, radiometry: Radiometry | None) -> None:
        self.recording, self.radiometry = recording, radiometry
        self.frames_in: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()

    def __iter__(self) -> Iterator[FrameSet]:
        for frame_set in self.recording.frame_sets():
            for side, frame in (("visible", frame_set.visible), ("thermal", frame_set.thermal)):
                self.frames_in[side] += frame is not None
            if frame_set.thermal is not None:
                self.radiometry = frame_set.thermal.radiometry
            yield frame_set

    def leave_out(self, frame_set: FrameSet, error: GifnetError) -> None:
        """Count a frame set that cannot be fused; reported once."""
        if not self.dropped["not_registered"]:
            _log.warning("%s; such frames are left out", error)
        self.dropped["not_registered"] += 1


def _unseen(settings: FuseSettings) -> SourceInfo:
    """The known properties of a visible camera that need not be there yet."""
    rate = settings.visible.rate
    stated = None if rate is None else Fraction(rate).limit_denominator(1001)
    return SourceInfo(mask(settings.visible.uri), 0, 0, "rgb24", rate=stated, live=True)


SOURCE_AHEAD = 4


Opener = Callable[[FuseSettings, DeviceContext, RunReport, Devices], AbstractContextManager[FusedStream]]


@contextmanager
def open_fused(
    settings: FuseSettings, report: RunReport, devices: Devices | None = None
) -> Iterator[FusedStream]:
    """Open both sources and everything between them and the sinks.

    Args:
        settings: what to do.
        report: gets its sections.
        devices: gives device and network; by default those of this run alone.

    Raises:
        GifnetError: of the device, a source, the weights or the calibration, before the first frame.
    """
    devices = devices or OwnDevices()
    context = devices.context(settings.device)
    device = {"name": str(context.device), "why": explain_device(settings.device, context.device)}
    report.add(device=lambda: device, radiometry=lambda: as_json(settings.thermal.radiometry))
    _log.info("device %s: %s", context.device, device["why"])
    with _opener(settings)(settings, context, report, devices) as fused:
        yield fused


def _opener(settings: FuseSettings) -> Opener:
    """Cameras, a recording of a camera pair as it was paired, or any two recordings."""
    if parse_uri(settings.visible.uri).scheme == "replay":
        return open_replay
    return open_cameras if is_live_pair(settings) else _open_recorded


@dataclass(frozen=True, slots=True)
class Moments:
    """The moments of two recordings, paired, and the streams that they come from.

    Attributes:
        visible: properties of the visible frames that are fused.
        thermal: properties of the thermal ones.
        frame_sets: the moments that the settings ask for, in order, once through.
    """

    visible: SourceInfo
    thermal: SourceInfo
    frame_sets: Iterator[FrameSet]


@contextmanager
def open_moments(settings: FuseSettings, context: DeviceContext, report: RunReport) -> Iterator[Moments]:
    """Open both recordings and pair them; nothing is fused.

    Raises:
        GifnetError: of a source, or of pairing.
    """
    lost: dict[str, Counter[str]] = {}
    excerpt = Excerpt(settings)
    report.add(lost=lambda: lost)
    with (
        _open_source(settings, "visible", context, lost, excerpt) as visible,
        _open_source(settings, "thermal", context, lost, excerpt) as thermal,
    ):
        whole = _info(visible), _info(thermal)
        visible_info, thermal_info = excerpt.visible_info(*whole), excerpt.thermal_info(*reversed(whole))
        report.add(
            decoders=lambda: _decoders(visible=visible_info, thermal=thermal_info),
            radiometry=lambda: as_json(thermal_info.radiometry),
        )
        pairer = OfflinePairer(settings.pairing, visible_info.rate, thermal_info.rate)
        report.add(frames_in=lambda: pairer.read, dropped=lambda: pairer.dropped + excerpt.left_out)
        pairs = excerpt.pass_on(pair_streams(excerpt.watched(visible), thermal, pairer))
        yield Moments(visible_info, thermal_info, pairs)


@contextmanager
def _open_recorded(
    settings: FuseSettings, context: DeviceContext, report: RunReport, devices: Devices
) -> Iterator[FusedStream]:
    with open_moments(settings, context, report) as moments:
        if doubt := same_pictures(settings, moments.visible, moments.thermal):
            _log.warning("%s", doubt)
        check_sizes(moments.visible, moments.thermal)
        fuser = Fuser(settings, moments.visible, moments.thermal, context, report.times, devices=devices)
        _add_fusion(report, fuser)
        batches = fuser.fuse(report.times.waits("read", moments.frame_sets))
        yield FusedStream(batches, fuser, moments.visible, context.device.type, report.times)


def _open_source(
    settings: FuseSettings,
    role: Side,
    context: DeviceContext,
    lost: dict[str, Counter[str]],
    excerpt: Excerpt,
) -> AbstractContextManager[Prefetch[Frame]]:
    mine, partner = settings.visible, settings.thermal
    if role == "thermal":
        mine, partner = partner, mine

    def open_here() -> Source:
        # Pictures are made smaller on the host.
        source = open_source(mine, role, None if excerpt.is_smaller else context.device, partner)
        lost[role] = source.lost
        try:
            excerpt.begin(source, role)
        except BaseException:
            source.close()
            raise
        return source

    return prefetch(open_here, SOURCE_AHEAD, name=role, patience_s=SOURCE_PATIENCE_S)


def _info(frames: Prefetch[Frame]) -> SourceInfo:
    return cast(Source, frames.upstream).info


def _decoders(**streams: SourceInfo) -> dict[str, dict[str, str]]:
    """The decoder of each stream that is video, and why it was chosen."""
    return {
        name: {"name": info.decoder, "why": info.decoder_why}
        for name, info in streams.items()
        if info.decoder
    }
