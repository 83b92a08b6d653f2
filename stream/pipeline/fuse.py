"""Fusion of two streams in Python, as an iterator of frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from stream.config import NAMES, FuseSettings, validate
from stream.config.merge import overlay
from stream.errors import ConfigError
from stream.frame import FusedFrame
from stream.monitoring.loss import check_loss
from stream.monitoring.report import RunReport
from stream.pipeline.open import open_fused
from stream.runtime.clock import SystemClock
from stream.sources.live.iterable import give

CameraInput = str | Path | Iterable[Any] | Callable[[], Iterable[Any]]


def fuse(visible: CameraInput, thermal: CameraInput, **settings: Any) -> Iterator[FusedFrame]:
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
        GifnetError: settings at once, everything else with the first frame or where it happens; `LossError`
            after the last frame.
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


def _uri(camera: CameraInput) -> str:
    return str(camera) if isinstance(camera, str | Path) else give(camera)


def _fuse(settings: FuseSettings) -> Iterator[FusedFrame]:
    report = RunReport(SystemClock())
    with open_fused(settings, report) as fused, fused.ahead() as frames:
        yield from frames
    check_loss(report, settings.allow_loss)
