"""Details of a picture at two scales, as fixed filters that read and write whole cells.

A detail is what a smooth copy of the picture lacks. The copies are means of 2 x 2 and of 4 x 4 pixels with
bilinear interpolation between them, as in a Laplacian pyramid (P. Burt and E. Adelson, "The Laplacian
pyramid as a compact image code", 1983). A pixel of a copy depends on the cells next to its own at most, so
that a 3x3 convolution over cells computes it.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

from gifnet.lite.config import CELL, CELL_PX

MEANS_PX = (2, 4)
"""Sides of the means, from fine to coarse."""


def band_kernels() -> Tensor:
    """Convolution weights [2 * 16, 16, 3, 3]: cells of a picture to its fine and its coarse details."""
    identity = torch.zeros(CELL, CELL, 3, 3)
    identity[range(CELL), range(CELL), 1, 1] = 1
    smooth = [identity, *(_kernel(side_px) for side_px in MEANS_PX)]
    return torch.cat([finer - coarser for finer, coarser in pairwise(smooth)])


def stronger(visible: Tensor, thermal: Tensor, calm: float) -> Tensor:
    """The stronger of two details at each pixel, with a smooth passage between them.

    `(v^3 + t^3) / (v^2 + t^2 + calm)`: the larger one where one is much larger, and nearly nothing where both
    are as small as noise.
    """
    visible_power, thermal_power = visible.square(), thermal.square()
    power = visible_power + thermal_power + calm
    return torch.addcmul(visible * visible_power, thermal, thermal_power).div(power)


def _kernel(side_px: int) -> Tensor:
    """Weights [16, 16, 3, 3] of the smooth copy by means of that side, found by trying each input pixel."""
    inputs = torch.eye(CELL).reshape(CELL, 1, CELL_PX, CELL_PX)
    kernel = torch.zeros(CELL, CELL, 3, 3)
    for row in range(3):
        for column in range(3):
            # 7 x 7 cells, so that no border is near; the cell at (3, 3) is looked at.
            top, left = (CELL_PX * (2 + place) for place in (row, column))
            picture = torch.zeros(CELL, 1, 7 * CELL_PX, 7 * CELL_PX)
            picture[..., top : top + CELL_PX, left : left + CELL_PX] = inputs
            means = F.avg_pool2d(picture, side_px)
            copy = F.interpolate(means, scale_factor=side_px, mode="bilinear", align_corners=False)
            kernel[:, :, row, column] = F.pixel_unshuffle(copy, CELL_PX)[:, :, 3, 3].T
    return kernel
