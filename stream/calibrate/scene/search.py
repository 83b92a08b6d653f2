"""The homography that the tiles of two pictures make likeliest.

Candidates are what two tiles (a similarity) or four (a homography) say together, as in M. Fischler and
R. Bolles, "Random sample consensus", 1981, and what is drawn around no change. From the best few of them the
cross-entropy method climbs on (R. Rubinstein, "The cross-entropy method for combinatorial and continuous
optimization", 1999): draw many, keep the best few, draw around them, and so on. A homography is given by
displacements of the four corners of the picture, in ways that are alike: shift, scale, turn, the two ways of
stretching, and the two of perspective.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream.calibrate.scene.tiles import Tiles

Numbers = NDArray[np.float64]
Rng = np.random.Generator

# Standard deviations of the draws of the eight parameters around no change, as shares of the reach.
WAYS = np.array((0.6, 0.6, 0.42, 0.3, 0.24, 0.24, 0.18, 0.18))
AROUND, BY_TWO, BY_FOUR = 600, 600, 800
# Least distance of two tiles for a similarity, and least area of four for a homography, as shares.
APART, SPANNED = 0.2, 0.02
# Candidates that are climbed from; they differ by this share of the reach somewhere.
CLIMBS, UNLIKE = 4, 0.08
DRAWN, KEPT, ROUNDS = 350, 20, 12
# Tiles that eight unknowns can satisfy.
FREE = 4
# Standard deviations of the draws when climbing begins, as shares of the reach.
CLOSE = np.array((0.12, 0.12, 0.1, 0.1, 0.07, 0.07, 0.06, 0.06))
NARROWEST_PX = 0.02
# A part that is not a similarity costs COST in log-likelihood at COST_SHARE of the reach, for the ends of the
# picture that no tile holds.
COST, COST_SHARE = 1.0, 0.35


def search(tiles: Tiles, rng: Rng) -> tuple[Numbers, float]:
    """Offset of thermal content.

    Args:
        tiles: what they say.
        rng: what is drawn from.

    Returns:
        A homography [3, 3] on the grid of the tiles, and what tiles say for it, on average: log-likelihood
        without the four that say most, which some homography always satisfies.
    """
    weights = np.ones(len(tiles.surfaces))
    candidates = np.concatenate((_around_nothing(tiles, rng), _by_tiles(tiles, rng)))
    values = _values(tiles, weights, candidates)
    ends = [climb(tiles, weights, rng, start) for start in _distinct(candidates, values, tiles.reach)]
    corners, value = max(ends, key=lambda end: end[1])
    way: Numbers = homographies(tiles.size, corners[None])[0]
    said = np.sort(_looked_up(tiles, (_moved(way[None], tiles.middles) - tiles.middles))[0])
    return way, (value - float(said[-FREE:].sum())) / len(weights)


def climb(
    tiles: Tiles, weights: Numbers, rng: Rng, start: Numbers | None = None, rounds: int = ROUNDS
) -> tuple[Numbers, float]:
    """The likeliest displacements of the corners [8] near a start, and their log-likelihood, summed.

    Args:
        tiles: what they say.
        weights: [T] how often each tile counts.
        rng: what is drawn from.
        start: displacements [8]; None for no change.
        rounds: how often is drawn.
    """
    basis = _basis(tiles.size)
    middle = np.zeros(8) if start is None else start @ np.linalg.inv(basis)
    widths = np.maximum(CLOSE * tiles.reach, 0.3)
    for _ in range(rounds):
        drawn = middle + widths * rng.standard_normal((DRAWN, 8))
        drawn[0] = middle
        values = _values(tiles, weights, drawn @ basis)
        kept = drawn[np.argsort(-values)[:KEPT]]
        middle, widths = kept.mean(axis=0), np.maximum(kept.std(axis=0) * 1.05, NARROWEST_PX)
    corners = middle @ basis
    return corners, float(_values(tiles, weights, corners[None])[0])


def said_here(tiles: Tiles) -> Numbers:
    """Log-likelihood [T] of how things are registered."""
    said: Numbers = _looked_up(tiles, np.zeros((1, len(tiles.surfaces), 2)))[0]
    return said


def homographies(size: tuple[int, int], corners: Numbers) -> Numbers:
    """[N, 3, 3] that move the corners of a picture by [N, 8], from the upper left to the lower right."""
    places = np.broadcast_to(_corner_places(size), (len(corners), 4, 2))
    return _through(places, places + corners.reshape(-1, 4, 2))


def _around_nothing(tiles: Tiles, rng: Rng) -> Numbers:
    drawn = WAYS * tiles.reach * rng.standard_normal((AROUND, 8))
    drawn[0] = 0
    return np.asarray(drawn @ _basis(tiles.size))


def _by_tiles(tiles: Tiles, rng: Rng) -> Numbers:
    """Displacements of the corners [N, 8] that two or four tiles agree upon, certain ones more often."""
    count = len(tiles.surfaces)
    if count < 4:
        return np.zeros((0, 8))
    flat = tiles.surfaces.reshape(count, -1)
    best, side = flat.argmax(axis=1), tiles.surfaces.shape[1]
    shifts = np.stack((best % side, best // side), axis=1) / tiles.steps - tiles.reach
    sure = np.log(np.maximum(flat.max(axis=1), 1e-3))
    found = np.concatenate((_by_two(tiles, shifts, sure, rng), _by_four(tiles, shifts, sure, rng)))
    return np.asarray(found[np.abs(found).max(axis=1) < 2 * tiles.reach + 4])


def _by_two(tiles: Tiles, shifts: Numbers, sure: Numbers, rng: Rng) -> Numbers:
    chosen = _draw(sure, BY_TWO, 2, rng)
    places, moved = _complex(tiles.middles)[chosen], _complex(tiles.middles + shifts)[chosen]
    far = np.abs(places[:, 0] - places[:, 1]) > APART * tiles.size[0]
    places, moved = places[far], moved[far]
    turned = (moved[:, 1] - moved[:, 0]) / (places[:, 1] - places[:, 0])
    corners = _complex(_corner_places(tiles.size))[None]
    ends = turned[:, None] * (corners - places[:, :1]) + moved[:, :1] - corners
    return np.stack((ends.real, ends.imag), axis=-1).reshape(-1, 8)


def _by_four(tiles: Tiles, shifts: Numbers, sure: Numbers, rng: Rng) -> Numbers:
    chosen = _draw(sure, BY_FOUR, 4, rng)
    places, moved = tiles.middles[chosen], (tiles.middles + shifts)[chosen]
    least = np.min([_area(np.delete(places, left_out, axis=1)) for left_out in range(4)], axis=0)
    wide = least > SPANNED * tiles.size[0] * tiles.size[1]
    matrices = _through(places[wide], moved[wide])
    corners = _corner_places(tiles.size)
    return (_moved(matrices, corners) - corners).reshape(-1, 8)


def _draw(sure: Numbers, count: int, each: int, rng: Rng) -> NDArray[np.intp]:
    """[count, each] different tiles, drawn in proportion to the square of what they know (Gumbel's trick)."""
    keys = 2 * sure + rng.gumbel(size=(count, len(sure)))
    return np.argsort(-keys, axis=1)[:, :each]


def _distinct(candidates: Numbers, values: Numbers, reach: int) -> list[Numbers]:
    kept: list[Numbers] = []
    for one in candidates[np.argsort(-values)]:
        if len(kept) == CLIMBS:
            break
        if all(np.abs(one - other).max() > max(1.0, UNLIKE * reach) for other in kept):
            kept.append(one)
    return kept


def _values(tiles: Tiles, weights: Numbers, corners: Numbers) -> Numbers:
    """Log-likelihood [N] of displacements of the corners [N, 8]."""
    shifts = _moved(homographies(tiles.size, corners), tiles.middles) - tiles.middles
    return _looked_up(tiles, shifts) @ weights - _cost(tiles, corners)


def _looked_up(tiles: Tiles, shifts: Numbers) -> Numbers:
    """[N, T] log-likelihood at shifts [N, T, 2], linear between steps; 0, unknown, beyond the reach."""
    last = 2 * tiles.reach * tiles.steps
    places = np.clip((shifts + tiles.reach) * tiles.steps, 0, last - 1e-3)
    whole = places.astype(np.intp)
    (right, down), (column, row) = np.moveaxis(places - whole, -1, 0), np.moveaxis(whole, -1, 0)
    tile, surfaces = np.arange(len(tiles.surfaces))[None], tiles.surfaces
    above = surfaces[tile, row, column] * (1 - right) + surfaces[tile, row, column + 1] * right
    below = surfaces[tile, row + 1, column] * (1 - right) + surfaces[tile, row + 1, column + 1] * right
    beyond = (np.abs(shifts) > tiles.reach).any(axis=-1)
    return np.asarray(np.where(beyond, 0, above * (1 - down) + below * down))


def _cost(tiles: Tiles, corners: Numbers) -> Numbers:
    """The part of the displacements beyond a similarity, given by the last four parameters."""
    parts = corners @ np.linalg.inv(_basis(tiles.size))[:, 4:]
    return np.asarray(COST * np.square(parts / (COST_SHARE * tiles.reach)).sum(axis=1))


def _basis(size: tuple[int, int]) -> Numbers:
    """[8, 8] ways of moving the corners, each with a mean square of 1 a coordinate."""
    flat = size[1] / size[0]
    signs = np.array([(-1, -1), (1, -1), (-1, 1), (1, 1)], np.float64)
    x, y, both, none = signs[:, 0], signs[:, 1] * flat, signs.prod(axis=1), np.zeros(4)
    one = np.ones(4)
    ways = [(one, none), (none, one), (x, y), (-y, x), (x, -y), (y, x), (both, none), (none, both)]
    basis = np.array([np.stack(way, axis=1).ravel() for way in ways])
    return np.asarray(basis / np.sqrt(np.square(basis).mean(axis=1, keepdims=True)))


def _through(places: Numbers, moved: Numbers) -> Numbers:
    """Homographies [N, 3, 3] that bring four places [N, 4, 2] to others."""
    (x, y), (right, down) = np.moveaxis(places, -1, 0), np.moveaxis(moved, -1, 0)
    zero, one = np.zeros_like(x), np.ones_like(x)
    across = np.stack((x, y, one, zero, zero, zero, -x * right, -y * right), axis=-1)
    along = np.stack((zero, zero, zero, x, y, one, -x * down, -y * down), axis=-1)
    equations, sides = np.concatenate((across, along), axis=1), np.concatenate((right, down), axis=1)
    solved = np.linalg.solve(equations, sides[..., None])[..., 0]
    return np.concatenate((solved, np.ones((len(solved), 1))), axis=1).reshape(-1, 3, 3)


def _moved(matrices: Numbers, places: Numbers) -> Numbers:
    """[N, P, 2] where matrices [N, 3, 3] bring places [P, 2]."""
    ends = matrices @ np.column_stack((places, np.ones(len(places)))).T
    return np.moveaxis(ends[:, :2] / ends[:, 2:], 1, -1)


def _area(three: Numbers) -> Numbers:
    """Areas [N] of triangles [N, 3, 2]."""
    first, second = three[:, 1] - three[:, 0], three[:, 2] - three[:, 0]
    return np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / 2


def _complex(places: Numbers) -> NDArray[np.complex128]:
    return np.asarray(places[..., 0] + 1j * places[..., 1])


def _corner_places(size: tuple[int, int]) -> Numbers:
    right, down = size[0] - 1.0, size[1] - 1.0
    return np.array([(0, 0), (right, 0), (0, down), (right, down)])
