"""Which picture of a fused frame is shown or written."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from torch import Tensor

from cuda_kernels import reference
from stream.colour_table import heat
from stream.frame import FusedFrame, Pixels, View

SQUARE_PX = 32


def render(frame: FusedFrame, view: View) -> Pixels:
    """The picture of a fused frame that a view asks for.

    Args:
        frame: a fused frame, H by W pixels.
        view: `side-by-side` is visible, thermal and fused from left to right; `checkerboard` has squares of
            visible and of thermal in turn, on whose edges misregistration shows; `thermal-colour` is thermal
            in the colours of `colour_table.heat`.

    Returns:
        [H, W', 3] uint8 RGB, W' is W, or 3 W side by side; thermal is grey unless the view says colour. May
        share memory with the frame.
    """
    return RENDERERS[view](frame)


def _thermal(frame: FusedFrame) -> Pixels:
    return np.repeat(frame.thermal[..., None], 3, axis=2)


def _thermal_colour(frame: FusedFrame) -> Pixels:
    return _pixels(reference.colour_map(_tensor(frame.thermal), _heat()))


def _side_by_side(frame: FusedFrame) -> Pixels:
    pictures = _tensor(frame.visible), _tensor(frame.thermal), _tensor(frame.pixels)
    return _pixels(reference.side_by_side(*pictures))


def _checkerboard(frame: FusedFrame) -> Pixels:
    return _pixels(reference.checkerboard(_tensor(frame.visible), _tensor(frame.thermal), SQUARE_PX))


RENDERERS: dict[View, Callable[[FusedFrame], Pixels]] = {
    "fused": lambda frame: frame.pixels,
    "visible": lambda frame: frame.visible,
    "thermal": _thermal,
    "thermal-colour": _thermal_colour,
    "side-by-side": _side_by_side,
    "checkerboard": _checkerboard,
}


@cache
def _heat() -> Tensor:
    return torch.from_numpy(heat())


def _tensor(pixels: Pixels) -> Tensor:
    # torch warns of arrays that cannot be written, although nobody writes.
    return torch.from_numpy(pixels if pixels.flags.writeable else pixels.copy())


def _pixels(picture: Tensor) -> Pixels:
    pixels: Pixels = picture.numpy()
    return pixels
