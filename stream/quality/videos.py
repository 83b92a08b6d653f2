"""Fused videos with their source videos, frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from gifnet.eval import measure
from gifnet.eval.single import Grey
from stream.config import InputSettings
from stream.errors import SourceError
from stream.frame import Frame
from stream.quality.inputs import check_size
from stream.quality.temporal import measure_video
from stream.sources import open_source

Trio = tuple[Grey, Grey, Grey]


@dataclass(frozen=True, slots=True)
class Clip:
    """One fused video of one method and its sources; every `every`-th frame is measured as a picture."""

    method: str
    fused: Path
    visible: Path
    thermal: Path
    metrics: tuple[str, ...] = ()
    every: int = 10


def measure_clip(clip: Clip) -> dict[str, float]:
    """Means of the metrics of pictures over every n-th frame, and the temporal metrics of all frames.

    Raises:
        SourceError: a video that cannot be read, of another size, or of fewer than three frames.
    """
    stills: list[dict[str, float]] = []
    count = 0

    def watched() -> Iterator[Trio]:
        nonlocal count
        for trio in read_clip(clip):
            if count % clip.every == 0:
                stills.append(measure(*trio, names=clip.metrics))
            count += 1
            yield trio

    steadiness = measure_video(watched())
    if count < 3:
        raise SourceError(f"{clip.fused} has {count} frames; temporal metrics need at least 3")
    return {name: float(np.mean([still[name] for still in stills])) for name in stills[0]} | steadiness


def read_clip(clip: Clip) -> Iterator[Trio]:
    """Each fused frame with the visible and thermal frame nearest in time, [H, W] uint8 luma.

    Raises:
        SourceError: a video that cannot be read, or of another size.
    """
    paths = (clip.fused, clip.visible, clip.thermal)
    for path in paths:
        if not path.exists():
            raise SourceError(f"{path} does not exist; name a video or a folder of frames")
    sources = [open_source(InputSettings(uri=str(path)), "visible") for path in paths]
    try:
        nearest = [_nearest(iter(source)) for source in sources[1:]]
        for frame in sources[0]:
            trio = (_grey(frame), *(_grey(find(frame)) for find in nearest))
            for path, picture in zip(paths, trio, strict=True):
                check_size(str(path), picture, str(clip.visible), trio[1])
            yield trio[0], trio[1], trio[2]
    finally:
        for source in sources:
            source.close()


def _nearest(frames: Iterator[Frame]) -> Callable[[Frame], Frame]:
    """A function that gives the frame nearest in time to one of another video, asked in order of time."""
    current, following = next(frames), next(frames, None)

    def find(wanted: Frame) -> Frame:
        nonlocal current, following
        while following is not None and abs(following.time_s - wanted.time_s) <= abs(
            current.time_s - wanted.time_s
        ):
            current, following = following, next(frames, None)
        return current

    return find


def _grey(frame: Frame) -> Grey:
    return np.asarray(cv2.cvtColor(np.asarray(frame.pixels), cv2.COLOR_RGB2GRAY), np.uint8)
