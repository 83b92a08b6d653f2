"""The operations on a CPU at run time: those of `reference`, the costly ones in a faster form.

`reference` is written to be read and defines each operation; everything here gives the same results, as the
contract tests show.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from cuda_kernels import reference
from cuda_kernels.cpu.equalise import enhance, equalise_tiles, tile_curves
from cuda_kernels.cpu.geometry import remap_normalise
from cuda_kernels.cpu.thermal import (
    damp_span,
    equalise,
    normalise,
    percentiles,
    plateau_curve,
    replace_bad_pixels,
)
from cuda_kernels.reference import TensorPair

__all__ = [
    "chroma",
    "damp_span",
    "enhance",
    "equalise",
    "equalise_tiles",
    "luma",
    "merge",
    "normalise",
    "percentiles",
    "plateau_curve",
    "remap_normalise",
    "replace_bad_pixels",
    "tile_curves",
]

# The rows of the published code in thousandths: sums of these are whole numbers, exact in float32.
_LUMA = (299, 587, 114)
_CB = (-169, -331, 500)
_CR = (500, -419, -81)
# Above this share of pixels that need it, the reference's own way is the shorter one.
_MANY = 0.1


def __getattr__(name: str) -> Any:
    """Operations without a faster form here are those of the reference."""
    return getattr(reference, name)


def luma(rgb: Tensor, *, out: Tensor | None = None) -> Tensor:
    """As `reference.luma`.

    Whole thousandths decide the truncation, but for sums that are whole: there the reference's rounding of
    float64 may fall on either side, and is asked.
    """
    thousandths = _sum(_planes(rgb), _LUMA)
    whole = torch.empty_like(thousandths) if out is None else out
    # Half a thousandth more than any rounding of float32 there is, and less than the next whole sum.
    torch.add(thousandths * 0.001, 0.0005, out=whole).floor_()
    exact = thousandths.sub_(whole, alpha=1000).eq_(0).to(torch.bool)
    count = int(exact.sum())
    if count > _MANY * exact.numel():
        return reference.luma(rgb, out=whole)
    if count:
        whole[exact] = reference.luma(rgb[exact].unsqueeze(0))[0]
    return whole


def chroma(rgb: Tensor, *, out: TensorPair | None = None) -> TensorPair:
    """As `reference.chroma`, within a rounding of float64."""
    planes = _planes(rgb)
    cb, cr = _sum(planes, _CB).div_(1000), _sum(planes, _CR).div_(1000)
    return (cb, cr) if out is None else (out[0].copy_(cb), out[1].copy_(cr))


def merge(luma: Tensor, cb: Tensor, cr: Tensor, *, out: Tensor | None = None) -> Tensor:
    """As `reference.merge`."""
    rgb = torch.empty(*luma.shape, 3, dtype=torch.uint8) if out is None else out
    rgb[..., 0] = _byte(cr * 1.402 + luma)
    rgb[..., 1] = _byte((luma - cb * 0.344136).sub_(cr * 0.714136))
    rgb[..., 2] = _byte(cb * 1.772 + luma)
    return rgb


def _planes(rgb: Tensor) -> list[Tensor]:
    return [rgb[..., channel].to(torch.float32) for channel in range(3)]


def _sum(planes: list[Tensor], row: tuple[int, int, int]) -> Tensor:
    """Weighted sum of the channels in float32, exact."""
    red, green, blue = planes
    return torch.mul(red, row[0]).add_(green, alpha=row[1]).add_(blue, alpha=row[2])


def _byte(plane: Tensor) -> Tensor:
    return plane.clamp_(0, 255).round_()
