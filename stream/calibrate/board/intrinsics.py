"""One camera's lens from views of a board: as few parameters as the views ask for and can carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from stream.calibrate.board.finder import Sighting
from stream.calibrate.board.targets import Board, Points
from stream.registration.calibration import PinholeCamera, Size
from stream.registration.camera_model import rows_of

# A further parameter must make the Bayesian information criterion this much smaller: "very strong" evidence
# in Kass and Raftery, "Bayes Factors", 1995.
EVIDENCE = 10.0
# A view is left out if its error exceeds both this multiple of the median and this many pixels.
OUTLIER_TIMES, OUTLIER_PX = 3.0, 0.15
MOST_LEFT_OUT = 1 / 3
# Errors of points in one picture are alike in part, so that a picture says less than its number of points.
_SAID_PER_VIEW = 24
_STOP = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 60, 1e-9)
_FIXED = {
    "aspect": cv2.CALIB_FIX_ASPECT_RATIO,
    "centre": cv2.CALIB_FIX_PRINCIPAL_POINT,
    "tangential": cv2.CALIB_ZERO_TANGENT_DIST,
    "k1": cv2.CALIB_FIX_K1,
    "k2": cv2.CALIB_FIX_K2,
    "k3": cv2.CALIB_FIX_K3,
}
# Parameters tried in turn beyond one focal length: name, count, and the distance from the middle that
# points must reach, as a share of the half diagonal.
_STEPS = (("k1", 1, 0.4), ("centre", 2, 0.3), ("k2", 1, 0.45), ("tangential", 2, 0.45), ("aspect", 1, 0.45),
          ("k3", 1, 0.7))  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class CameraFit:
    """A camera fitted to views of a board.

    Attributes:
        size: width and height in pixels.
        matrix: [3, 3].
        distortion: [5] k1 k2 p1 p2 k3.
        free: parameters that were fitted beyond one focal length.
        errors_px: reprojection error of each view that was used, root mean square over its points.
        left_out: the same of views that were left out.
        rms_px: over all points of the views that were used.
        focal_error: standard error of the focal length, as a share of it.
        normals: [N, 3] of the board in the views that were used, in the camera's space.
        distances_m: [N] from the camera to the board's middle.
        coverage: share of the cells of an 8 by 6 grid over the picture that hold points.
    """

    size: Size
    matrix: Points
    distortion: Points
    free: tuple[str, ...]
    errors_px: dict[str, float]
    left_out: dict[str, float]
    rms_px: float
    focal_error: float
    normals: Points
    distances_m: Points
    coverage: float

    @property
    def camera(self) -> PinholeCamera:
        """As it stands in a calibration file."""
        numbers = tuple(float(number) for number in self.distortion) if self.distortion.any() else ()
        return PinholeCamera(size=self.size, camera_matrix=rows_of(self.matrix), distortion=numbers)


@dataclass(frozen=True, slots=True, eq=False)
class _Solution:
    rms_px: float
    matrix: Points
    distortion: Points
    errors_px: Points
    focal_error: float
    turns: Points
    moves_m: Points
    criterion: float


def fit_camera(sightings: Mapping[str, Sighting], board: Board, size: Size) -> CameraFit:
    """Fit a lens, leaving out views that do not agree with the others.

    Args:
        sightings: of the board, by the name of the view; at least three.
        board: what is seen.
        size: width and height of the pictures.
    """
    used, left_out = dict(sightings), dict[str, float]()
    while True:
        free, solution = _choose(list(used.values()), board, size)
        errors_px = dict(zip(used, solution.errors_px.tolist(), strict=True))
        worst = outlier(errors_px)
        if worst is None or len(left_out) >= MOST_LEFT_OUT * len(sightings):
            break
        left_out[worst] = errors_px[worst]
        del used[worst]
    middle_m = board.points_m.mean(axis=0)
    return CameraFit(
        size,
        solution.matrix,
        solution.distortion,
        free,
        errors_px,
        left_out,
        solution.rms_px,
        solution.focal_error,
        solution.turns[:, :, 2],
        np.linalg.norm(solution.turns @ middle_m + solution.moves_m, axis=1),
        coverage([sighting.points_px for sighting in used.values()], size),
    )


def outlier(errors_px: Mapping[str, float]) -> str | None:
    """The worst view, where it is much worse than the others."""
    worst = max(errors_px, key=lambda name: errors_px[name])
    usual_px = float(np.median(list(errors_px.values())))
    is_far = errors_px[worst] > max(OUTLIER_TIMES * usual_px, usual_px + OUTLIER_PX)
    return worst if is_far and len(errors_px) > 3 else None


def coverage(points_px: list[Points], size: Size) -> float:
    """Share of the cells of an 8 by 6 grid over the picture that hold points."""
    return float((counts(points_px, size) > 0).mean())


def counts(points_px: list[Points], size: Size) -> Points:
    """Points in each cell of a grid over the picture, [6, 8]."""
    x, y = np.concatenate(points_px).T if points_px else np.zeros((2, 0))
    limits = ((-0.5, size[1] - 0.5), (-0.5, size[0] - 0.5))
    return np.asarray(np.histogram2d(y, x, bins=(6, 8), range=limits)[0])


def _choose(sightings: list[Sighting], board: Board, size: Size) -> tuple[tuple[str, ...], _Solution]:
    """Add parameters one by one, as far as they explain enough and points reach far enough out."""
    reach = _reach(sightings, size)
    free: tuple[str, ...] = ()
    best = _solve(sightings, board, size, free, 1)
    numbers = 1
    for name, adds, needed in _STEPS:
        if reach < needed:
            continue
        trial = _solve(sightings, board, size, (*free, name), numbers + adds)
        if trial.criterion < best.criterion - EVIDENCE:
            free, best, numbers = (*free, name), trial, numbers + adds
    return free, best


def _solve(
    sightings: list[Sighting], board: Board, size: Size, free: tuple[str, ...], numbers: int
) -> _Solution:
    """Least squares (Zhang, "A flexible new technique for camera calibration", 2000)."""
    flags = sum(flag for name, flag in _FIXED.items() if name not in free)
    start = np.array([[size[0], 0, (size[0] - 1) / 2], [0, size[0], (size[1] - 1) / 2], [0, 0, 1.0]])
    places = [board.points_m[sighting.numbers].astype(np.float32) for sighting in sightings]
    points = [sighting.points_px.astype(np.float32) for sighting in sightings]
    found: Any = cv2.calibrateCameraExtended(
        places, points, size, start, np.zeros(5), flags=flags, criteria=_STOP
    )
    rms_px, matrix, distortion, turns, moves_m, deviations, _, errors_px = found
    # With one focal length for both axes its deviation stands at the second.
    focal_error = float(np.ravel(deviations)[:2].max()) / matrix[0, 0]
    said = 2 * min(sum(map(len, points)), _SAID_PER_VIEW * len(points))
    criterion = said * np.log(max(rms_px, 1e-6) ** 2) + numbers * np.log(said)
    rotations = np.array([cv2.Rodrigues(turn)[0] for turn in turns])
    flat = np.ravel(distortion)[:5].astype(np.float64)
    moves = np.array([np.ravel(move) for move in moves_m])
    return _Solution(
        rms_px, np.asarray(matrix), flat, np.ravel(errors_px), focal_error, rotations, moves, criterion
    )


def _reach(sightings: list[Sighting], size: Size) -> float:
    """Distance of points from the middle, as a share of the half diagonal; few stray points do not count."""
    points_px = np.concatenate([sighting.points_px for sighting in sightings])
    away_px = np.linalg.norm(points_px - (np.array(size) - 1) / 2, axis=1)
    return float(np.percentile(away_px, 98) / (np.hypot(*size) / 2))
