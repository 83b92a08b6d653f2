"""Pairs of frames of two streams, live or recorded, before anything is registered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import cast

import torch

from stream.config import FuseSettings, InputSettings
from stream.frame import Frame, FramePair, Side
from stream.live.session import LiveSession, is_live_pair
from stream.pairing.offline import OfflinePairer, pair_streams
from stream.recording.reader import Recording
from stream.runtime.clock import SystemClock
from stream.runtime.prefetch import SOURCE_PATIENCE_S, Prefetch, prefetch
from stream.sources import Source, open_source
from stream.uri import parse_uri

AHEAD = 4


@contextmanager
def open_pairs(settings: FuseSettings) -> Iterator[Iterator[FramePair]]:
    """Pairs of one moment, in the order of their times.

    Args:
        settings: sources and pairing.

    Raises:
        SourceError: a stream cannot be read.
    """
    if parse_uri(settings.visible.uri).scheme == "replay":
        moments = Recording(Path(parse_uri(settings.visible.uri).path)).frame_sets()
        yield (moment for moment in moments if isinstance(moment, FramePair))
    elif is_live_pair(settings):
        with LiveSession(settings, SystemClock()) as live:
            yield (moment for moment in live if isinstance(moment, FramePair))
    else:
        with (
            _open(settings.visible, settings.thermal, "visible") as visible,
            _open(settings.thermal, settings.visible, "thermal") as thermal,
        ):
            rates = (cast(Source, frames.upstream).info.rate for frames in (visible, thermal))
            pairer = OfflinePairer(settings.pairing, *rates)
            yield (pair for pair in pair_streams(visible, thermal, pairer) if isinstance(pair, FramePair))


def _open(
    settings: InputSettings, partner: InputSettings, role: Side
) -> AbstractContextManager[Prefetch[Frame]]:
    return prefetch(
        lambda: open_source(settings, role, torch.device("cpu"), partner),
        AHEAD,
        name=role,
        patience_s=SOURCE_PATIENCE_S,
    )
