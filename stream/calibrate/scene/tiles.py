"""Likelihood of each shift of the tiles of two pictures, over many frame pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gifnet.features import agreement, chances
from stream.calibrate.grey import Grey, Numbers, resized, scale_of, warp
from stream.calibrate.scene.features import Likeness
from stream.registration.calibration import Size
from stream.registration.camera_model import scaling

TILE, SMALLEST_TILE_PX = 0.24, 24
STEP = 0.55
# A tile is wrong for reasons that it cannot see, such as parallax, with this probability.
WRONG = 0.02
STANDS_OUT = 3.0
# Steps of a surface in a pixel: what lies between whole pixels is estimated from the shape of a peak.
STEPS = 3
# Around the thermal picture, as a share of its width, and pixels of the narrowest grid.
MARGIN = 0.04
FEWEST_PX = 64
# Most pixels of the grid to one of the thermal picture: finer detail is seen by one camera only.
FINEST = 2.0


@dataclass(frozen=True, slots=True)
class Tiles:
    """Scores of the tiles for each shift.

    Attributes:
        surfaces: [T, S, S] logarithm of how much likelier than any other a shift is; 0 where a tile says
            nothing, about -4 where it is certain of another shift. Thermal content that lies
            `column / steps - reach` to the right and `row / steps - reach` down of where it should be raises
            it there.
        middles: [T, 2] right and down, where the features of each tile lie on average.
        reach: largest shift in pixels.
        steps: of the surfaces in a pixel.
        size: width and height of the grid.
        from_full: [3, 3] from visible pixels to those of the grid.
    """

    surfaces: NDArray[np.float32]
    middles: Numbers
    reach: int
    steps: int
    size: Size
    from_full: Numbers

    def moved(self, matrix: Numbers, way: Numbers) -> Numbers:
        """A registration after thermal content was found to lie off by `way`, [3, 3] on this grid."""
        back = np.linalg.inv(self.from_full) @ np.linalg.inv(way) @ self.from_full @ matrix
        return np.asarray(back / back[2, 2])


def measure(
    likeness: Likeness,
    pairs: Sequence[tuple[Grey, Grey]],
    matrix: Numbers,
    width: int,
    reach: float,
    soft: float,
) -> Tiles:
    """Compare pairs that a matrix registers.

    Args:
        likeness: what they are compared by.
        pairs: visible and thermal pictures.
        matrix: [3, 3] visible_from_thermal.
        width: of the grid in pixels, which covers what both see.
        reach: largest shift as a share of the width.
        soft: pixels by which surfaces are softened, so that a rough fit finds its way.
    """
    left, top, right, bottom = _common(pairs[0], matrix)
    finest = min(right - left, FINEST * (right - left) / scale_of(matrix, pairs[0][1].shape[::-1]))
    width = min(width, max(round(finest), FEWEST_PX))
    size = width, max(FEWEST_PX // 2, round((bottom - top) * width / (right - left)))
    from_full = scaling((right - left, bottom - top), size) @ np.array(
        [[1, 0, -left], [0, 1, -top], [0, 0, 1.0]]
    )
    reach_px = max(3, round(reach * width))
    tile = min(max(SMALLEST_TILE_PX, round(TILE * width)), size[1])
    corners = _corners(size, tile)
    padded = np.array([[1, 0, reach_px], [0, 1, reach_px], [0, 0, 1.0]]) @ from_full @ matrix
    around = size[0] + 2 * reach_px, size[1] + 2 * reach_px
    sums = variance = torch.zeros(())
    places, power = torch.zeros((len(corners), 2)), torch.full((len(corners),), 1e-6)
    for visible, thermal in pairs:
        seen = _cut(likeness.visible(resized(visible[top:bottom, left:right], size)), corners, tile)
        moved = _cut(likeness.thermal(*warp(thermal, padded, around)), corners, tile + 2 * reach_px)
        more_sums, more_variance = agreement(seen, moved)
        sums, variance = sums + more_sums, variance + more_variance
        powers = seen.square().sum(1)
        places, power = places + _weighted_places(powers), power + powers.sum((1, 2))
    agreed = chances(sums, variance, tile**2 * len(pairs))
    middles = (places / power[:, None]).numpy() + np.array(corners)[:, ::-1]
    return Tiles(_against_any(agreed, soft), middles.astype(np.float64), reach_px, STEPS, size, from_full)


def _against_any(agreed: Tensor, soft: float) -> NDArray[np.float32]:
    """Agreement in multiples of chance to log-likelihoods, as in `Tiles.surfaces`.

    Surfaces are measured against their own spread, since what is alike all over a tile agrees at many shifts.
    The right shift stands out by `STANDS_OUT` spreads, if the tile shows it at all: as likely as not.
    """
    count = agreed.shape[0]
    flat = agreed.flatten(1)
    middle = flat.median(dim=1).values[:, None, None]
    spread = 1.4826 * (agreed - middle).abs().flatten(1).median(dim=1).values[:, None, None]
    above = torch.from_numpy(_between((agreed - middle) / spread.clamp(min=1)))
    logits = (STANDS_OUT * above - STANDS_OUT**2 / 2).flatten(1)
    absent = torch.full((count, 1), math.log(logits.shape[1]))
    chance = torch.softmax(torch.cat((logits, absent), dim=1), dim=1)
    here, anywhere = chance[:, :-1].reshape(above.shape).numpy(), chance[:, -1:, None].numpy()
    softened = np.stack([cv2.GaussianBlur(one, (0, 0), soft * STEPS) for one in here])
    return np.asarray(np.log((1 - WRONG) * (softened * logits.shape[1] + anywhere) + WRONG), np.float32)


def _between(surfaces: Tensor) -> NDArray[np.float32]:
    """[T, S, S] at `STEPS` places a pixel, by cubic interpolation."""
    side = (surfaces.shape[1] - 1) * STEPS + 1
    back = np.diag((1 / STEPS, 1 / STEPS, 1.0))[:2]
    how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    moved = [
        cv2.warpAffine(one, back, (side, side), flags=how, borderMode=cv2.BORDER_REPLICATE)
        for one in surfaces.numpy()
    ]
    return np.stack(moved).astype(np.float32)


def _common(pair: tuple[Grey, Grey], matrix: Numbers) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the visible pixels that the thermal picture takes, with a margin."""
    (height, width), (rows, columns) = pair[0].shape, pair[1].shape
    corners = np.array([(0, 0), (columns, 0), (0, rows), (columns, rows)], np.float64)
    places = cv2.perspectiveTransform(corners[:, None], matrix)[:, 0]
    margin = MARGIN * float(np.ptp(places[:, 0]))
    left, top = np.clip(places.min(axis=0) - margin, 0, (width, height)).astype(int).tolist()
    right, bottom = np.clip(places.max(axis=0) + margin, 0, (width, height)).astype(int).tolist()
    if right - left < FEWEST_PX // 2 or bottom - top < FEWEST_PX // 2:  # nothing in common: look everywhere
        return 0, 0, width, height
    return left, top, right, bottom


def _corners(size: Size, tile: int) -> list[tuple[int, int]]:
    """Upper left corners, as row and column, of tiles that overlap by about a half."""
    across, down = (
        np.unique(np.linspace(0, side - tile, max(2, round((side - tile) / (STEP * tile)) + 1)).round())
        for side in size
    )
    return [(int(row), int(column)) for row in down for column in across]


def _cut(features: Tensor, corners: list[tuple[int, int]], side: int) -> Tensor:
    """[T, C, side, side] tiles of [C, H, W]."""
    return torch.stack([features[:, row : row + side, column : column + side] for row, column in corners])


def _weighted_places(powers: Tensor) -> Tensor:
    """Right and down, [T, 2], summed over all features of each tile."""
    right = (powers.sum(1) * torch.arange(powers.shape[2])).sum(1)
    down = (powers.sum(2) * torch.arange(powers.shape[1])).sum(1)
    return torch.stack((right, down), dim=1)
