"""Fusion of two streams in Python, as an iterator of frames."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from typing import Any, Self, TypeAlias, TypeGuard

from stream.config import NAMES, FuseSettings, validate
from stream.config.merge import overlay
from stream.errors import ConfigError, SourceError
from stream.frame import FusedFrame, Side
from stream.monitoring.loss import check_loss
from stream.monitoring.report import RunReport
from stream.pipeline.open import open_fused
from stream.runtime.clock import SystemClock
from stream.runtime.cpu_threads import OneThreadEach
from stream.sources.arrays import GivenFrames, give, given, split_item
from stream.sources.live import is_live

_log = logging.getLogger(__name__)


class LiveCamera:
    """Pictures that come at a camera's pace: late ones are dropped, not waited for; see `live_camera`."""

    def __init__(self, frames: GivenFrames) -> None:
        self.frames = frames


CameraInput: TypeAlias = str | Path | Iterable[Any] | Callable[[], Iterable[Any]] | LiveCamera


def live_camera(frames: Iterable[Any] | Callable[[], Iterable[Any]]) -> LiveCamera:
    """A camera that Python code reads, as an input of `fuse`.

    Args:
        frames: an iterable whose end is the end of the camera, or a function that gives one for each
            connection; items as `fuse` takes them, with times in seconds since 1970.
    """
    if callable(frames):
        return LiveCamera(GivenFrames(frames, finite=False))
    return LiveCamera(GivenFrames(lambda: frames))


def fuse(visible: CameraInput, thermal: CameraInput, **settings: Any) -> FusedFrames:
    """Fuse two streams in Python: `for frame in stream.fuse("visible.mp4", "thermal.mp4"): frame.pixels`.

    Args:
        visible: path or URI of the visible stream, or an iterable of [H, W, 3] uint8 RGB arrays or of
            `(array, seconds)` tuples. Every picture of an iterable is read and kept until it is fused or
            found to have no partner; two iterables without times are paired one by one. Pictures of a
            camera come through `live_camera`, a function, or beside a live URI: late ones are dropped.
        thermal: the same for the thermal stream, of [H, W] uint8 or uint16 arrays.
        settings: options of `gifnet run` by name, for example `weights="published"`, `tolerance_ms=10` or
            `calibration="front.yaml"`; all but those of outputs.

    Returns:
        Fused frames in the order of their times, for `for` and `async for`. Everything closes with the last
        one, and when the iterator is closed or forgotten.

    Raises:
        GifnetError: settings at once, everything else with the first frame or where it happens; `LossError`
            after the last frame.
    """
    check_names(settings, "stream.fuse")
    sides: dict[Side, CameraInput] = {"visible": visible, "thermal": thermal}
    live = any(_is_live(one) for one in sides.values())
    recorded = {} if live else {side: _Recorded(one) for side, one in sides.items() if _is_iterable(one)}
    inputs = {side: _uri(recorded.get(side, one)) for side, one in sides.items()}
    named = {name: str(value) if isinstance(value, Path) else value for name, value in settings.items()}
    checked = validate(FuseSettings, overlay({}, inputs | named), "stream.fuse")
    return FusedFrames(_fuse(checked, recorded))


def check_names(settings: dict[str, Any], function: str) -> None:
    """Refuse names of settings that fusion in Python does not have.

    Raises:
        ConfigError: names the unknown ones and all known ones.
    """
    allowed = [name for name, place in NAMES.items() if place.split(".")[0] in FuseSettings.model_fields]
    unknown = sorted(set(settings) - set(allowed))
    if unknown:
        near = [match for name in unknown for match in get_close_matches(name, allowed, 1)]
        meant = f" (did you mean {' and '.join(near)}?)" if near else ""
        raise ConfigError(
            f"{function} has no setting {', '.join(unknown)}, allowed are {', '.join(allowed)}{meant}"
        )


class FusedFrames(Iterator[FusedFrame], AsyncIterator[FusedFrame]):
    """Fused frames, once through, for `for` and `async for`; `close` ends early."""

    def __init__(self, frames: Iterator[FusedFrame]) -> None:
        self._frames = frames

    def __iter__(self) -> Self:
        """The iterator itself."""
        return self

    def __next__(self) -> FusedFrame:
        """The next fused frame."""
        return next(self._frames)

    def __aiter__(self) -> Self:
        """The iterator itself."""
        return self

    async def __anext__(self) -> FusedFrame:
        """The next fused frame; it is waited for on another thread."""
        frame = await asyncio.to_thread(next, self._frames, None)
        if frame is None:
            raise StopAsyncIteration
        return frame

    def close(self) -> None:
        """End the threads and close the inputs."""
        self._frames.close()  # type: ignore[attr-defined]

    async def aclose(self) -> None:
        """End the threads and close the inputs."""
        await asyncio.to_thread(self.close)


class _Recorded:
    """An iterable of which the first item can be looked at before it is read."""

    def __init__(self, frames: Iterable[Any]) -> None:
        self._frames = frames

    def is_timed(self) -> bool:
        """True where pictures come with their times."""
        items = iter(self._frames)
        first = list(item for _, item in zip(range(1), items, strict=False))
        self._frames = chain(first, items)
        return bool(first) and split_item(first[0])[1] is not None

    def items(self) -> Iterable[Any]:
        """All of it."""
        return self._frames


def _fuse(settings: FuseSettings, recorded: dict[Side, _Recorded]) -> Iterator[FusedFrame]:
    report = RunReport(SystemClock())
    try:
        _check_times(settings, recorded)
        with OneThreadEach() as threads, open_fused(settings, report) as fused, fused.ahead() as frames:
            for frame in frames:
                with threads.paused():
                    yield frame
        check_loss(report, settings.allow_loss)
    finally:
        for source in (settings.visible, settings.thermal):
            given.pop(source.uri.partition("://")[2], None)
        left = {reason: count for reason, count in sorted(report.dropped.items()) if count}
        if left:
            _log.warning(
                "not fused: %s frames", ", ".join(f"{count} {reason}" for reason, count in left.items())
            )


def _check_times(settings: FuseSettings, recorded: dict[Side, _Recorded]) -> None:
    """Refuse pictures without times beside a stream that has some."""
    timed = {side: frames.is_timed() for side, frames in recorded.items()}
    if not timed or all(timed.values()) or (len(timed) == 2 and not any(timed.values())):
        return
    for side, is_timed in timed.items():
        if not is_timed and getattr(settings, side).rate is None:
            raise SourceError(
                f"the pictures of the {side} input have no times, those of the other one have: "
                f"give (array, seconds) tuples, or {side}_rate=FRAMES_A_SECOND"
            )


def _is_iterable(camera: CameraInput) -> TypeGuard[Iterable[Any]]:
    return not isinstance(camera, str | Path | LiveCamera) and not callable(camera)


def _is_live(camera: CameraInput) -> bool:
    if isinstance(camera, str | Path):
        return is_live(str(camera))
    return isinstance(camera, LiveCamera) or callable(camera)


def _uri(camera: CameraInput | _Recorded) -> str:
    if isinstance(camera, _Recorded):
        return f"arrays://{give(GivenFrames(camera.items))}"
    if isinstance(camera, str | Path):
        return str(camera)
    return f"python://{give((camera if isinstance(camera, LiveCamera) else live_camera(camera)).frames)}"
