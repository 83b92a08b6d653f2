"""Watches two streams for a while and estimates the offset between their clocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from stream.config import FuseSettings, InputSettings
from stream.errors import SourceError
from stream.frame import Frame, Side
from stream.live.session import LiveSession, is_live_pair
from stream.runtime.clock import Clock
from stream.sources import open_source
from stream.sync_check.cross_correlation import OffsetEstimate, estimate_offset
from stream.sync_check.motion import Motion, MotionMeter

PATIENCE_S = 0.05


@dataclass(frozen=True, slots=True)
class SyncCheck:
    """The result of comparing two streams."""

    visible: Motion
    thermal: Motion
    estimate: OffsetEstimate


def check_sync(
    settings: FuseSettings,
    seconds: float,
    largest_s: float,
    clock: Clock,
    goes_on: Callable[[], bool] = lambda: True,
) -> SyncCheck:
    """Watch two streams.

    Args:
        settings: where the streams are.
        seconds: how much of them is looked at, and how long a live camera may be absent.
        largest_s: largest offset to look for, in seconds.
        clock: for live cameras.
        goes_on: asked between frames; False ends the watching.

    Raises:
        SourceError: a stream cannot be read.
    """
    meters: dict[Side, MotionMeter] = {"visible": MotionMeter(), "thermal": MotionMeter()}
    if is_live_pair(settings):
        _watch_live(settings, meters, seconds, clock, goes_on)
    else:
        _watch_recorded(settings.visible, "visible", meters["visible"], seconds, goes_on)
        _watch_recorded(settings.thermal, "thermal", meters["thermal"], seconds, goes_on)
    visible, thermal = meters["visible"].motion(), meters["thermal"].motion()
    return SyncCheck(visible, thermal, estimate_offset(visible, thermal, largest_s))


def _watch_live(
    settings: FuseSettings,
    meters: dict[Side, MotionMeter],
    seconds: float,
    clock: Clock,
    goes_on: Callable[[], bool],
) -> None:
    opened_s, is_begun = clock.monotonic_s(), False
    with LiveSession(settings, clock, keep_frames=True) as live:
        while goes_on() and not live.is_over:
            live.next(PATIENCE_S)
            taken = live.taken()
            for side, frame in taken:
                meters[side].add(frame)
            # The time counts from when both are there.
            if not is_begun and all(camera.account.frames for camera in live.cameras.values()):
                opened_s, is_begun = clock.monotonic_s(), True
            if clock.monotonic_s() - opened_s > seconds:
                break
        for camera in live.cameras.values():
            if not camera.account.frames:
                raise SourceError(f"no picture came from the {camera.describe()}")


def _watch_recorded(
    settings: InputSettings, side: Side, meter: MotionMeter, seconds: float, goes_on: Callable[[], bool]
) -> None:
    with open_source(settings, side) as source:
        _watch(source, meter, seconds, goes_on)


def _watch(frames: Iterable[Frame], meter: MotionMeter, seconds: float, goes_on: Callable[[], bool]) -> None:
    first_s = None
    for frame in frames:
        first_s = frame.time_s if first_s is None else first_s
        if frame.time_s - first_s > seconds or not goes_on():
            return
        meter.add(frame)
