"""Aligns two cameras by what both see, without a board; refuses rather than warp badly.

Many beginnings are tried on small pictures (`scene_start`); each is refined by what tiles say over all
moments together (`scene_tiles`, `scene_search`), coarse to fine, to a homography. How well it is known is
estimated by drawing tiles with return (B. Efron, "Bootstrap methods: another look at the jackknife", 1979).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from stream.calibrate.check.measure import FAIR
from stream.calibrate.grey import Grey, Numbers, resized
from stream.calibrate.scene.edge_check import edges_off_px
from stream.calibrate.scene.features import Likeness
from stream.calibrate.scene.initial_guess import Guess, Start, starts
from stream.calibrate.scene.search import climb, homographies, said_here, search
from stream.calibrate.scene.tiles import Tiles, measure
from stream.errors import CalibrationError
from stream.registration.calibration import Size
from stream.registration.camera_model import scaling

Pair = tuple[Grey, Grey]
Rng = np.random.Generator
Level = tuple[int, float, float]

# Moments that are looked at: for the beginnings, for the choice among them, and for the end.
FIRST_MOMENTS, CHOICE_MOMENTS = 5, 6
# Width of the grid, reach as a share of it, softness in pixels.
# Tiles agree the better the less they are bent, so that small pictures are worth some rounds.
FIRST_LEVELS: tuple[Level, ...] = ((128, 0.14, 1.5),)
SECOND_LEVELS: tuple[Level, ...] = ((128, 0.1, 1.0), (192, 0.06, 1.0))
CHOICE_LEVELS: tuple[Level, ...] = ((320, 0.05, 1.5), (320, 0.04, 1.0))
FINE_LEVELS: tuple[Level, ...] = ((320, 0.03, 1.2), (640, 0.025, 1.5), (640, 0.012, 1.0))
# Numbers of starts that are refined further in two rounds, before one is chosen.
SEMIFINALISTS, FINALISTS = 6, 3
LARGEST_WIDTH = 1280
# Pictures that can be compared: shortest side in pixels, and longest side against the other.
SHORTEST_PX, LONGEST = 16, 6
# Distance, as a share of the width, from which on another result is a rival.
APART = 0.04
DRAWS, DRAW_ROUNDS = 16, 6
# Limits of an accepted alignment: error as a share of the width that both see; evidence of a
# tile; agreement of the tiles, as a share of their best, more where edges do not confirm it; share of its
# likelihood the best rival reaches.
LARGEST_ERROR = 1 / 260
LEAST_EVIDENCE = 0.8
LEAST_AGREEMENT, LEAST_WITHOUT_EDGES = 0.7, 0.85
LARGEST_RIVAL = 0.8


@dataclass(frozen=True, slots=True)
class SceneAlignment:
    """An alignment: the position of the thermal picture on the visible one.

    Attributes:
        matrix: [3, 3] visible_from_thermal, between pixels.
        visible_size: width and height.
        thermal_size: width and height.
        turned: how the thermal picture stands against the visible one, in words; empty where upright.
        error_px: how well the place of a point is known: root mean square over the picture, visible pixels.
        evidence: log-likelihood of a tile against any other shift, on average; near 0 for strangers.
        agreement: what tiles say for it, as a share of what they say for their best shifts.
        rival: log-likelihood of the best other alignment, as a share.
        edges_off_px: how far edges of clear regions lie off, mean in visible pixels; None where none are.
        moments: how many pairs were used.
        doubt: why it must not be used; empty where it may.
    """

    matrix: Numbers
    visible_size: Size
    thermal_size: Size
    turned: str
    error_px: float
    evidence: float
    agreement: float
    rival: float
    edges_off_px: float | None
    moments: int
    doubt: str


@dataclass(frozen=True, slots=True)
class _Tried:
    start: Start
    matrix: Numbers
    likely: float


def align(
    pairs: Sequence[Pair], guess: Guess | None = None, tell: Callable[[str], None] = lambda text: None
) -> SceneAlignment:
    """Align two cameras.

    Args:
        pairs: visible and thermal pictures of the same moments, see `stream.calibrate.grey`.
        guess: what is known beforehand.
        tell: called with a sentence about the step that begins.

    Raises:
        CalibrationError: a picture is too small, or too long for its width.
    """
    for side, picture in zip(("visible", "thermal"), pairs[0], strict=True):
        _check_shape(side, _size(picture))
    rng, likeness = np.random.default_rng(0), Likeness()
    small = [_shrunk(visible) for visible, _ in pairs]
    from_full = scaling(_size(pairs[0][0]), _size(small[0]))
    worked = [(visible, thermal) for visible, (_, thermal) in zip(small, pairs, strict=True)]
    tell("trying scales, turns and shifts")
    begun = starts(likeness, _spread(worked, FIRST_MOMENTS), guess or Guess())
    best, rival = _chosen(likeness, worked, begun, rng)
    tell("measuring finely")
    finest = _Refiner(likeness, worked, rng)(best.start, best.matrix, FINE_LEVELS)
    if finest.likely < LEAST_EVIDENCE:  # tiles by themselves say nothing; pictures as a whole say more
        finest = _Tried(begun[0], begun[0].matrix, finest.likely)
    tiles = measure(likeness, worked, finest.matrix, *FINE_LEVELS[-1])
    finer = pairs[0][0].shape[1] / small[0].shape[1]
    full = np.linalg.inv(from_full) @ finest.matrix
    off_px = edges_off_px(worked, finest.matrix)
    found = SceneAlignment(
        np.asarray(full / full[2, 2]),
        _size(pairs[0][0]),
        _size(pairs[0][1]),
        finest.start.turned,
        _bootstrap(tiles, rng) * finer,
        finest.likely,
        _agreement(tiles),
        rival,
        None if off_px is None else off_px * finer,
        len(pairs),
        "",
    )
    return replace(found, doubt=_doubt(found, tiles.size[0] / tiles.from_full[0, 0] * finer))


def _check_shape(side: str, size: Size) -> None:
    if min(size) < SHORTEST_PX or max(size) > LONGEST * min(size):
        raise CalibrationError(
            f"{side} pictures of {size[0]}x{size[1]} pixels cannot be aligned: sides must have {SHORTEST_PX} "
            f"pixels or more, and the longer one at most {LONGEST} times as many as the other; give pictures "
            "of the whole view, or calibrate by points"
        )


def _chosen(
    likeness: Likeness, pairs: Sequence[Pair], begun: Sequence[Start], rng: Rng
) -> tuple[_Tried, float]:
    """The likeliest alignment, and how likely the best rival is, as a share of it."""
    refine = _Refiner(likeness, _spread(pairs, FIRST_MOMENTS), rng)
    tried = _best_first(refine(start, start.matrix, FIRST_LEVELS) for start in begun)
    refine = _Refiner(likeness, _spread(pairs, CHOICE_MOMENTS), rng)
    tried = _best_first(refine(one.start, one.matrix, SECOND_LEVELS) for one in tried[:SEMIFINALISTS])
    tried = _best_first(
        refine(one.start, matrix, CHOICE_LEVELS)
        for one in tried[:FINALISTS]
        for matrix in (one.matrix, _as_similarity(one.matrix, pairs[0]))
    )
    best = tried[0]
    rivals = [one for one in tried[1:] if _apart(one.matrix, best.matrix, pairs[0]) > APART]
    rival = max((one.likely for one in rivals), default=0.0) / max(best.likely, 1e-9)
    return best, max(rival, 0.0)


@dataclass(frozen=True, slots=True)
class _Refiner:
    likeness: Likeness
    pairs: Sequence[Pair]
    rng: Rng

    def __call__(self, start: Start, matrix: Numbers, levels: Sequence[Level]) -> _Tried:
        """Goes through levels, from a matrix."""
        likely = 0.0
        for level in levels:
            tiles = measure(self.likeness, self.pairs, matrix, *level)
            way, likely = search(tiles, self.rng)
            matrix = tiles.moved(matrix, way)
        return _Tried(start, matrix, likely)


def _best_first(tried: Iterable[_Tried]) -> list[_Tried]:
    return sorted(tried, key=lambda one: -one.likely)


def _as_similarity(matrix: Numbers, pair: Pair) -> Numbers:
    """The shift, scale and turn nearest to a homography: small pictures may have bent it too much."""
    places = _places(_size(pair[1]))
    ends = cv2.perspectiveTransform(places, matrix)
    if np.linalg.det(matrix[:2, :2]) < 0:  # mirrored, which no similarity is
        return matrix
    nearest, _ = cv2.estimateAffinePartial2D(places, ends, method=cv2.LMEDS)
    return matrix if nearest is None else np.asarray(np.vstack((nearest, (0, 0, 1))))


def _agreement(tiles: Tiles) -> float:
    """Score of the present registration over tiles, as a share of the score of their best shifts."""
    best = tiles.surfaces.max(axis=(1, 2)).sum()
    return float(np.maximum(said_here(tiles), 0).sum() / max(best, 1e-9))


def _bootstrap(tiles: Tiles, rng: Rng) -> float:
    """The error of a point in visible pixels: root mean square over the picture."""
    count, places = len(tiles.surfaces), _places(tiles.size)
    ends = []
    for _ in range(DRAWS):
        weights = np.bincount(rng.integers(0, count, count), minlength=count).astype(np.float64)
        corners, _ = climb(tiles, weights, rng, rounds=DRAW_ROUNDS)
        ends.append(cv2.perspectiveTransform(places, homographies(tiles.size, corners[None])[0])[:, 0])
    spread = np.var(np.array(ends), axis=0).sum(axis=-1).mean()
    return float(np.sqrt(spread)) / float(tiles.from_full[0, 0])


def _doubt(found: SceneAlignment, seen_px: float) -> str:
    """Reason why an alignment must not be used; `seen_px` is the width that both cameras see."""
    needed = LEAST_WITHOUT_EDGES if found.edges_off_px is None else LEAST_AGREEMENT
    if found.evidence < LEAST_EVIDENCE or found.agreement < needed:
        return "the two pictures have too little in common"
    if found.rival > LARGEST_RIVAL:
        return "another alignment fits almost as well"
    if found.error_px > LARGEST_ERROR * seen_px:
        return f"what both see holds it to within {found.error_px:.1f} pixels only"
    if found.edges_off_px is not None and found.edges_off_px > FAIR * found.visible_size[0]:
        return (
            f"edges still lie {found.edges_off_px:.1f} pixels off on average, as where things stand at many "
            "distances near the cameras"
        )
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


def _shrunk(visible: Grey) -> Grey:
    height, width = visible.shape
    if width <= LARGEST_WIDTH:
        return visible
    return resized(visible, (LARGEST_WIDTH, round(height * LARGEST_WIDTH / width)))


def _size(picture: Grey) -> Size:
    return picture.shape[1], picture.shape[0]
