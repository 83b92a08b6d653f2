"""The rate at which the cores of this machine fuse by lite, from a file to a file."""

from __future__ import annotations

import tempfile
import time
from fractions import Fraction
from pathlib import Path

import numpy as np

from stream.config import FuseSettings, InputSettings
from stream.device.context import HostContext
from stream.doctor.row import Row
from stream.frame import FramePair, Pixels
from stream.fusion.fuser import Fuser
from stream.fusion.model_choice import figure
from stream.picture import size_of
from stream.runtime.clock import SystemClock
from stream.runtime.cpu_threads import OneThreadEach, cores
from stream.runtime.stage_times import StageTimes
from stream.sinks.base import SinkOptions
from stream.sinks.video.encoders import choose_encoder
from stream.sinks.video.file import VideoFile
from stream.sources import open_source

SIZES = ((640, 480), (1280, 1024), (1920, 1080))
FRAMES, WARM_UP = 5, 2
# Stages wait for each other now and then.
USABLE = 0.8
CAMERA_RATE = 25.0


def lite_row() -> Row:
    """Decode, fuse and encode a few frames of each size, and count the time of the processor."""
    with tempfile.TemporaryDirectory() as folder, OneThreadEach():
        rates = [held_rate(core_seconds(Path(folder), size), cores()) for size in SIZES]
    return rate_row(dict(zip(SIZES, rates, strict=True)), cores())


def rate_row(rates: dict[tuple[int, int], float], count: int) -> Row:
    """What is said of measured rates.

    Args:
        rates: frames a second by size.
        count: cores that hold them.
    """
    words = ", ".join(f"{width}x{height} {figure(rate)}" for (width, height), rate in rates.items())
    found = f"{words} frames/s by {count} core{'s' * (count > 1)}"
    if rates[SIZES[0]] >= CAMERA_RATE:
        return Row("lite, file to file", "ok", found)
    remedy = "below camera rate: take smaller pictures or a lower rate from the cameras, or a CPU with AVX2"
    return Row("lite, file to file", "missing", found, remedy)


def held_rate(seconds: float, count: int) -> float:
    """Frames a second that cores hold.

    Args:
        seconds: of one core for a frame.
        count: of cores.
    """
    return USABLE * count / max(seconds, 1e-9)


def core_seconds(folder: Path, size: tuple[int, int]) -> float:
    """Seconds of one core for a frame of a size: two decoders, fusion by lite, an encoder."""
    paths = [_write(folder / f"{side}-{size[0]}.mp4", size) for side in ("visible", "thermal")]
    inputs = {side: {"uri": str(path)} for side, path in zip(("visible", "thermal"), paths, strict=True)}
    settings = FuseSettings.model_validate(inputs | {"fusion": {"model": "lite"}})
    with (
        open_source(InputSettings(uri=str(paths[0])), "visible") as visible,
        open_source(InputSettings(uri=str(paths[1])), "thermal") as thermal,
    ):
        fuser = Fuser(settings, visible.info, thermal.info, HostContext(), StageTimes(SystemClock()))
        out = _open(folder / "out.mp4", size)
        began_s = 0.0
        for index, (seen, felt) in enumerate(zip(visible, thermal, strict=True)):
            if index == WARM_UP:
                began_s = time.process_time()
            pair = FramePair(seen, felt, seen.time_s, 0.0)
            for frame in fuser.submit([pair]).result():
                assert size_of(frame.picture) == size
                out.add(frame.picture, frame.time)
        out.finish()
        took_s = time.process_time() - began_s
        fuser.close()
    return took_s / (FRAMES - WARM_UP)


def _open(path: Path, size: tuple[int, int]) -> VideoFile:
    return VideoFile(str(path), "mp4", choose_encoder(None, None), SinkOptions(), size, Fraction(0))


def _write(path: Path, size: tuple[int, int]) -> Path:
    """A short clip of something that moves, with noise as cameras have it."""
    file = _open(path, size)
    for index in range(FRAMES):
        file.add(_picture(size, index), Fraction(index, 25))
    file.finish()
    return path


def _picture(size: tuple[int, int], index: int) -> Pixels:
    width, height = size
    across, down = np.meshgrid(np.arange(width) + 3 * index, np.arange(height))
    noise = np.random.default_rng(index).normal(0, 3, (height, width))
    grey = 110 + 60 * np.sin(across / 60) * np.cos(down / 45) + noise
    return np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
