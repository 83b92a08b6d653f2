"""Losses of a fused picture against both sources, which need no reference picture.

All take [B, 1, H, W] pictures in [0, 1], each side 16 pixels or more, and give a mean over the batch. Sums
over windows are products with banded matrices, which on small crops costs a tenth of convolutions with one
channel; in full resolution every second window of a row and a column is taken.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

_FLAT = 1e-6  # energy of a picture without structure
_SSIM_WINDOW_PX = 7
_SSIM_STABLE = (0.01**2, 0.03**2)
_VIF_SCALES = 4
_NO_EDGE = 1e-3  # a quarter of a grey level a pixel
_COARSE = (4, 8)
_LEVEL_WINDOW_PX = 17
_FLAT_THERMAL = 0.03
_WARM = 0.12
_DARK = 0.2
_ROOM_ABOVE, _ROOM_BELOW = 0.08, 0.02
_VIF_NOISE = 2.0  # variance in grey levels squared, as in the common pixel-domain VIF


def intensity_loss(fused: Tensor, visible: Tensor, thermal: Tensor) -> Tensor:
    """Mean distance from the brighter source."""
    return (fused - torch.maximum(visible, thermal)).abs().mean()


def gradient_loss(fused: Tensor, visible: Tensor, thermal: Tensor) -> Tensor:
    """Mean distance of Sobel vectors from those of the source whose vector is longer; signs count."""
    of_visible, of_thermal = _sobel(visible), _sobel(thermal)
    longer = _length(of_visible) >= _length(of_thermal)
    return (_sobel(fused) - torch.where(longer, of_visible, of_thermal)).abs().mean()


def coarse_loss(fused: Tensor, visible: Tensor, thermal: Tensor) -> Tensor:
    """Sum of `gradient_loss` over pictures of a quarter and an eighth of the size.

    What is large and stands out in one source, as people do, keeps its contrast; fine gradients alone leave
    the sum over a body free.
    """
    sizes = [size for size in _COARSE if min(fused.shape[-2:]) // size >= 3]
    shrunk = ([F.avg_pool2d(part, size) for part in (fused, visible, thermal)] for size in sizes)
    return torch.stack([gradient_loss(*parts) for parts in shrunk]).sum()


def difference_loss(fused: Tensor, visible: Tensor, thermal: Tensor) -> Tensor:
    """`2 - SCD`: what is beyond one source should look like the other (Aslantas and Bendes 2015)."""
    return (2 - _correlation(visible, fused - thermal) - _correlation(thermal, fused - visible)).mean()


def similarity_loss(fused: Tensor, visible: Tensor, thermal: Tensor) -> Tensor:
    """`2 - SSIM` with both sources, windows of 7 x 7 (Wang et al. 2004)."""
    window = _SSIM_WINDOW_PX
    means, variances, covariances = _statistics(fused, visible, thermal, window, None, step=2)
    unbiased = window**2 / (window**2 - 1)
    luminance_floor, contrast_floor = _SSIM_STABLE
    of_sources, of_fused = means[:, :2], means[:, 2:]
    luminance = (2 * of_sources * of_fused + luminance_floor) / (
        of_sources.square() + of_fused.square() + luminance_floor
    )
    contrast = (2 * unbiased * covariances + contrast_floor) / (
        unbiased * (variances[:, :2] + variances[:, 2:]) + contrast_floor
    )
    return 2 - (luminance * contrast).mean(dim=(2, 3)).sum(dim=1).mean()


def information_loss(fused: Tensor, visible: Tensor, thermal: Tensor) -> Tensor:
    """`2 - VIF` with both sources, in the pixel domain (Sheikh and Bovik 2006).

    The local gain counts up to 1: otherwise the loss is lowest where noise is amplified.
    """
    pictures = 255 * torch.cat([fused, visible, thermal], dim=1)
    kept, there = torch.zeros(()), torch.zeros(())
    for scale in range(_VIF_SCALES):
        window = 2 ** (_VIF_SCALES - scale) + 1
        if min(pictures.shape[-2:]) > window and scale > 0:
            pictures = _windowed(pictures, window, window / 5, step=2)
        if min(pictures.shape[-2:]) <= window:
            break
        step = 2 if scale == 0 else 1
        now, first, second = pictures.chunk(3, dim=1)
        _, variances, covariances = _statistics(now, first, second, window, window / 5, step)
        of_sources, of_fused = variances[:, :2].clamp_min(0), variances[:, 2:].clamp_min(0)
        gain = (covariances / (of_sources + 1e-2)).clamp_min(0)
        rest = (of_fused - gain * covariances).clamp_min(1e-6)
        gain = gain.clamp_max(1)
        signal = gain.square() * of_sources / (rest + _VIF_NOISE)
        kept = kept + step**2 * torch.log10(1 + signal).sum(dim=(2, 3))
        there = there + step**2 * torch.log10(1 + of_sources / _VIF_NOISE).sum(dim=(2, 3))
    return 2 - (kept / (there + 1e-3)).sum(dim=1).mean()


def edge_loss(fused: Tensor, visible: Tensor, thermal: Tensor) -> Tensor:
    """`1 - Qabf`: edges of both sources lost in strength or direction, weighted by strength (Xydeas 2000).

    Directions are those of lines, so that an edge that only changes its sign counts as kept, as in Qabf
    itself; `gradient_loss` is what asks for the sign.
    """
    of_fused = _sobel(fused)
    strength_fused = _strength(of_fused)
    kept, whole = torch.zeros(()), torch.zeros(())
    for source in (_sobel(visible), _sobel(thermal)):
        strength = _strength(source)
        ratio = torch.minimum(strength, strength_fused) / torch.maximum(strength, strength_fused)
        across = (of_fused[:, :1] * source[:, 1:] - of_fused[:, 1:] * source[:, :1]).abs()
        along = (of_fused * source).sum(dim=1, keepdim=True).abs()
        turned = 1 - torch.atan2(across + _NO_EDGE**2, along + _NO_EDGE**2) / (math.pi / 2)
        quality = torch.sigmoid(15 * (ratio - 0.5)) * torch.sigmoid(22 * (turned - 0.8))
        kept = kept + (quality * strength).sum(dim=(1, 2, 3))
        whole = whole + strength.sum(dim=(1, 2, 3))
    return 1 - (kept / whole).mean()


def level_loss(fused: Tensor, visible: Tensor, thermal: Tensor) -> Tensor:
    """Relative distance from the visible level where thermal says nothing, from the brighter one elsewhere.

    The brighter source alone lays the thermal grey over a dark road, and sums of both make a bright, cold sky
    mid-grey. Thermal says nothing where it is flat (a standard deviation of `_FLAT_THERMAL` over
    `_LEVEL_WINDOW_PX` is half flat) and not warmer than the picture's mean by `_WARM` or more (twice that
    counts whole). Distances count relative to the target, since in the dark few grey levels are a veil.
    """
    window = _LEVEL_WINDOW_PX
    margin = (window // 2,) * 4
    wide = F.pad(torch.cat([thermal, thermal.square()], dim=1), margin, mode="replicate")
    mean, square = _windowed(wide, window, None, step=1).chunk(2, dim=1)
    flat = 1 / (1 + (square - mean.square()).clamp_min(0) / _FLAT_THERMAL**2)
    warm = ((mean - thermal.mean(dim=(2, 3), keepdim=True)) / _WARM - 1).clamp(0, 1)
    silent = flat * (1 - warm)
    target = silent * visible + (1 - silent) * torch.maximum(visible, thermal)
    return ((fused - target).abs() / (target + _DARK)).mean()


def range_loss(fused: Tensor) -> Tensor:
    """Mean distance from [0, 1]."""
    return (fused - fused.clamp(0, 1)).abs().mean()


def overshoot_loss(fused: Tensor, visible: Tensor, thermal: Tensor) -> Tensor:
    """Mean distance of a pixel from the range its two sources span, with some room for more contrast."""
    above = fused - torch.maximum(visible, thermal) - _ROOM_ABOVE
    below = torch.minimum(visible, thermal) - _ROOM_BELOW - fused
    return (above.clamp_min(0) + below.clamp_min(0)).mean()


def temporal_loss(
    fused: tuple[Tensor, Tensor],
    visible: tuple[Tensor, Tensor],
    thermal: tuple[Tensor, Tensor],
    places: Tensor,
) -> Tensor:
    """Flicker: change of the fused picture along the motion, beyond that of the source that changes more.

    Args:
        fused: pictures of two moments, the earlier one first.
        visible: the same of the visible camera.
        thermal: the same of the thermal camera.
        places: `[B, H, W, 2]`: where each pixel of the later moment was, as `grid_sample` takes it.
    """
    sources = torch.maximum(_change(visible, places), _change(thermal, places))
    return (_change(fused, places) - sources).clamp_min(0)


def _change(moments: tuple[Tensor, Tensor], places: Tensor) -> Tensor:
    before, after = moments
    return F.l1_loss(after, F.grid_sample(before, places, padding_mode="border", align_corners=False))


def _sobel(picture: Tensor) -> Tensor:
    """Gradients [B, 2, H - 2, W - 2] a pixel."""
    across = picture[..., 2:] - picture[..., :-2]
    down = picture[..., 2:, :] - picture[..., :-2, :]
    right = across[..., :-2, :] + 2 * across[..., 1:-1, :] + across[..., 2:, :]
    below = down[..., :-2] + 2 * down[..., 1:-1] + down[..., 2:]
    return torch.cat([right, below], dim=1) / 8


def _strength(vectors: Tensor) -> Tensor:
    return torch.sqrt(_length(vectors) + _NO_EDGE**2)


def _length(vectors: Tensor) -> Tensor:
    return vectors.square().sum(dim=1, keepdim=True)


def _correlation(first: Tensor, second: Tensor) -> Tensor:
    first, second = (part - part.mean(dim=(1, 2, 3), keepdim=True) for part in (first, second))
    energy = first.square().sum(dim=(1, 2, 3)) * second.square().sum(dim=(1, 2, 3))
    return (first * second).sum(dim=(1, 2, 3)) / torch.sqrt(energy + _FLAT)


def _statistics(
    fused: Tensor, visible: Tensor, thermal: Tensor, window: int, sigma: float | None, step: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Local means and variances of visible, thermal and fused, and covariances of both sources with fused."""
    three = torch.cat([visible, thermal, fused], dim=1)
    products = torch.cat([three, three.square(), three[:, :2] * fused], dim=1)
    windowed = _windowed(products, window, sigma, step)
    means, squares, crossed = windowed[:, :3], windowed[:, 3:6], windowed[:, 6:]
    return means, squares - means.square(), crossed - means[:, :2] * means[:, 2:]


def _windowed(pictures: Tensor, window: int, sigma: float | None, step: int) -> Tensor:
    """Weighted means over windows that lie inside the picture; Gaussian, or all equal without `sigma`."""
    rows, columns = (_band(size, window, sigma, step).to(pictures) for size in pictures.shape[-2:])
    return rows @ pictures @ columns.T


@lru_cache(maxsize=64)
def _band(size: int, window: int, sigma: float | None, step: int) -> Tensor:
    place = torch.arange(window, dtype=torch.float32) - (window - 1) / 2
    weights = torch.ones(window) if sigma is None else torch.exp(-(place**2) / (2 * sigma**2))
    band = torch.zeros((size - window) // step + 1, size)
    for index in range(len(band)):
        band[index, index * step : index * step + window] = weights / weights.sum()
    return band
