"""Aligns two cameras by what both see, without a board; refuses rather than warp badly.

Many beginnings are tried on small pictures (`scene_start`); each is refined by how tiles of edges agree over
all moments together (`scene_tiles`, `scene_search`), coarse to fine, to a homography. How well it is known is
told by drawing tiles with return (B. Efron, "Bootstrap methods: another look at the jackknife", 1979).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from stream.calibrate.edges import Grey, Numbers, resized
from stream.calibrate.scene_search import search, value_here
from stream.calibrate.scene_start import Guess, Start, starts
from stream.calibrate.scene_tiles import Tiles, measure
from stream.calibration import Size
from stream.camera_model import scaling

Pair = tuple[Grey, Grey]
Rng = np.random.Generator
Level = tuple[int, float, float]

# Moments that are looked at: for the beginnings, for the choice among them, and for the end.
FIRST_MOMENTS, CHOICE_MOMENTS = 3, 8
# Width of the grid, reach as a share of it, softness in pixels.
# Tiles agree the better the less they are bent against each other, so that each width is worth some rounds.
FIRST_LEVELS = ((96, 0.14, 2.0), (96, 0.12, 2.0), (160, 0.08, 1.5), (160, 0.08, 1.5), (160, 0.06, 1.5))
CHOICE_LEVELS = ((320, 0.05, 1.3), (320, 0.05, 1.3))
FINE_LEVELS = ((320, 0.03, 1.0), (640, 0.025, 1.2), (640, 0.025, 1.0), (640, 0.012, 1.0))
# Of the beginnings, so many are refined further before one is chosen.
FINALISTS = 4
LARGEST_WIDTH = 1280
# Another beginning that ends so far away, as a share of the width, is a rival.
APART = 0.04
DRAWS = 16
DRAW_EFFORT = 0.3
# What an alignment has to be, or it is refused: error as a share of the width that both see; agreement of a
# tile, as a share of its best; how much of it the best rival reaches.
LARGEST_ERROR = 1 / 260
LEAST_AGREEMENT = 0.85
LARGEST_RIVAL = 0.9


@dataclass(frozen=True, slots=True)
class SceneAlignment:
    """Where the thermal picture lies on the visible one.

    Attributes:
        matrix: [3, 3] visible_from_thermal, between pixels.
        visible_size: width and height.
        thermal_size: width and height.
        turned: how the thermal picture stands against the visible one, in words; empty where upright.
        error_px: how well the place of a point is known: root mean square over the picture, visible pixels.
        agreement: of a tile of edges, as a share of what it could agree at best.
        rival: agreement of the best other alignment, as a share.
        moments: how many pairs were used.
        doubt: why it must not be used; empty where it may.
    """

    matrix: Numbers
    visible_size: Size
    thermal_size: Size
    turned: str
    error_px: float
    agreement: float
    rival: float
    moments: int
    doubt: str


@dataclass(frozen=True, slots=True)
class _Tried:
    start: Start
    matrix: Numbers
    agreement: float


def align(
    pairs: Sequence[Pair], guess: Guess | None = None, tell: Callable[[str], None] = lambda text: None
) -> SceneAlignment:
    """Align two cameras.

    Args:
        pairs: visible and thermal pictures of the same moments, see `stream.calibrate.edges`.
        guess: what is known beforehand.
        tell: told what is being done.
    """
    rng = np.random.default_rng(0)
    small = [_shrunk(visible) for visible, _ in pairs]
    from_full = scaling(_size(pairs[0][0]), _size(small[0]))
    worked = [(visible, thermal) for visible, (_, thermal) in zip(small, pairs, strict=True)]
    tell("trying scales, turns and shifts")
    begun = starts(_spread(worked, FIRST_MOMENTS), guess or Guess())
    chosen = _spread(worked, CHOICE_MOMENTS)
    tried = _best_first(_refined(start, start.matrix, FIRST_LEVELS, chosen, rng) for start in begun)
    finalists = [
        _refined(one.start, matrix, CHOICE_LEVELS, chosen, rng)
        for one in tried[:FINALISTS]
        for matrix in (one.matrix, _as_similarity(one.matrix, worked[0]))
    ]
    tried = _best_first(finalists)
    best = tried[0]
    rivals = [one for one in tried[1:] if _apart(one.matrix, best.matrix, worked[0]) > APART]
    rival = max((one.agreement for one in rivals), default=0.0) / max(best.agreement, 1e-9)
    tell("measuring finely")
    matrix, tiles = _fine(best.matrix, worked, rng)
    agreement, error_px = _bootstrap(tiles, rng)
    seen_px = tiles.size[0] / tiles.from_full[0, 0]
    full = np.linalg.inv(from_full) @ matrix
    finer = pairs[0][0].shape[1] / small[0].shape[1]
    return SceneAlignment(
        np.asarray(full / full[2, 2]),
        _size(pairs[0][0]),
        _size(pairs[0][1]),
        best.start.turned,
        error_px * finer,
        agreement,
        rival,
        len(pairs),
        _doubt(error_px * finer, seen_px * finer, agreement, rival),
    )


def _refined(
    start: Start, matrix: Numbers, levels: Sequence[Level], pairs: Sequence[Pair], rng: Rng
) -> _Tried:
    agreement = 0.0
    for width, reach, soft in levels:
        tiles = measure(pairs, matrix, width, reach, soft)
        way, agreement = search(tiles, _ones(tiles), rng)
        matrix = tiles.moved(matrix, way)
    return _Tried(start, matrix, agreement)


def _best_first(tried: Iterable[_Tried]) -> list[_Tried]:
    return sorted(tried, key=lambda one: -one.agreement)


def _as_similarity(matrix: Numbers, pair: Pair) -> Numbers:
    """The shift, scale and turn nearest to a homography: small pictures may have bent it too much."""
    places = _places(_size(pair[1]))
    ends = cv2.perspectiveTransform(places, matrix)
    if np.linalg.det(matrix[:2, :2]) < 0:  # mirrored, which no similarity is
        return matrix
    nearest, _ = cv2.estimateAffinePartial2D(places, ends, method=cv2.LMEDS)
    return matrix if nearest is None else np.asarray(np.vstack((nearest, (0, 0, 1))))


def _fine(matrix: Numbers, pairs: Sequence[Pair], rng: Rng) -> tuple[Numbers, Tiles]:
    """The best homography, and the tiles as it registers them."""
    for level, reach, soft in FINE_LEVELS:
        tiles = measure(pairs, matrix, level, reach, soft)
        way, _ = search(tiles, _ones(tiles), rng)
        matrix = tiles.moved(matrix, way)
    last, reach, soft = FINE_LEVELS[-1]
    return matrix, measure(pairs, matrix, last, reach, soft)


def _bootstrap(tiles: Tiles, rng: Rng) -> tuple[float, float]:
    """Agreement of a tile, and the error of a point in visible pixels."""
    agreement = value_here(tiles, _ones(tiles))
    count, places = len(tiles.surfaces), _places(tiles.size)
    ends = []
    for _ in range(DRAWS):
        weights = np.bincount(rng.integers(0, count, count), minlength=count).astype(np.float64)
        way, _ = search(tiles, weights, rng, 0.5, DRAW_EFFORT)
        ends.append(cv2.perspectiveTransform(places, way)[:, 0])
    spread = np.var(np.array(ends), axis=0).sum(axis=-1).mean()
    return agreement / count, float(np.sqrt(spread)) / float(tiles.from_full[0, 0])


def _doubt(error_px: float, seen_px: float, agreement: float, rival: float) -> str:
    """Why an alignment must not be used.

    Args:
        error_px: of a point.
        seen_px: width of what both cameras see.
        agreement: of a tile.
        rival: of the best other alignment, as a share of it.
    """
    if agreement < LEAST_AGREEMENT:
        return "the two pictures have too few edges in common"
    if rival > LARGEST_RIVAL:
        return "another alignment fits almost as well"
    if error_px > LARGEST_ERROR * seen_px:
        return f"edges hold it to within {error_px:.1f} pixels only"
    return ""


def _spread(pairs: Sequence[Pair], most: int) -> Sequence[Pair]:
    """At most so many, spread evenly."""
    if len(pairs) <= most:
        return pairs
    return [pairs[round(at)] for at in np.linspace(0, len(pairs) - 1, most)]


def _apart(one: Numbers, other: Numbers, pair: Pair) -> float:
    """Mean distance of where two registrations put the thermal picture, as a share of the visible width."""
    places = _places(_size(pair[1]))
    ends = [cv2.perspectiveTransform(places, matrix)[:, 0] for matrix in (one, other)]
    apart_px: Numbers = np.linalg.norm(ends[0] - ends[1], axis=1)
    return float(np.mean(apart_px)) / float(pair[0].shape[1])


def _places(size: Size) -> Numbers:
    """[N, 1, 2] places all over a picture."""
    across, down = (np.linspace(0, side - 1, 9) for side in size)
    return np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 1, 2)


def _ones(tiles: Tiles) -> Numbers:
    return np.ones(len(tiles.surfaces))


def _shrunk(visible: Grey) -> Grey:
    height, width = visible.shape
    if width <= LARGEST_WIDTH:
        return visible
    return resized(visible, (LARGEST_WIDTH, round(height * LARGEST_WIDTH / width)))


def _size(picture: Grey) -> Size:
    return picture.shape[1], picture.shape[0]
