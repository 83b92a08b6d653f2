"""Checks of board views: reasons for a bad calibration, and advice for a better one."""

from __future__ import annotations

from collections import Counter

import numpy as np

from stream.calibrate.board.detectors import larger_grid
from stream.calibrate.board.intrinsics import CameraFit
from stream.calibrate.board.orientation import Turn
from stream.calibrate.board.stereo import PairFit
from stream.calibrate.board.targets import Board, Points
from stream.calibrate.board.views import Views
from stream.frame import Pixels
from stream.registration.calibration import Size

FEWEST_VIEWS, MANY_VIEWS = 6, 12
# Standard error of a focal length, as a share of it.
WORST_FOCAL, FAIR_FOCAL = 0.03, 0.01
# Degrees between the most different tilts of the board.
LEAST_TILT_DEG, GOOD_TILT_DEG = 10.0, 25.0
LEAST_COVERAGE, GOOD_COVERAGE = 0.15, 0.6
# Least ratio of the distances of the farthest and the nearest view.
GOOD_DEPTH = 1.2
# Reprojection errors, as shares of the width, with a floor in pixels for small cameras.
WORST_LENS, WORST_LENS_PX = 1 / 400, 0.8
WORST_PAIR, FAIR_PAIR = 1 / 200, 1 / 640
# Pictures that are searched for a board of another size, and the share that must show a larger one.
_SAMPLES, MOST_AGREE = 6, 0.5


class Refusal(Exception):
    """Sentence that explains why some views give no calibration."""


def check_seen(views: Views, board: Board, model: str) -> None:
    """Refuse boards that were not found, are of another size, or were seen too seldom."""
    visible = [view for view in views.views if view.visible]
    thermal = [view for view in views.views if view.thermal]
    _check_size(views, board)
    for camera, seen in (("visible", visible), ("thermal", thermal)):
        if not seen:
            raise Refusal(
                f"the board {board} was found in none of the {views.looked} {camera} pictures; it must be "
                f"seen whole, with a bright border, and be of that size{_advice(camera, board)}"
            )
    common = sum(view.is_common for view in views.views)
    fewest = FEWEST_VIEWS if model == "stereo" else 1
    if common < fewest:
        raise Refusal(
            f"both cameras see the board in {common} different views of {views.looked} pairs of pictures "
            f"(visible in {len(visible)}, thermal in {len(thermal)}), and {fewest} or more are needed; "
            f"{MANY_VIEWS} or more, tilted, near and far, all over the picture, are good"
        )


def _advice(camera: str, board: Board) -> str:
    mirror = "; markers are not read in a mirrored picture" if board.kind == "charuco" else ""
    if camera == "visible":
        return mirror
    return f"{mirror}; a printed board shows in a thermal picture when a lamp or the sun has warmed it"


def _check_size(views: Views, board: Board) -> None:
    """Refuse a checkerboard with another number of corners: a part of a larger one may have been found."""
    wanted = max(board.grid), min(board.grid)
    pictures = [view.shot.visible for view in views.views if view.visible] or _unseen(views)
    grids = [larger_grid(picture, board) for picture in pictures[:_SAMPLES]]
    # The smallest one that is looked for is now and then seen in the scenery.
    found = Counter(grid for grid in grids if grid not in (None, wanted, (3, 3)))
    if not found:
        return
    (across, down), times = max(found.items(), key=lambda item: (item[1], item[0]))
    whole = any(view.visible for view in views.views)
    # A board that was found once whole is that board; half seen ones only look smaller.
    if whole and (across < wanted[0] or down < wanted[1] or times < max(2, MOST_AGREE * len(grids))):
        return
    raise Refusal(
        f"the board was said to have {board.grid[0]}x{board.grid[1]} inner corners, and {times} of "
        f"{len(grids)} pictures show {across}x{down}; count the inner corners, where four squares meet, and "
        f"name them as in checkerboard:{across}x{down}:25mm, or show the whole board"
    )


def _unseen(views: Views) -> list[Pixels]:
    return [view.shot.visible for view in views.views] + [shot.visible for shot in views.empty]


def check_turn(turn: Turn, model: str) -> None:
    """Refuse mirrored pictures where the model has no mirror."""
    if turn.is_mirrored and model == "stereo":
        raise Refusal(
            "one of the two cameras gives mirrored pictures, which no position of cameras explains; switch "
            "its mirroring off, or take --model homography"
        )


