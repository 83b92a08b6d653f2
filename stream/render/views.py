"""Views of a fused frame: the pictures that can be shown or written.

torch is loaded with the first view that needs it: who only asks which outputs there are does without.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from stream.frame import ColourMap, FusedFrame, Pixels, View
from stream.picture import YuvPlanes
from stream.render.colour_maps import colour_table

if TYPE_CHECKING:
    from torch import Tensor

SQUARE_PX = 32


def render(frame: FusedFrame, view: View, colour_map: ColourMap = "heat") -> Pixels:
    """The picture of a fused frame that a view asks for.

    Args:
        frame: a fused frame, H by W pixels.
        view: `side-by-side` is visible, thermal and fused from left to right; `checkerboard` has squares of
            visible and of thermal in turn, on whose edges misregistration shows; `thermal-colour` is thermal
            in the colours of a map.
        colour_map: of `thermal-colour`; others show no colours but the camera's.

    Returns:
        [H, W', 3] uint8 RGB, W' is W, or 3 W side by side; thermal is grey unless the view says colour. May
        share memory with the frame.
    """
    return _thermal_colour(frame, colour_map) if view == "thermal-colour" else RENDERERS[view](frame)


def kept_picture(frame: FusedFrame, view: View, colour_map: ColourMap = "heat") -> Pixels | YuvPlanes:
    """As `render`, but planes for a view that is kept as planes, for sinks that take them."""
    if view == "fused":
        return frame.picture
    return frame.visible_picture if view == "visible" else render(frame, view, colour_map)


def view_size(frame: FusedFrame, view: View) -> tuple[int, int]:
    """Width and height of what `render` gives."""
    width, height = frame.size
    return (3 * width if view == "side-by-side" else width), height


def _thermal(frame: FusedFrame) -> Pixels:
    return np.repeat(frame.thermal[..., None], 3, axis=2)


def _thermal_colour(frame: FusedFrame, colour_map: ColourMap) -> Pixels:
    from cuda_kernels import reference

    return _pixels(reference.colour_map(_tensor(frame.thermal), _table(colour_map)))


def _side_by_side(frame: FusedFrame) -> Pixels:
    from cuda_kernels import reference

    pictures = _tensor(frame.visible), _tensor(frame.thermal), _tensor(frame.pixels)
    return _pixels(reference.side_by_side(*pictures))


def _checkerboard(frame: FusedFrame) -> Pixels:
    from cuda_kernels import reference

    return _pixels(reference.checkerboard(_tensor(frame.visible), _tensor(frame.thermal), SQUARE_PX))


RENDERERS: dict[View, Callable[[FusedFrame], Pixels]] = {
    "fused": lambda frame: frame.pixels,
    "visible": lambda frame: frame.visible,
    "thermal": _thermal,
    "thermal-colour": partial(_thermal_colour, colour_map="heat"),
    "side-by-side": _side_by_side,
    "checkerboard": _checkerboard,
}


@cache
def _table(colour_map: ColourMap) -> Tensor:
    return _tensor(colour_table(colour_map))


def _tensor(pixels: Pixels) -> Tensor:
    import torch

    # torch warns about read-only arrays, even if they are only read.
    return torch.from_numpy(pixels if pixels.flags.writeable else pixels.copy())


def _pixels(picture: Tensor) -> Pixels:
    pixels: Pixels = picture.numpy()
    return pixels
