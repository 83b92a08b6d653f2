"""Pairs of frames of two streams, live or recorded, before anything is registered."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import cast

import torch

from stream.config import FuseSettings, InputSettings
from stream.errors import SourceError
from stream.frame import Frame, FramePair, Side
from stream.live.session import LiveSession, is_live_pair
from stream.pairing.offline import OfflinePairer, pair_streams
from stream.recording.reader import Recording
from stream.runtime.clock import SystemClock
from stream.runtime.prefetch import SOURCE_PATIENCE_S, Prefetch, prefetch
from stream.sources import Source, open_source
from stream.uri import parse_uri

AHEAD = 4
# Time without a pair after which live cameras are given up.
LIVE_PATIENCE_S = 20.0

_log = logging.getLogger(__name__)


@contextmanager
def open_pairs(settings: FuseSettings) -> Iterator[Iterator[FramePair]]:
    """Pairs of one moment, in the order of their times.

    Args:
        settings: sources and pairing.

    Raises:
        SourceError: a stream cannot be read, or live cameras give no pair.
    """
    if parse_uri(settings.visible.uri).scheme == "replay":
        moments = Recording(Path(parse_uri(settings.visible.uri).path)).frame_sets()
        yield (moment for moment in moments if isinstance(moment, FramePair))
    elif is_live_pair(settings):
        with LiveSession(settings, SystemClock()) as live:
            yield live_pairs(live)
    else:
        with (
            _open(settings.visible, settings.thermal, "visible") as visible,
            _open(settings.thermal, settings.visible, "thermal") as thermal,
        ):
            rates = (cast(Source, frames.upstream).info.rate for frames in (visible, thermal))
            pairer = OfflinePairer(settings.pairing, *rates)
            yield (pair for pair in pair_streams(visible, thermal, pairer) if isinstance(pair, FramePair))


def live_pairs(live: LiveSession, patience_s: float = LIVE_PATIENCE_S) -> Iterator[FramePair]:
    """Pairs of two cameras; ends with a warning where one goes away and does not come back.

    Args:
        live: the cameras.
        patience_s: time without a pair after which it ends.

    Raises:
        SourceError: no pair came at all.
    """
    count = 0
    while not live.is_over:
        moment = live.next(patience_s)
        if isinstance(moment, FramePair):
            count += 1
            yield moment
        elif moment is None and not live.is_over:
            lost = [camera for camera in live.cameras.values() if camera.account.state != "streaming"]
            why = f"no picture comes from the {lost[0].describe()}" if lost else live.why_nothing()
            if not count:
                raise SourceError(f"the cameras gave no pair of frames in {patience_s:.0f} s: {why}")
            _log.warning("no pair of frames for %.0f s (%s); those before are used", patience_s, why)
            return


def _open(
    settings: InputSettings, partner: InputSettings, role: Side
) -> AbstractContextManager[Prefetch[Frame]]:
    return prefetch(
        lambda: open_source(settings, role, torch.device("cpu"), partner),
        AHEAD,
        name=role,
        patience_s=SOURCE_PATIENCE_S,
    )
