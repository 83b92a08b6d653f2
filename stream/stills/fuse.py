"""Fusion of still pictures, with the colour rule of every published task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from cuda_kernels import reference
from gifnet.model import Fusion
from stream.frame import Pixels
from stream.registration.registrar import Registrar
from stream.stills.picture import Picture

Network = Fusion


class Registered(NamedTuple):
    """A picture on the grid of another one.

    Attributes:
        picture: the warped picture.
        coverage: [H, W] float32 in 0..1, 0 where it sees nothing; None where it sees everything.
    """

    picture: Picture
    coverage: Tensor | None


def register(picture: Picture, registrar: Registrar) -> Registered:
    """Bring a thermal picture onto the visible grid."""
    if registrar.maps is None:
        return Registered(picture, None)
    luma, _ = reference.warp(picture.luma, *registrar.maps)
    if picture.chroma is None:
        return Registered(Picture(luma, None), registrar.coverage)
    cb, cr = (reference.warp(plane, *registrar.maps)[0] for plane in picture.chroma)
    return Registered(Picture(luma, (cb, cr)), registrar.coverage)


@torch.inference_mode()
def fuse_two(first: Picture, second: Picture, network: Network, coverage: Tensor | None = None) -> Picture:
    """Fuse two pictures of one size.

    Luma goes through the network. Colour comes from the one input that has any; of two, from both, each
    weighted by its distance from grey as in the published code (see `reference.blend_chroma`).

    Args:
        first: visible; for tasks other than visible and thermal the published network's second input.
        second: thermal.
        network: from `gifnet.load`.
        coverage: of the second, see `Registered`; where it is 0 the first picture stays.

    Returns:
        The fused picture, its luma not rounded.
    """
    if coverage is None:
        fused = network(first.luma[None, None] / 255, second.luma[None, None] / 255)[0, 0]
        return Picture((fused * 255).clamp(0, 255), _fused_chroma(first, second))
    packed = reference.to_network_input(first.luma, second.luma / 255, coverage)
    fused = network(packed[0][None, None], packed[1][None, None])[0, 0]
    luma = reference.blend_by_coverage(first.luma, fused, coverage).clamp(0, 255)
    chroma = _fused_chroma(first, second)
    if chroma is None or second.chroma is None:
        return Picture(luma, chroma)
    own = first.chroma or (torch.zeros_like(luma), torch.zeros_like(luma))
    cb, cr = (torch.lerp(one, both, coverage) for one, both in zip(own, chroma, strict=True))
    return Picture(luma, (cb, cr))


def fuse_stack(count: int, load: Callable[[int], Picture], network: Network) -> Picture:
    """Fuse any number of pictures of one size, two by two, neighbours first.

    A tree of pairs passes each picture through the network log2(count) times, a chain up to count - 1 times,
    and every pass sharpens.

    Args:
        count: number of pictures.
        load: gives a picture by its index; few are held at once.
        network: from `gifnet.load`.
    """

    def fold(indices: Sequence[int]) -> Picture:
        if len(indices) == 1:
            return load(indices[0])
        half = (len(indices) + 1) // 2
        return fuse_two(fold(indices[:half]), fold(indices[half:]), network)

    return fold(range(count))


def to_pixels(picture: Picture, top: int = 255) -> Pixels:
    """A picture as pixels to store.

    Args:
        picture: luma and chroma.
        top: the count that is white; up to 255 gives uint8, above it uint16.

    Returns:
        [H, W, 3] RGB, or [H, W] where the picture is grey.
    """
    # Rounding half to even is what OpenCV does when it writes a float picture.
    if top <= 255:
        if picture.chroma is not None:
            return np.asarray(reference.merge(picture.luma, *picture.chroma).cpu().numpy())
        return np.asarray(picture.luma.round().to(torch.uint8).cpu().numpy())
    shown = picture.luma
    if picture.chroma is not None:
        cb, cr = picture.chroma
        red, green, blue = shown + 1.402 * cr, shown - 0.344136 * cb - 0.714136 * cr, shown + 1.772 * cb
        shown = torch.stack((red, green, blue), dim=-1)
    return np.asarray((shown.cpu().numpy() * (top / 255)).round().clip(0, top).astype(np.uint16))


def _fused_chroma(first: Picture, second: Picture) -> reference.TensorPair | None:
    if first.chroma is not None and second.chroma is not None:
        return reference.blend_chroma(*first.chroma, *second.chroma)
    return first.chroma if second.chroma is None else second.chroma
