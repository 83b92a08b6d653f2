"""Frames of cameras that send a picture above their counts, as YUYV."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from stream.frame import Pixels


def two_pictures(count: int = 3, dtype: str = "<u2") -> tuple[list[Pixels], list[Pixels]]:
    """Frames [384, 256, 2] uint8 as a P2 Pro sends them, and their counts [192, 256]."""
    frames, counts = [], []
    for index in range(count):
        above = np.full((192, 256, 2), 128, np.uint8)
        above[..., 0] = 90
        below = (29315 + np.arange(256)[None] // 2 + index + np.zeros((192, 1))).astype(np.uint16)
        below[60:100, 40:80] = 31000
        counts.append(below)
        frames.append(np.concatenate([above, below.astype(dtype).view(np.uint8).reshape(192, 256, 2)]))
    return frames, counts


def write(path: Path, frames: list[Pixels], codec: str, pixel_format: str) -> Path:
    """A video of such frames, their bytes as they are."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 256, 384, pixel_format
        for index, frame in enumerate(frames):
            picture = av.VideoFrame(256, 384, pixel_format)
            if pixel_format == "yuyv422":
                planes = [frame.reshape(384, 512)]
            else:
                planes = [frame[..., 0], frame[:, 0::2, 1], frame[:, 1::2, 1]]
            for plane, values in zip(picture.planes, planes, strict=True):
                padded = np.zeros((384, plane.line_size), np.uint8)
                padded[:, : values.shape[1]] = values
                plane.update(padded)
            picture.pts, picture.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path
