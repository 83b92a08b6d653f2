"""Levels set right after the network: no veil over skies and dark places, and warm people who stand out.

A network trained on sums of both pictures makes a bright, cold sky mid-grey and lays the grey of a thermal
picture over dark places where it shows nothing. Three corrections follow each other, all of them smooth
functions of both sources, without neighbouring pictures:

1. *contrast*: over cells of 4 x 4 pixels, what stands out in either source by its distance from the mean
   around it stands out as far in the fused picture;
2. *skies*: where the visible picture is bright and the thermal one colder than its mean, the fused picture
   is hardly darker than the visible one;
3. *dark places*: where the visible picture is dark and the thermal one flat and not warm, the fused picture
   is not brighter than the visible one.

They are this project's own. All is arithmetic on tensors that a CUDA graph can capture.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from gifnet.model import Fusion

CELL_PX = 4
MIN_SIDE_PX = 16

# Contrasts of cells in 0..1: below the first none is asked for, from the second on all of it.
_FAINT, _CLEAR = 0.03, 0.1
_AROUND_CELLS = 4
# Beyond 1, since interpolation between cells loses what is as narrow as a person.
_GAIN = 1.2
# Visible brightness from which a sky counts, and all of it; thermal distance below the mean, likewise.
_BRIGHT = (0.5, 0.8)
_COLD = (0.02, 0.2)
# Not all of the visible sky: the last bit is where thermal clouds and wires still show.
_SKY = 0.94
_DARK = (0.22, 0.38)
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
    """Set the levels of a fused picture right.

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
    cells = [F.avg_pool2d(part, CELL_PX, ceil_mode=True) for part in (visible, thermal, fused)]
    mean = cells[1].mean(dim=(2, 3), keepdim=True)
    maps = strength * torch.cat([_missing_contrast(torch.cat(cells, dim=1)), _silence(cells[1], mean)], dim=1)
    missing, silent = _enlarged(maps, CELL_PX, height, width).chunk(2, dim=1)
    result = fused + missing
    cold = _ramp(mean - thermal, *_COLD).mul_(_ramp(visible, *_BRIGHT))
    cold = cold * torch.sub(_SKY * visible, result).clamp_min(0)
    dark = _ramp(visible, *_DARK[::-1]) * silent * (visible - result).clamp_max(0)
    return (result + dark).add_(cold, alpha=strength).clamp(0, 1)


def _missing_contrast(cells: Tensor) -> Tensor:
    """Contrast to be added, [B, 1, h, w], to cells [B, 3, h, w] of visible, thermal, fused."""
    visible, thermal, fused = (cells - _around(cells)).chunk(3, dim=1)
    visible_power, thermal_power = visible.square().square_(), thermal.square().square_()
    power = visible_power + thermal_power + 1e-9
    wanted = (visible * visible_power + thermal * thermal_power) / power
    reached = fused * wanted.sign() >= wanted.abs()
    missing = (wanted - fused) * _ramp(wanted.abs(), _FAINT, _CLEAR).mul_(_GAIN)
    return missing.masked_fill(reached, 0)


def _around(cells: Tensor) -> Tensor:
    """Smooth means of some 17 x 17 cells, made at a quarter of the resolution."""
    height, width = cells.shape[-2:]
    coarse = F.avg_pool2d(cells, _AROUND_CELLS, ceil_mode=True)
    for _ in range(2):
        coarse = F.avg_pool2d(F.pad(coarse, (2, 2, 2, 2), mode="replicate"), 5, 1)
    return _enlarged(coarse, _AROUND_CELLS, height, width)


def _silence(thermal: Tensor, mean: Tensor) -> Tensor:
    """Weight of places without thermal information: 1 where cells [B, 1, h, w] are flat and not warm, else 0.

    Silence spreads to the cells next to flat ones, so that it ends at what stands out and not a window
    before it, which would glow; the mean of the flat cells tells what stands out.
    """
    height, width = thermal.shape[-2:]
    both = F.avg_pool2d(torch.cat([thermal, thermal.square()], dim=1), 2, ceil_mode=True)
    local, square = F.avg_pool2d(F.pad(both, (1, 1, 1, 1), mode="replicate"), 3, 1).chunk(2, dim=1)
    flatness = _FLAT**2 / (_FLAT**2 + (square - local.square()).clamp_min_(0))
    flatness = _ramp(flatness, *_FLATNESS)
    plain = F.avg_pool2d(torch.cat([local * flatness, flatness], dim=1), 5, 1, 2)
    plain = plain[:, :1] / (plain[:, 1:] + 1e-4)
    silent = F.max_pool2d(flatness.mul_(_ramp(local - mean, *_WARM[::-1])), 5, 1, 2)
    silent, plain = _enlarged(torch.cat([silent, plain], dim=1), 2, height, width).chunk(2, dim=1)
    return silent * _ramp((thermal - plain).abs_(), *_SPEAKS[::-1])


def _enlarged(maps: Tensor, factor: int, height: int, width: int) -> Tensor:
    """Bilinear enlargement, equal to `F.interpolate`, which takes twice as long on a CPU."""
    framed = F.pad(maps, (1, 1, 1, 1), mode="replicate")
    wide = _stretched(framed[..., :-2], framed[..., 1:-1], framed[..., 2:], factor, -1).flatten(-2)
    high = _stretched(wide[..., :-2, :], wide[..., 1:-1, :], wide[..., 2:, :], factor, -2).flatten(-3, -2)
    return high[..., :height, :width]


def _stretched(before: Tensor, here: Tensor, after: Tensor, factor: int, dim: int) -> Tensor:
    """`factor` values for each, between those before and after it, along a new dimension."""
    places = [(2 * step + 1) / (2 * factor) - 0.5 for step in range(factor)]
    return torch.stack([here.lerp(before if at < 0 else after, abs(at)) for at in places], dim)


def _ramp(values: Tensor, none: float, all_: float) -> Tensor:
    """0 up to `none`, 1 from `all_` on (or the other way round), linear between."""
    return values.sub(none).mul_(1 / (all_ - none)).clamp_(0, 1)
