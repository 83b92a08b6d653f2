"""Pose of two cameras to each other, from views of a board that both of them see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from stream.calibrate.board.intrinsics import MOST_LEFT_OUT, outlier
from stream.calibrate.board.targets import Board, Points
from stream.calibrate.board.views import View
from stream.registration.calibration import PinholeCamera

_STOP = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-9)
_EXACT = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 40, 1e-6)
_FLAT = np.zeros(3)


@dataclass(frozen=True, slots=True, eq=False)
class PairFit:
    """The fitted mapping of thermal pixels onto visible ones.

    Attributes:
        rotation: [3, 3], X_visible = rotation X_thermal + translation; None where a homography was fitted.
        translation_m: [3]; None likewise.
        homography: [3, 3] visible_from_thermal between undistorted pixels; None where poses were fitted.
        errors_px: of each view that was used: distance of the visible points from where the thermal ones come
            to lie, root mean square, visible pixels. With poses, a thermal point is carried over at its own
            depth on the board.
        left_out: the same of views that were left out.
        rms_px: over all points of the views that were used.
    """

    rotation: Points | None
    translation_m: Points | None
    homography: Points | None
    errors_px: dict[str, float]
    left_out: dict[str, float]
    rms_px: float


@dataclass(frozen=True, slots=True, eq=False)
class _Both:
    """Points [N, 3] of the board and where both cameras see them, [N, 2]."""

    places_m: Points
    visible_px: Points
    thermal_px: Points


def fit_stereo(
    views: Mapping[str, View], board: Board, visible: PinholeCamera, thermal: PinholeCamera
) -> PairFit:
    """Fit the pose of the cameras to each other, their lenses given; views that disagree are left out.

    Args:
        views: in which both see the board, points named alike, by name.
        board: what is seen.
        visible: the lens of the visible camera.
        thermal: the lens of the thermal camera.
    """
    used, left_out = {name: _both(view, board) for name, view in views.items()}, dict[str, float]()
    while True:
        rotation, translation_m, turns, moves_m = _solve(list(used.values()), visible, thermal)
        apart = {
            name: _carried(both, turn, move_m, rotation, translation_m, visible, thermal)
            for (name, both), turn, move_m in zip(used.items(), turns, moves_m, strict=True)
        }
        worst = _worst(apart, left_out, len(views))
        if worst is None:
            break
        left_out[worst] = _rms(apart[worst])
        del used[worst]
    errors_px = {name: _rms(away) for name, away in apart.items()}
    everything = np.concatenate(list(apart.values()))
    return PairFit(rotation, translation_m, None, errors_px, left_out, _rms(everything))


def fit_homography(
    views: Mapping[str, View], board: Board, visible: PinholeCamera, thermal: PinholeCamera
) -> PairFit:
    """Fit one homography to all points, between undistorted pixels; views that disagree are left out.

    Args:
        views: in which both see the board, points named alike, by name.
        board: what is seen.
        visible: the lens of the visible camera.
        thermal: the lens of the thermal camera.
    """
    used, left_out = {name: _both(view, board) for name, view in views.items()}, dict[str, float]()
    while True:
        points = {
            name: (undistorted(thermal, both.thermal_px), undistorted(visible, both.visible_px))
            for name, both in used.items()
        }
        matrix = _homography(points)
        apart = {name: _moved(matrix, one) - other for name, (one, other) in points.items()}
        worst = _worst(apart, left_out, len(views))
        if worst is None:
            break
        left_out[worst] = _rms(apart[worst])
        del used[worst]
    errors_px = {name: _rms(away) for name, away in apart.items()}
    return PairFit(None, None, matrix, errors_px, left_out, _rms(np.concatenate(list(apart.values()))))


def undistorted(camera: PinholeCamera, points_px: Points) -> Points:
    """Undistort points [N, 2], in pixels."""
    if not camera.coefficients.any():
        return points_px
    points = cv2.undistortImagePoints(points_px[:, None], camera.matrix, camera.coefficients, None, _EXACT)
    return np.asarray(points, np.float64).reshape(-1, 2)


def _homography(points: Mapping[str, tuple[Points, Points]]) -> Points:
    thermal = np.concatenate([pair[0] for pair in points.values()])
    visible = np.concatenate([pair[1] for pair in points.values()])
    matrix, _ = cv2.findHomography(thermal, visible, 0)
    return np.asarray(matrix, np.float64)


def _moved(matrix: Points, points_px: Points) -> Points:
    return np.asarray(cv2.perspectiveTransform(points_px[:, None], matrix)).reshape(-1, 2)


def _both(view: View, board: Board) -> _Both:
    assert view.visible is not None and view.thermal is not None
    numbers, ours, theirs = np.intersect1d(view.visible.numbers, view.thermal.numbers, return_indices=True)
    return _Both(board.points_m[numbers], view.visible.points_px[ours], view.thermal.points_px[theirs])


def _solve(
    pairs: list[_Both], visible: PinholeCamera, thermal: PinholeCamera
) -> tuple[Points, Points, list[Points], list[Points]]:
    """Rotation and translation to the visible camera, and the board's poses in the thermal one."""
    found: Any = cv2.stereoCalibrateExtended(
        [pair.places_m.astype(np.float32) for pair in pairs],
        [pair.thermal_px.astype(np.float32) for pair in pairs],
        [pair.visible_px.astype(np.float32) for pair in pairs],
        thermal.matrix, _padded(thermal), visible.matrix, _padded(visible),
        visible.size, np.eye(3), np.zeros((3, 1)),
        flags=cv2.CALIB_FIX_INTRINSIC, criteria=_STOP,
    )  # fmt: skip
    rotation, translation_m, turns, moves_m = found[5], found[6], found[9], found[10]
    return np.asarray(rotation), np.ravel(translation_m), list(turns), list(moves_m)


def _padded(camera: PinholeCamera) -> Points:
    return camera.coefficients if len(camera.coefficients) else np.zeros(5)


def _carried(
    both: _Both,
    turn: Points,
    move_m: Points,
    rotation: Points,
    translation_m: Points,
    visible: PinholeCamera,
    thermal: PinholeCamera,
) -> Points:
    """Residuals of thermal points, projected by the board's plane, against visible ones, [N, 2].

    The plane has the pose that both cameras agree on best.
    """
    pose, middle_m = cv2.Rodrigues(np.ravel(turn))[0], np.ravel(move_m)
    ideal = undistorted(thermal, both.thermal_px)
    rays = np.column_stack([ideal, np.ones(len(ideal))]) @ np.linalg.inv(thermal.matrix).T
    depth = (pose[:, 2] @ middle_m) / (rays @ pose[:, 2])
    there_m = (rays * depth[:, None]) @ rotation.T + translation_m
    there_px, _ = cv2.projectPoints(there_m, _FLAT, _FLAT, visible.matrix, visible.coefficients)
    return np.asarray(there_px).reshape(-1, 2) - both.visible_px


def _worst(apart: Mapping[str, Points], left_out: Mapping[str, float], views: int) -> str | None:
    if len(left_out) >= MOST_LEFT_OUT * views:
        return None
    return outlier({name: _rms(away) for name, away in apart.items()})


def _rms(away: Points) -> float:
    return float(np.sqrt((away**2).sum(axis=1).mean()))
