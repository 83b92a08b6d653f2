"""How the tiles of two pictures agree at each shift, over many moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.calibrate.correlation import correlate, spectrum
from stream.calibrate.edges import Field, Grey, Numbers, field, resized, scale_of, warp
from stream.calibration import Size
from stream.camera_model import scaling

TILE = 0.24
STEP = 0.55
# Edges that a tile has to show at least, as a share of its pixels, before it has a say.
FEWEST_EDGES = 0.0005
# Agreement in multiples of chance from which a tile is certain.
CERTAIN = 6.0
# Around the thermal picture, as a share of its width, and pixels of the narrowest grid.
MARGIN = 0.04
FEWEST_PX = 64
# Pixels of the grid to one of the thermal picture at most: edges that only one camera can see say nothing.
FINEST = 2.0


@dataclass(frozen=True, slots=True)
class Tiles:
    """Agreement of tiles.

    Attributes:
        surfaces: [T, S, S], 1 where a tile agrees as well as anywhere; thermal content that lies
            `column - reach` to the right and `row - reach` down of where it should be raises it there.
        middles: [T, 2] right and down, where the edges of each tile lie on average.
        reach: largest shift.
        size: width and height of the grid.
        from_full: [3, 3] from visible pixels to those of the grid.
    """

    surfaces: NDArray[np.float32]
    middles: Numbers
    reach: int
    size: Size
    from_full: Numbers

    def moved(self, matrix: Numbers, way: Numbers) -> Numbers:
        """A registration after thermal content was found to lie off by `way`, [3, 3] on this grid."""
        back = np.linalg.inv(self.from_full) @ np.linalg.inv(way) @ self.from_full @ matrix
        return np.asarray(back / back[2, 2])


def measure(
    pairs: Sequence[tuple[Grey, Grey]], matrix: Numbers, width: int, reach: float, soft: float
) -> Tiles:
    """Compare pairs that a matrix registers.

    Args:
        pairs: visible and thermal pictures.
        matrix: [3, 3] visible_from_thermal.
        width: of the grid in pixels, which covers what both see.
        reach: largest shift as a share of the width.
        soft: pixels by which surfaces are softened, so that a rough fit finds its way.
    """
    box = _common(pairs[0], matrix)
    left, top, right, bottom = box
    finest = min(right - left, FINEST * (right - left) / scale_of(matrix, pairs[0][1].shape[::-1]))
    width = min(width, max(round(finest), FEWEST_PX))
    size = width, max(FEWEST_PX // 2, round((bottom - top) * width / (right - left)))
    from_full = scaling((right - left, bottom - top), size) @ np.array(
        [[1, 0, -left], [0, 1, -top], [0, 0, 1.0]]
    )
    reach_px = max(3, round(reach * width))
    tile = min(max(16, round(TILE * width)), size[1])
    corners = _corners(size, tile)
    padded = np.array([[1, 0, reach_px], [0, 1, reach_px], [0, 0, 1.0]]) @ from_full @ matrix
    around = size[0] + 2 * reach_px, size[1] + 2 * reach_px
    agreement = variance = np.zeros(())
    edges_at, edges = np.zeros((len(corners), 2)), np.full(len(corners), 1e-6)
    for visible, thermal in pairs:
        seen = _cut(field(resized(visible[top:bottom, left:right], size)), corners, tile)
        moved = _cut(field(*warp(thermal, padded, around)), corners, tile + 2 * reach_px)
        power, moved_power = np.abs(seen) ** 2, np.abs(moved) ** 2
        agreement = agreement + _correlated(seen, moved, reach_px)
        variance = variance + np.maximum(_correlated(power, moved_power, reach_px), 0) / 2
        edges_at += _weighted_places(power)
        edges += power.sum(axis=(1, 2))
    floor = FEWEST_EDGES * tile**2 * len(pairs)
    chances = agreement / np.sqrt(variance + floor)
    soft_chances = _softened(chances - chances.mean(axis=(1, 2), keepdims=True), soft)
    # A tile that is certain has no more to say than another one, or a few would decide for the whole picture.
    surfaces = soft_chances / np.maximum(soft_chances.max(axis=(1, 2), keepdims=True), CERTAIN)
    middles = edges_at / edges[:, None] + np.array(corners)[:, ::-1]
    return Tiles(surfaces, middles, reach_px, size, from_full)


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


def _cut(edges: Field, corners: list[tuple[int, int]], side: int) -> Field:
    return np.stack([edges[row : row + side, column : column + side] for row, column in corners])


def _correlated(seen: np.ndarray, moved: np.ndarray, reach: int) -> np.ndarray:
    """Sums over a tile for each shift, [T, 2 reach + 1, 2 reach + 1]."""
    shape, shifts = [cv2.getOptimalDFTSize(moved.shape[1])] * 2, [2 * reach + 1] * 2
    spectra = spectrum(moved, shape), spectrum(seen, shape)
    return correlate(*spectra, shape, shifts, real=not np.iscomplexobj(seen))


def _weighted_places(power: np.ndarray) -> Numbers:
    """Right and down, [T, 2], summed over all edges of each tile."""
    right = (power.sum(axis=1) * np.arange(power.shape[2])).sum(axis=1)
    down = (power.sum(axis=2) * np.arange(power.shape[1])).sum(axis=1)
    return np.stack((right, down), axis=1)


def _softened(surfaces: np.ndarray, by_px: float) -> NDArray[np.float32]:
    return np.stack([cv2.GaussianBlur(one.astype(np.float32), (0, 0), by_px) for one in surfaces])