def hints_of_turn(turn: Turn) -> list[str]:
    """Remarks on the orientation of the pictures."""
    said = []
    if turn.degrees:
        said.append(
            f"the thermal pictures are turned by {turn.degrees} degrees clockwise against the visible ones; "
            "the calibration makes up for it"
        )
    if turn.is_mirrored:
        said.append("one of the two cameras gives mirrored pictures; the calibration makes up for it")
    if not turn.is_clear:
        said.append(
            "the views do not tell whether one camera stands on its head: move the board about more; it is "
            "taken that none does"
        )
    return said


def check_camera(side: str, fit: CameraFit) -> None:
    """Refuse a lens that the views do not tell, or that they contradict."""
    name, tilts_deg = f"of the {side} camera", tilt_deg(fit.normals)
    if len(fit.errors_px) < FEWEST_VIEWS:
        raise Refusal(
            f"{len(fit.errors_px)} views {name} agree with each other, and {FEWEST_VIEWS} are needed; "
            f"{_left_out(fit)}"
        )
    if fit.rms_px > max(WORST_LENS * fit.size[0], WORST_LENS_PX):
        raise Refusal(
            f"the views {name} contradict each other by {fit.rms_px:.2f} pixels; the board must be flat, of "
            "the size given, and hold still"
        )
    if tilts_deg < LEAST_TILT_DEG or fit.focal_error > WORST_FOCAL:
        give_or_take = f"give or take {100 * fit.focal_error:.1f} %"
        raise Refusal(
            f"the views {name} do not tell its focal length ({give_or_take}): the board is tilted by "
            f"{tilts_deg:.0f} degrees at most, so that all views are nearly parallel, or small; tilt it by "
            "20 to 45 degrees, to all sides, and come near"
        )
    if fit.coverage < LEAST_COVERAGE:
        raise Refusal(
            f"the board covers {100 * fit.coverage:.0f} % of the picture {name} in all views together; "
            "show it in the corners too"
        )


def hints_of_camera(side: str, fit: CameraFit) -> list[str]:
    """Advice that would make the lens better known."""
    name = f"of the {side} camera"
    said = [f"{view} {name} was left out: its error is {px:.1f} px" for view, px in fit.left_out.items()]
    if len(fit.errors_px) < MANY_VIEWS:
        said.append(f"{len(fit.errors_px)} views {name} were used; {MANY_VIEWS} or more are good")
    if tilt_deg(fit.normals) < GOOD_TILT_DEG or fit.focal_error > FAIR_FOCAL:
        error = f"{100 * fit.focal_error:.1f} %"
        said.append(f"the focal length {name} is known to {error}; tilt the board more, to all sides")
    if fit.coverage < GOOD_COVERAGE:
        share = f"{100 * fit.coverage:.0f} %"
        said.append(f"the board covers {share} of the picture {name}; beyond, the lens is a guess")
    if fit.distances_m.max() < GOOD_DEPTH * fit.distances_m.min():
        said.append(f"all views {name} are at one distance; show the board nearer and farther too")
    return said


def check_pair(pair: PairFit, model: str, visible_size: Size) -> None:
    """Refuse cameras whose views do not fit together."""
    most_px = WORST_PAIR * visible_size[0]
    if pair.rms_px <= most_px:
        return
    why = (
        "a homography holds at one distance: keep the board at that of the scene, or take --model stereo"
        if model == "homography"
        else "were the pictures taken at the same moment, did the board and the cameras hold still?"
    )
    raise Refusal(
        f"thermal points lie {pair.rms_px:.1f} visible pixels from theirs after the fit, and up to "
        f"{most_px:.1f} pass; {why}"
    )


def hints_of_pair(pair: PairFit, model: str, visible_size: Size) -> list[str]:
    """Views that were left out, and weaknesses of the others."""
    usual = f"where {pair.rms_px:.1f} are usual"
    said = [
        f"{name} was left out: its points lie {px:.1f} visible pixels apart, {usual}"
        for name, px in pair.left_out.items()
    ]
    if pair.rms_px > FAIR_PAIR * visible_size[0]:
        depth, moved = "boards at other distances", "pictures of different moments, or a moving board"
        why = depth if model == "homography" else moved
        said.append(f"thermal points lie {pair.rms_px:.1f} visible pixels from theirs: {why}")
    return said


def tilt_deg(normals: Points) -> float:
    """The angle between the two most different tilts."""
    cosines = (normals @ normals.T).clip(-1, 1)
    return float(np.degrees(np.arccos(cosines.min())))


def _left_out(fit: CameraFit) -> str:
    left = ", ".join(f"{name} ({px:.1f} px)" for name, px in fit.left_out.items())
    return f"left out: {left}" if left else "show the board in more places"
