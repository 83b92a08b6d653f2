"""Pixel formats of cameras, decoders and encoders to the planes we work with, and back.

4:2:0 chroma is sited as H.264 and H.265 have it by default: horizontally on every second pixel, vertically
between two rows (ITU-T H.264, figure E-1, type 0). Odd sides have one chroma sample more than half of them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cuda_kernels.reference.colour import merge
from cuda_kernels.reference.results import TensorPair, deliver

TensorTriple = tuple[Tensor, Tensor, Tensor]


def rgb_from_nv12(y: Tensor, uv: Tensor, matrix: Tensor, *, out: Tensor | None = None) -> Tensor:
    """RGB of a semi-planar 4:2:0 picture: NV12, or P010 and P016 as uint16.

    Chroma is interpolated between its samples, in both directions, and repeated beyond the outermost ones.

    Args:
        y: [H, W] uint8 or uint16, as stored.
        uv: [ceil(H/2), ceil(W/2), 2] of the same format.
        matrix: [3, 4] float32: rows give red, green and blue in 0..255 from (y, u, v, 1) as stored; so colour
            matrix, range, bit depth and the place of the bits are all in it.
        out: [H, W, 3] uint8 to write into.

    Returns:
        [H, W, 3] uint8 RGB, rounded half to even.
    """
    height, width = y.shape
    u, v = _upsample(uv.to(torch.float32), height, width).unbind(dim=-1)
    rows = [row[0] * y.to(torch.float32) + row[1] * u + row[2] * v + row[3] for row in matrix]
    return deliver(torch.stack(rows, dim=-1).clamp(0, 255).round(), out, torch.uint8)


def rgb_from_yuv420p(y: Tensor, u: Tensor, v: Tensor, matrix: Tensor, *, out: Tensor | None = None) -> Tensor:
    """As `rgb_from_nv12`, with u and v in planes of their own, [ceil(H/2), ceil(W/2)]."""
    return rgb_from_nv12(y, torch.stack((u, v), dim=-1), matrix, out=out)


def rgb_from_bgr(bgr: Tensor, *, out: Tensor | None = None) -> Tensor:
    """RGB of a picture that is stored blue first.

    Args:
        bgr: [H, W, 3] uint8.
        out: [H, W, 3] uint8 to write into.

    Returns:
        [H, W, 3] uint8 RGB.
    """
    return deliver(bgr.flip(-1), out, torch.uint8)


def counts_from_gray(gray: Tensor, shift: int, *, out: Tensor | None = None) -> Tensor:
    """Counts of a grey picture of any bit depth.

    Args:
        gray: [H, W] uint8 or uint16, as stored.
        shift: bits by which the counts are moved up in memory; 0 where they are not.
        out: [H, W] uint16 to write into.

    Returns:
        [H, W] uint16.
    """
    return deliver(gray.to(torch.int32) >> shift, out, torch.uint16)


def merge_nv12(
    luma: Tensor, cb: Tensor, cr: Tensor, matrix: Tensor, *, out: TensorPair | None = None
) -> TensorPair:
    """NV12 picture of a brightness and two colour differences: that of their `merge`.

    The intermediate RGB is clipped and rounded, so that every output shows the same picture. Chroma is the
    mean of two rows, and of three columns with the weights 1, 2, 1, borders repeated.

    Args:
        luma: [H, W] float32 in 0..255.
        cb: [H, W] float32.
        cr: [H, W] float32.
        matrix: [3, 4] float32: rows give y, u and v as stored from (red, green, blue, 1).
        out: [H, W] and [ceil(H/2), ceil(W/2), 2] uint8 to write into.

    Returns:
        y and uv, uint8, rounded half to even.
    """
    y, u, v = merge_yuv420p(luma, cb, cr, matrix)
    y_out, uv_out = out or (None, None)
    return deliver(y, y_out, torch.uint8), deliver(torch.stack((u, v), dim=-1), uv_out, torch.uint8)


def merge_yuv420p(
    luma: Tensor, cb: Tensor, cr: Tensor, matrix: Tensor, *, out: TensorTriple | None = None
) -> TensorTriple:
    """As `merge_nv12`, with u and v in planes of their own, [ceil(H/2), ceil(W/2)]."""
    rgb = merge(luma, cb, cr).to(torch.float32)
    coarse = _downsample(rgb)
    y_out, u_out, v_out = out or (None, None, None)
    return (
        deliver(_quantised(rgb, matrix[0]), y_out, torch.uint8),
        deliver(_quantised(coarse, matrix[1]), u_out, torch.uint8),
        deliver(_quantised(coarse, matrix[2]), v_out, torch.uint8),
    )


def _quantised(rgb: Tensor, row: Tensor) -> Tensor:
    red, green, blue = rgb.unbind(dim=-1)
    return (row[0] * red + row[1] * green + row[2] * blue + row[3]).clamp(0, 255).round()


def _upsample(chroma: Tensor, height: int, width: int) -> Tensor:
    """[Hc, Wc, C] to [H, W, C]."""
    device = chroma.device
    rows, columns = torch.arange(height, device=device), torch.arange(width, device=device)
    last_row, last_column = chroma.shape[0] - 1, chroma.shape[1] - 1
    nearest = rows // 2
    second = (nearest + 2 * (rows % 2) - 1).clamp(0, last_row)
    tall = 0.75 * chroma[nearest] + 0.25 * chroma[second]
    left = columns // 2
    right = (left + columns % 2).clamp(max=last_column)
    return 0.5 * tall[:, left] + 0.5 * tall[:, right]


def _downsample(rgb: Tensor) -> Tensor:
    """[H, W, 3] to [ceil(H/2), ceil(W/2), 3]; sums of whole numbers, so that no order of them rounds."""
    height, width = rgb.shape[:2]
    tops = torch.arange(0, height, 2, device=rgb.device)
    middles = torch.arange(0, width, 2, device=rgb.device)
    pairs = rgb[tops] + rgb[(tops + 1).clamp(max=height - 1)]
    lefts, rights = (middles - 1).clamp(min=0), (middles + 1).clamp(max=width - 1)
    return (pairs[:, lefts] + 2 * pairs[:, middles] + pairs[:, rights]) / 8
