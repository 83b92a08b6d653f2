"""Brightness and colour of pictures, with the rows of the published code."""

from __future__ import annotations

import torch
from torch import Tensor

from cuda_kernels.reference.results import TensorPair, deliver

LUMA_ROW = (0.299, 0.587, 0.114)
CB_ROW = (-0.169, -0.331, 0.5)
CR_ROW = (0.5, -0.419, -0.081)


def luma(rgb: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Brightness of each pixel as whole numbers, as the published code feeds it to the network.

    0.299 R + 0.587 G + 0.114 B, summed from left to right in float64, clipped to 0..255 and truncated.
    float64 because a truncated sum jumps a whole level where rounding lands just below an integer.

    Args:
        rgb: [H, W, 3] uint8.
        out: [H, W] float32 to write into.

    Returns:
        [H, W] float32, whole numbers in 0..255.
    """
    return deliver(_weighted_sum(rgb, LUMA_ROW).clamp(0, 255).trunc(), out, torch.float32)


def chroma(rgb: Tensor, *, out: TensorPair | None = None) -> TensorPair:
    """Colour differences of each pixel, with the published rows and no offset of 128.

    Args:
        rgb: [H, W, 3] uint8.
        out: two [H, W] float32 to write into.

    Returns:
        cb and cr, each [H, W] float32 in -127.5..127.5, 0 for grey.
    """
    cb_out, cr_out = out or (None, None)
    cb = deliver(_weighted_sum(rgb, CB_ROW), cb_out, torch.float32)
    cr = deliver(_weighted_sum(rgb, CR_ROW), cr_out, torch.float32)
    return cb, cr


def merge(luma: Tensor, cb: Tensor, cr: Tensor, *, out: Tensor | None = None) -> Tensor:
    """RGB picture of a brightness and two colour differences, with the published inverse.

    R = Y + 1.402 Cr, G = Y - 0.344136 Cb - 0.714136 Cr, B = Y + 1.772 Cb, clipped to 0..255 and rounded
    half to even.

    Args:
        luma: [H, W] float32 in 0..255; need not be whole.
        cb: [H, W] float32.
        cr: [H, W] float32.
        out: [H, W, 3] uint8 to write into.

    Returns:
        [H, W, 3] uint8 RGB.
    """
    red = luma + 1.402 * cr
    green = luma - 0.344136 * cb - 0.714136 * cr
    blue = luma + 1.772 * cb
    rgb = torch.stack((red, green, blue), dim=-1)
    return deliver(rgb.clamp(0, 255).round(), out, torch.uint8)


def blend_chroma(
    cb1: Tensor, cr1: Tensor, cb2: Tensor, cr2: Tensor, *, out: TensorPair | None = None
) -> TensorPair:
    """Colour of two colour inputs: each component weighted by its distance from 128, as published.

    The published colour differences carry no offset, so their neutral value is 0, yet its rule measures
    the distance from 128. That is kept, because results shall equal the published ones.

    Args:
        cb1: [H, W] float32 of the first input.
        cr1: [H, W] float32 of the first input.
        cb2: [H, W] float32 of the second input.
        cr2: [H, W] float32 of the second input.
        out: two [H, W] float32 to write into.

    Returns:
        cb and cr, each [H, W] float32; 128 where both inputs are exactly 128.
    """
    cb_out, cr_out = out or (None, None)
    cb = deliver(_distance_weighted(cb1, cb2), cb_out, torch.float32)
    cr = deliver(_distance_weighted(cr1, cr2), cr_out, torch.float32)
    return cb, cr


def blend_by_coverage(luma: Tensor, fused: Tensor, coverage: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Fused brightness where the thermal camera sees, visible brightness elsewhere.

    `torch.lerp(luma, 255 * fused, coverage)`.

    Args:
        luma: [H, W] float32 in 0..255, of the visible picture.
        fused: [H, W] float32 in 0..1, the network's picture.
        coverage: [H, W] float32 in 0..1, 1 where the thermal camera sees.
        out: [H, W] float32 to write into.

    Returns:
        [H, W] float32 in 0..255.
    """
    return deliver(torch.lerp(luma, 255 * fused, coverage), out, torch.float32)


def _weighted_sum(rgb: Tensor, row: tuple[float, float, float]) -> Tensor:
    red, green, blue = rgb.to(torch.float64).unbind(dim=-1)
    return row[0] * red + row[1] * green + row[2] * blue


def _distance_weighted(first: Tensor, second: Tensor) -> Tensor:
    first, second = first.to(torch.float64), second.to(torch.float64)
    weight1, weight2 = (first - 128).abs(), (second - 128).abs()
    total = weight1 + weight2
    return torch.where(total == 0, 128.0, (first * weight1 + second * weight2) / total)
