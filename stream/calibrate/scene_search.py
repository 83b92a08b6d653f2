"""The homography at which the tiles of two pictures agree best, by the cross-entropy method.

R. Rubinstein, "The cross-entropy method for combinatorial and continuous optimization", 1999: draw many,
keep the best few, draw around them, and so on. Edges have many places where they agree a little; drawing
widely finds the one where they agree most. A homography is drawn as displacements of the four corners of the
picture, in ways that are alike: shift, scale, turn, the two ways of stretching, and the two of perspective.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream.calibrate.scene_tiles import Tiles

Numbers = NDArray[np.float64]

# How far each of the eight ways is drawn at first, as a share of the reach.
WAYS = np.array((0.6, 0.6, 0.42, 0.3, 0.24, 0.24, 0.18, 0.18))
DRAWN, BEST_SHARE, ROUNDS = 1600, 0.04, 14
NARROWEST_PX = 0.02
# A homography that is no similarity costs so much, for ends of the picture without edges to hold them:
# this much agreement where corners are off by this share of the width.
COST, COST_SHARE = 1.0, 0.03


def search(
    tiles: Tiles, weights: Numbers, rng: np.random.Generator, spread: float = 1.0, effort: float = 1.0
) -> tuple[Numbers, float]:
    """How far off thermal content lies.

    Args:
        tiles: agreement.
        weights: [T] how much each tile has to say.
        rng: what is drawn from.
        spread: 1 looks within the whole reach, less nearer by.
        effort: share of the draws.

    Returns:
        A homography [3, 3] on the grid of the tiles, and the agreement there, summed over tiles.
    """
    basis = _basis(tiles.size)
    middle, widths = np.zeros(len(WAYS)), WAYS * tiles.reach * spread
    draws = round(DRAWN * effort)
    for _ in range(ROUNDS):
        drawn = middle + widths * rng.standard_normal((draws, len(WAYS)))
        drawn[0] = middle
        values = _values(tiles, weights, drawn @ basis)
        best = drawn[np.argsort(-values)[: int(draws * BEST_SHARE)]]
        middle, widths = best.mean(axis=0), np.maximum(best.std(axis=0) * 1.05, NARROWEST_PX)
    corners = middle[None] @ basis
    return homographies(tiles.size, corners)[0], float(_values(tiles, weights, corners)[0])


def value_here(tiles: Tiles, weights: Numbers) -> float:
    """Agreement as registered."""
    return float(_values(tiles, weights, np.zeros((1, 8)))[0])


def homographies(size: tuple[int, int], corners: Numbers) -> Numbers:
    """[N, 3, 3] that move the corners of a picture by [N, 8], from the upper left to the lower right."""
    places = _corner_places(size)
    moved = places[None] + corners.reshape(-1, 4, 2)
    equations, sides = np.zeros((len(moved), 8, 8)), np.zeros((len(moved), 8))
    for index, (x, y) in enumerate(places):
        right, down = moved[:, index, 0], moved[:, index, 1]
        zero, one = np.zeros_like(right), np.ones_like(right)
        first, second = 2 * index, 2 * index + 1
        equations[:, first] = np.stack(
            (x * one, y * one, one, zero, zero, zero, -x * right, -y * right), axis=1
        )
        equations[:, second] = np.stack(
            (zero, zero, zero, x * one, y * one, one, -x * down, -y * down), axis=1
        )
        sides[:, first], sides[:, second] = right, down
    solved = np.linalg.solve(equations, sides[..., None])[..., 0]
    return np.concatenate((solved, np.ones((len(moved), 1))), axis=1).reshape(-1, 3, 3)


def _values(tiles: Tiles, weights: Numbers, corners: Numbers) -> Numbers:
    """Agreement [N] for displacements of the corners [N, 8]."""
    places = np.column_stack((tiles.middles, np.ones(len(tiles.middles)))).T
    moved = homographies(tiles.size, corners) @ places
    shifts = np.moveaxis(moved[:, :2] / moved[:, 2:], 1, -1) - tiles.middles
    return _looked_up(tiles, shifts) @ weights - _cost(tiles.size, corners)


def _looked_up(tiles: Tiles, shifts: Numbers) -> Numbers:
    """[N, T] agreement at shifts [N, T, 2], between whole ones linearly; nothing beyond the reach."""
    last = 2 * tiles.reach
    places = np.clip(shifts + tiles.reach, 0, last - 1e-3)
    whole = places.astype(np.intp)
    (right, down), (column, row) = np.moveaxis(places - whole, -1, 0), np.moveaxis(whole, -1, 0)
    tile, surfaces = np.arange(len(tiles.surfaces))[None], tiles.surfaces
    above = surfaces[tile, row, column] * (1 - right) + surfaces[tile, row, column + 1] * right
    below = surfaces[tile, row + 1, column] * (1 - right) + surfaces[tile, row + 1, column + 1] * right
    beyond = (np.abs(shifts) > tiles.reach).any(axis=-1)
    return np.asarray(np.where(beyond, 0, above * (1 - down) + below * down))


def _cost(size: tuple[int, int], corners: Numbers) -> Numbers:
    """What is no similarity: the part of the displacements that the last four ways hold."""
    basis = _basis(size)[4:]
    parts = corners @ np.linalg.pinv(basis)
    return np.asarray(COST * np.square(parts / (COST_SHARE * size[0])).sum(axis=1))


def _basis(size: tuple[int, int]) -> Numbers:
    """[8, 8] ways of moving the corners, each with a mean square of 1 a coordinate."""
    flat = size[1] / size[0]
    signs = np.array([(-1, -1), (1, -1), (-1, 1), (1, 1)], np.float64)
    x, y, both, none = signs[:, 0], signs[:, 1] * flat, signs.prod(axis=1), np.zeros(4)
    one = np.ones(4)
    ways = [(one, none), (none, one), (x, y), (-y, x), (x, -y), (y, x), (both, none), (none, both)]
    basis = np.array([np.stack(way, axis=1).ravel() for way in ways])
    return np.asarray(basis / np.sqrt(np.square(basis).mean(axis=1, keepdims=True)))


def _corner_places(size: tuple[int, int]) -> Numbers:
    right, down = size[0] - 1.0, size[1] - 1.0
    return np.array([(0, 0), (right, 0), (0, down), (right, down)])
