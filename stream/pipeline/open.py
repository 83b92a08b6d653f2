"""Opens what pairs by itself: two live cameras, or a recording of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from stream.config import FuseSettings
from stream.device.context import DeviceContext
from stream.errors import ConfigError, GifnetError
from stream.frame import Moment
from stream.fusion.fused_stream import FusedStream
from stream.fusion.fuser import Fuser
from stream.live.session import LiveMoments
from stream.live.stats import LiveAccount
from stream.monitoring.report import RunReport
from stream.recording.reader import Recording
from stream.sources.base import SourceInfo
from stream.sources.live import is_live
from stream.uri import mask, parse_uri

_log = logging.getLogger(__name__)


def is_live_pair(settings: FuseSettings) -> bool:
    """Whether both inputs are live cameras.

    Raises:
        ConfigError: only one of them is.
    """
    lives = [is_live(source.uri) for source in (settings.visible, settings.thermal)]
    if any(lives) and not all(lives):
        recorded = settings.visible if lives[1] else settings.thermal
        raise ConfigError(
            f"a live camera cannot be paired with the recording {mask(recorded.uri)}; "
            f"live://{mask(recorded.uri)} plays it like a camera"
        )
    return all(lives)


@contextmanager
def open_cameras(settings: FuseSettings, context: DeviceContext, report: RunReport) -> Iterator[FusedStream]:
    """Two live cameras, neither of which need be there yet."""
    with LiveMoments(settings, report.clock) as live:
        fuser = Fuser(settings, None, None, context, report, live.misfit)
        report.live = LiveAccount(live)
        flights = fuser.fuse(report.times.waits("read", live))
        visible = _unseen(settings)
        yield FusedStream(flights, fuser, visible, context.device.type, report.times, live)


@contextmanager
def open_replay(settings: FuseSettings, context: DeviceContext, report: RunReport) -> Iterator[FusedStream]:
    """A recorded pair of cameras once more, paired as it was then."""
    recording = Recording(Path(parse_uri(settings.visible.uri).path))

    def leave_out(moment: Moment, error: GifnetError) -> None:
        if not report.dropped["not_registered"]:
            _log.warning("%s; such frames are left out", error)
        report.dropped["not_registered"] += 1

    def moments() -> Iterator[Moment]:
        for moment in recording.moments():
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
