"""Calibrates two cameras from views of a board, or explains why these views would give a bad calibration."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np

from stream.calibrate.board.checks import (
    Refusal,
    check_camera,
    check_pair,
    check_seen,
    check_turn,
    hints_of_camera,
    hints_of_pair,
    hints_of_turn,
)
from stream.calibrate.board.intrinsics import CameraFit, fit_camera
from stream.calibrate.board.orientation import Turn, resolve_turn
from stream.calibrate.board.stereo import PairFit, fit_homography, fit_stereo
from stream.calibrate.board.targets import Board, Points
from stream.calibrate.board.views import View, Views
from stream.frame import Side
from stream.registration.calibration import (
    Calibration,
    PinholeCamera,
    PlaneHomography,
    Size,
    Stereo,
    one_grid,
)
from stream.registration.camera_model import rows_of

Model = Literal["stereo", "homography"]
# Digits that are written.
_DIGITS = 8


@dataclass(slots=True)
class Outcome:
    """The result of calibrating from views of a board.

    Attributes:
        board: what was looked for.
        model: how the cameras were to be related.
        views: what was collected; the points of thermal views are named as those of visible ones.
        turn: how thermal pictures lie against visible ones; None where no view shows the board in both.
        visible: the visible camera's lens; None where it was not fitted.
        thermal: the thermal camera's lens; None likewise.
        pair: how they relate; None likewise.
        calibration: None where it was refused.
        refusal: why; empty otherwise.
        hints: what would make it better, or is worth knowing.
    """

    board: Board
    model: Model
    views: Views
    turn: Turn | None = None
    visible: CameraFit | None = None
    thermal: CameraFit | None = None
    pair: PairFit | None = None
    calibration: Calibration | None = None
    refusal: str = ""
    hints: list[str] = field(default_factory=list)


def calibrate_board(
    views: Views,
    board: Board,
    model: Model,
    distance_m: float | None,
    date: datetime.date,
    made_by: str,
) -> Outcome:
    """Fit lenses and how the cameras relate.

    Args:
        views: of the board.
        board: what is seen.
        model: `stereo` needs tilted views at several places; `homography` takes fewer, at one distance.
        distance_m: distance of the scene from the visible camera, for the file; None takes the board's.
        date: of the calibration.
        made_by: for the file, as a rule the command.

    Returns:
        What was found, also where the calibration is refused.
    """
    outcome = Outcome(board, model, views)
    try:
        _fit(outcome)
        outcome.calibration = _as_calibration(outcome, distance_m, date, made_by)
    except Refusal as refusal:
        outcome.refusal = str(refusal)
    except cv2.error as error:
        outcome.refusal = f"the views cannot be fitted ({error.err}); show the board in more places, tilted"
    return outcome


def _fit(outcome: Outcome) -> None:
    board, views = outcome.board, outcome.views
    check_seen(views, board, outcome.model)
    common = [view for view in views.views if view.is_common]
    named, outcome.turn = resolve_turn(common, board)
    views.views = _with_named(views.views, named)
    outcome.hints += hints_of_turn(outcome.turn)
    check_turn(outcome.turn, outcome.model)
    outcome.visible = _lens(outcome, "visible", views.visible_size)
    outcome.thermal = _lens(outcome, "thermal", views.thermal_size)
    cameras = (
        _camera(outcome.visible, views.visible_size),
        _camera(outcome.thermal, views.thermal_size),
    )
    fit = fit_stereo if outcome.model == "stereo" else fit_homography
    outcome.pair = fit({view.shot.name: view for view in named}, board, *cameras)
    check_pair(outcome.pair, outcome.model, views.visible_size)
    outcome.hints += hints_of_pair(outcome.pair, outcome.model, views.visible_size)


def _with_named(views: list[View], named: list[View]) -> list[View]:
    by_name = {view.shot.name: view for view in named}
    return [by_name.get(view.shot.name, view) for view in views]


def _lens(outcome: Outcome, side: Side, size: Size) -> CameraFit | None:
    """The lens of a camera; a homography does without where the views do not carry one."""
    seen = {view.shot.name: getattr(view, side) for view in outcome.views.views}
    seen = {name: sighting for name, sighting in seen.items() if sighting is not None}
    try:
        if outcome.model == "homography" and len(seen) < 3:
            raise Refusal(f"{len(seen)} views are too few for the lens of the {side} camera")
        fit = fit_camera(seen, outcome.board, size)
        check_camera(side, fit)
    except Refusal as refusal:
        if outcome.model == "stereo":
            raise
        outcome.hints.append(f"the {side} lens is taken as free of distortion: {refusal}")
        return None
    outcome.hints += hints_of_camera(side, fit)
    return fit


def _camera(fit: CameraFit | None, size: Size) -> PinholeCamera:
    return fit.camera if fit else one_grid(size).visible


def _as_calibration(
    outcome: Outcome, distance_m: float | None, date: datetime.date, made_by: str
) -> Calibration:
    pair, views = outcome.pair, outcome.views
    assert pair is not None
    plane_m = distance_m or _board_distance_m(outcome)
    stereo, homography = None, None
    if pair.rotation is not None and pair.translation_m is not None:
        right_m, down_m, ahead_m = (round(float(metres), _DIGITS) for metres in pair.translation_m)
        rotation = rows_of(pair.rotation.round(_DIGITS))
        stereo = Stereo(rotation=rotation, translation_m=(right_m, down_m, ahead_m), distance_m=plane_m)
    elif pair.homography is not None:
        homography = PlaneHomography(matrix=rows_of(pair.homography.round(_DIGITS)), distance_m=plane_m)
    return Calibration(
        visible=_rounded(_camera(outcome.visible, views.visible_size)),
        thermal=_rounded(_camera(outcome.thermal, views.thermal_size)),
        stereo=stereo,
        homography=homography,
        rms_px=round(pair.rms_px, 4),
        date=date,
        made_by=made_by,
    )


def _rounded(camera: PinholeCamera) -> PinholeCamera:
    distortion = tuple(round(number, _DIGITS) for number in camera.distortion)
    return PinholeCamera(
        size=camera.size, camera_matrix=rows_of(camera.matrix.round(4)), distortion=distortion
    )


def _board_distance_m(outcome: Outcome) -> float:
    """Median distance of the board from the visible camera; needs a known lens."""
    if outcome.visible is None:
        raise Refusal(
            "how far the board was away is not known without the visible camera's lens; "
            "give the distance by --distance-m"
        )
    distances_m: Points = outcome.visible.distances_m
    return round(float(np.median(distances_m)), 3)
