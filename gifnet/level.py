"""Levels and detail set right after the network: the sharper source's detail, no veil, bright skies.

A network trained on sums of both pictures lays the grey of a thermal picture over dark places where it shows
nothing, makes a bright, cold sky mid-grey, and adds up detail and noise of both. Three corrections, without
neighbouring pictures:

1. *detail*: the bands of a Laplacian pyramid, up to some 64 pixels, come for their larger part from the
   source in which they are stronger there, signs included, as in pyramids of selected detail (Burt and
   Kolczynski 1993). Coarser bands count for the finer ones too, so that all bands of a place come from one
   source: an edge whose bands are mixed gets a halo. In the dark, all but the finest band of what is warmer
   than its surroundings, as people are, comes from the thermal picture, unless it stands out far better in
   the visible one. Coarser tones are the network's;
2. *dark places*: where the visible picture is dark and the thermal one flat and not warm, the fused picture
   is nearly as bright as the visible one;
3. *skies*: where the visible picture is bright and the thermal one colder than its mean, the fused picture
   is hardly darker than the visible one, and what the thermal one shows is no detail but noise.

It comes to two maps of cells of 4 x 4 pixels: `a (visible - thermal) + s thermal + (1 - s) fused + b`, where
`a`, which is 0 to `s`, and `b` change smoothly. All is arithmetic on tensors that a CUDA graph can capture.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

from gifnet.cells import enlarged, halved, smoothed, spread
from gifnet.model import Fusion

MIN_SIDE_PX = 16

# Sides of the cells of the pyramid, and of those at which dark places and skies are set right.
_CELLS_PX = (4, 8, 16, 32)
_DARK_CELL_PX, _SKY_CELL_PX = 8, 16
# Share of the detail that is selected; the network keeps the rest.
_SELECTED = 0.9
# Slope of the share over the logarithm of the ratio of both variances, and the lead of the visible picture.
_SLOPE = 8.0
_LEAD = math.log(1.26)
# Variance below which detail counts as noise, and a part of both is taken.
_NOISE = 1e-5
# Thermal contrast, less a third of the visible one, from which a thing is warm, and wholly so; brightness up
# to which visible surroundings are dark, and from which they are not.
_THING = (0.01, 0.05)
_NIGHT = (0.3, 0.4)
# Visible brightness from which a sky counts, and all of it; thermal distance below the mean, likewise.
_BRIGHT = (0.5, 0.8)
_COLD = (0.02, 0.2)
# Not all of the visible sky: brighter ones cost SCD.
_SKY = 0.88
# Visible brightness of cells; and the least of it that is left.
_DARK = (0.24, 0.29)
_DARK_LEAST = 0.93
# Standard deviation of thermal cells by which half of flatness is lost.
_FLAT = 0.02
_FLATNESS = (0.2, 0.6)
_WARM = (0.12, 0.24)
# Thermal distance from the flat surroundings.
_SPEAKS = (0.02, 0.06)


class LevelledNetwork:
    """A network followed by `level`."""

    def __init__(self, network: Fusion, strength: float) -> None:
        """Wrap a network; `strength` as in `level`."""
        self._network, self._strength = network, strength

    @property
    def own_threads(self) -> bool:
        """As the network says."""
        return bool(getattr(self._network, "own_threads", False))

    @torch.no_grad()
    def __call__(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """Fuse [B, 1, H, W] pictures in [0, 1] to float32."""
        return level(self._network(visible, thermal), visible, thermal, self._strength)


def levelled(network: Fusion, strength: float = 1.0) -> Fusion:
    """The network followed by `level`; the network itself at strength 0."""
    return LevelledNetwork(network, strength) if strength else network


def level(fused: Tensor, visible: Tensor, thermal: Tensor, strength: float = 1.0) -> Tensor:
    """Set levels and detail of a fused picture right.

    Args:
        fused: [B, 1, H, W] in [0, 1], of a network.
        visible: the same shape.
        thermal: the same shape.
        strength: 0, nothing, to 1.

    Returns:
        [B, 1, H, W] float32 in [0, 1]; the fused picture itself where a side is below 16 pixels.
    """
    height, width = fused.shape[-2:]
    if min(height, width) < MIN_SIDE_PX or strength == 0:
        return fused
    visible, thermal, fused = visible.float(), thermal.float(), fused.float()
    share, rest = enlarged(_maps(visible, thermal, fused), _CELLS_PX[0], height, width).chunk(2, dim=1)
    result = torch.sub(visible, thermal).mul_(share).add_(rest)
    result.add_(thermal, alpha=_SELECTED).add_(fused, alpha=1 - _SELECTED).clamp_(0, 1)
    return result if strength == 1 else fused.lerp(result, strength)


def _maps(visible: Tensor, thermal: Tensor, fused: Tensor) -> Tensor:
    """Share of visible detail, and what is to be added: [B, 2, h, w] of 4 x 4 pixels."""
    fine = torch.cat([halved(part) for part in (visible, thermal, fused)], dim=1)
    cells = [halved(fine)]
    while len(cells) < len(_CELLS_PX):
        cells.append(halved(cells[-1]))
    squares = halved(fine[:, :2].square())
    mean = cells[0][:, 1:2].mean(dim=(2, 3), keepdim=True)
    bands = [small - _doubled(large, small) for small, large in pairwise(cells)]
    skies = [_sky(part, mean) for part in cells[:-1]]
    warm = _warm_things(cells[1])
    warmth = [_doubled(warm, cells[0]), warm, halved(warm)]
    shares = _shares(_variances(cells[0], squares), bands, skies)
    picture = cells[-1][:, 2:]
    for side, part, band, share, warm, sky in reversed(
        list(zip(_CELLS_PX, cells, bands, shares[1:], warmth, skies, strict=False))
    ):
        picture = _doubled(picture, part) + _mixed(band, share * (1 - warm))
        if side == _SKY_CELL_PX:
            picture = picture + sky * (_SKY * part[:, :1] - picture).clamp_min(0)
        if side == _DARK_CELL_PX:
            picture = _darkened(picture, part, _variances(part, halved(squares)), mean)
    return torch.cat([_SELECTED * shares[0], picture - _mixed(cells[0], shares[0])], dim=1)


def _variances(cells: Tensor, squares: Tensor) -> Tensor:
    """Variances within cells of both sources, [B, 2, h, w]."""
    return (squares - cells[:, :2].square()).clamp_min_(0)


def _shares(finest: Tensor, bands: list[Tensor], skies: list[Tensor]) -> list[Tensor]:
    """Share of the visible picture in each band, from the finest on, as large as the cells around it.

    Args:
        finest: [B, 2, h, w]: variances of both sources within the smallest cells.
        bands: what each size of cells adds to the next larger one, [B, 3, h, w].
        skies: weight of skies in each of those sizes of cells.
    """
    strengths = [finest, *(band[:, :2].square() for band in bands)]
    sizes = [skies[0], *skies]
    shares: list[Tensor] = []
    coarser = None
    for strength, sky in reversed(list(zip(strengths, sizes, strict=True))):
        visible, thermal = strength.chunk(2, dim=1)
        power = smoothed(torch.cat([visible, thermal * (1 - sky)], dim=1), 3)
        if coarser is not None:
            power = power + _doubled(coarser, power) if coarser.shape != power.shape else power + coarser
        coarser = power
        levels = (power + _NOISE).log()
        shares.append(torch.sigmoid(_SLOPE * (levels[:, :1] - levels[:, 1:] + _LEAD)))
    return shares[::-1]


def _mixed(parts: Tensor, share: Tensor) -> Tensor:
    """Visible, thermal and fused, [B, 3, h, w], in the shares that detail has."""
    visible, thermal, fused = parts.chunk(3, dim=1)
    return share * _SELECTED * (visible - thermal) + _SELECTED * thermal + (1 - _SELECTED) * fused


def _doubled(maps: Tensor, like: Tensor) -> Tensor:
    """Maps of cells as large as those of half the side."""
    return enlarged(maps, 2, *like.shape[-2:])


def _warm_things(cells: Tensor) -> Tensor:
    """Weight of what is warmer than its dark surroundings of some 9 x 9 cells, and its rim, [B, 1, h, w]."""
    sources = cells[:, :2]
    around = _doubled(smoothed(smoothed(halved(sources), 5), 5), sources)
    visible, thermal = (sources - around).chunk(2, dim=1)
    warm = _ramp(thermal - visible.abs() / 3, *_THING) * _ramp(around[:, :1], *_NIGHT[::-1])
    return spread(warm, 3)


def _sky(cells: Tensor, mean: Tensor) -> Tensor:
    """Weight of skies, [B, 1, h, w]: visible bright and thermal colder than its mean."""
    return _ramp(mean - cells[:, 1:2], *_COLD) * _ramp(cells[:, :1], *_BRIGHT)


def _darkened(picture: Tensor, cells: Tensor, variances: Tensor, mean: Tensor) -> Tensor:
    """Cells of the picture near the visible ones where those are dark and thermal says nothing."""
    visible, thermal = cells[:, :1], cells[:, 1:2]
    silent = _silence(thermal, variances[:, 1:], mean).mul_(_ramp(visible, *_DARK[::-1]))
    near = torch.minimum(picture, visible).maximum(_DARK_LEAST * visible)
    return picture.lerp(near, silent)


def _silence(thermal: Tensor, variance: Tensor, mean: Tensor) -> Tensor:
    """Weight of places without thermal information: 1 where cells [B, 1, h, w] are flat and not warm, else 0.

    Silence spreads to the cells next to flat ones, so that it ends at what stands out and not a window
    before it, which would glow; the mean of the flat cells tells what stands out.
    """
    local, square = smoothed(torch.cat([thermal, variance + thermal.square()], dim=1), 3).chunk(2, dim=1)
    flatness = _FLAT**2 / (_FLAT**2 + (square - local.square()).clamp_min_(0))
    flatness = _ramp(flatness, *_FLATNESS)
    plain, weight = smoothed(torch.cat([local * flatness, flatness], dim=1), 5).chunk(2, dim=1)
    silent = spread(flatness * _ramp(local - mean, *_WARM[::-1]), 5)
    return silent.mul_(_ramp((thermal - plain / (weight + 1e-4)).abs_(), *_SPEAKS[::-1]))


def _ramp(values: Tensor, none: float, all_: float) -> Tensor:
    """0 up to `none`, 1 from `all_` on (or the other way round), linear between."""
    return values.sub(none).mul_(1 / (all_ - none)).clamp_(0, 1)
