"""Levels and detail set right after the network: no veil, people who stand out, the sharper source's detail.

A network trained on sums of both pictures makes a bright, cold sky mid-grey, lays the grey of a thermal
picture over dark places where it shows nothing, and adds up the noise of both. Four corrections, without
neighbouring pictures:

1. *detail*: what is finer than some 24 pixels comes, for its larger part, from the source in which it is
   stronger there, signs included, as in pyramids of selected detail (Burt and Kolczynski 1993);
2. *contrast*: over cells of 8 x 8 pixels, what stands out in either source by its distance from the mean
   around it stands out as far in the fused picture;
3. *dark places*: where the visible picture is dark and the thermal one flat and not warm, the fused picture
   is nearly as bright as the visible one;
4. *skies*: where the visible picture is bright and the thermal one colder than its mean, the fused picture
   is hardly darker than the visible one.

The first three are two maps of cells: `a (visible - thermal) + s thermal + (1 - s) fused + b`, where `b` and
`a`, which is 0 to `s`, change smoothly. All is arithmetic on tensors that a CUDA graph can capture.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gifnet.cells import enlarged, halved, smoothed, spread
from gifnet.model import Fusion

CELL_PX = 8
MIN_SIDE_PX = 16

# Contrasts of cells in 0..1: below the first none is asked for, from the second on all of it.
_FAINT, _CLEAR = 0.06, 0.15
# Beyond 1, since interpolation between cells loses what is as narrow as a person.
_GAIN = 1.2
# Visible brightness from which a sky counts, and all of it; thermal distance below the mean, likewise.
_BRIGHT = (0.5, 0.8)
_COLD = (0.02, 0.2)
# Not all of the visible sky: the last bit is where thermal clouds and wires still show.
_SKY = 0.91
# Visible brightness of cells; and the least of it that is left.
_DARK = (0.24, 0.29)
_DARK_LEAST = 0.93
# Standard deviation of thermal cells by which half of flatness is lost.
_FLAT = 0.02
_FLATNESS = (0.2, 0.6)
_WARM = (0.12, 0.24)
# Thermal distance from the flat surroundings.
_SPEAKS = (0.02, 0.06)
# Share of the detail that is selected; variance below which it counts as noise, and a part of both is taken.
_SELECTED = 0.8
_NOISE = 1e-5


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
    maps, mean = _maps(visible, thermal, fused)
    share, rest = enlarged(maps, CELL_PX // 2, height, width).chunk(2, dim=1)
    result = torch.sub(visible, thermal).mul_(share).add_(rest)
    result.add_(thermal, alpha=_SELECTED).add_(fused, alpha=1 - _SELECTED)
    cold = _ramp(mean - thermal, *_COLD).mul_(_ramp(visible, *_BRIGHT))
    result.add_(cold.mul_(torch.mul(visible, _SKY).sub_(result).clamp_min_(0))).clamp_(0, 1)
    return result if strength == 1 else fused.lerp(result, strength)


def _maps(visible: Tensor, thermal: Tensor, fused: Tensor) -> tuple[Tensor, Tensor]:
    """Share of visible detail and what is to be added, [B, 2, h, w] of 4 x 4 pixels; mean of thermal."""
    fine = torch.cat([halved(part) for part in (visible, thermal, fused)], dim=1)
    cells = halved(fine, 2)
    sources = cells[:, :2]
    mean = sources[:, 1:].mean(dim=(2, 3), keepdim=True)
    variances = halved(fine[:, :2].square(), 2).sub_(sources.square()).clamp_min_(0)
    low = smoothed(cells, 3)
    # To the fourth power, so that the stronger source gets nearly all.
    powers = (smoothed(variances, 3) + _NOISE).square_().square_()
    share = _SELECTED * powers[:, :1] / powers.sum(dim=1, keepdim=True)
    chosen = low[:, 2:] + _mixed(cells - low, share)
    wanted = chosen + _missing_contrast(torch.cat([sources, chosen], dim=1))
    silent = _silence(sources[:, 1:], variances[:, 1:], mean).mul_(_ramp(sources[:, :1], *_DARK[::-1]))
    near = torch.minimum(wanted, sources[:, :1]).maximum(_DARK_LEAST * sources[:, :1])
    added = wanted.lerp(near, silent).sub_(chosen)
    height, width = (2 * size for size in cells.shape[-2:])
    maps = enlarged(torch.cat([low, share, added], dim=1), 2, height, width)
    low, share, added = maps[:, :3], maps[:, 3:4], maps[:, 4:]
    return torch.cat([share, low[:, 2:] - _mixed(low, share) + added], dim=1), mean


def _mixed(parts: Tensor, share: Tensor) -> Tensor:
    """Visible, thermal and fused, [B, 3, h, w], in the shares that detail has."""
    visible, thermal, fused = parts.chunk(3, dim=1)
    return share * (visible - thermal) + _SELECTED * thermal + (1 - _SELECTED) * fused


def _missing_contrast(cells: Tensor) -> Tensor:
    """Contrast to be added, [B, 1, h, w], to cells [B, 3, h, w] of visible, thermal, fused."""
    visible, thermal, fused = (cells - _around(cells)).chunk(3, dim=1)
    visible_power, thermal_power = visible.square().square_(), thermal.square().square_()
    wanted = (visible * visible_power + thermal * thermal_power) / (visible_power + thermal_power + 1e-9)
    reached = fused * wanted.sign() >= wanted.abs()
    missing = (wanted - fused).mul_(_ramp(wanted.abs(), _FAINT, _CLEAR)).mul_(_GAIN)
    return missing.masked_fill(reached, 0)


def _around(cells: Tensor) -> Tensor:
    """Smooth means of some 9 x 9 cells, made at half the resolution."""
    return enlarged(smoothed(smoothed(halved(cells), 5), 5), 2, *cells.shape[-2:])


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
