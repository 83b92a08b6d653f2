"""Fused frames for tests of what comes after fusion."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.frame import Frame, FramePair, FusedFrame


def fused_frame(
    index: int,
    time_s: Fraction | None = None,
    size: tuple[int, int] = (64, 48),
    pixels: NDArray[Any] | None = None,
) -> FusedFrame:
    """A fused frame, by default a colour gradient that drifts with the index, at 25 frames a second.

    Args:
        index: position among the fused frames.
        time_s: capture time, by default index / 25.
        size: width and height in pixels, where no pixels are given.
        pixels: [H, W, 3] uint8 RGB of the fused picture.
    """
    time_s = Fraction(index, 25) if time_s is None else time_s
    if pixels is None:
        pixels = gradient(index, size)
    visible = pixels[:, ::-1].copy()
    thermal = pixels[::-1, :, 1].copy()
    pair = FramePair(
        visible=Frame(visible, "rgb24", time_s, "pts", index),
        thermal=Frame(thermal, "gray8", time_s, "pts", index),
        time_s=time_s,
        pairing_error_s=0.0,
    )
    return FusedFrame(picture=pixels, visible_picture=visible, thermal=thermal, pair=pair, index=index)


def gradient(index: int, size: tuple[int, int]) -> NDArray[Any]:
    """[H, W, 3] uint8, smooth, so that encoders keep it well."""
    width, height = size
    across = np.linspace(40, 200, width)[None, :] + 0 * np.arange(height)[:, None]
    down = np.linspace(30, 180, height)[:, None] + 0 * np.arange(width)[None, :]
    return np.stack([across, down, 0 * across + 60 + index % 100], axis=-1).round().astype(np.uint8)
