"""Calibration from views of a board: lenses, poses, and refusals, from projected points."""

from __future__ import annotations

import datetime
from dataclasses import replace

import cv2
import numpy as np
import pytest

from stream.calibrate.board.calibrate import Model, Outcome, calibrate_board
from stream.calibrate.board.report import build_report, numbers
from stream.calibrate.board.targets import parse_board
from stream.calibrate.board.views import Views
from stream.calibrate.html_report import render_report
from tests.helpers.rendered_board import THERMAL, Pose, Rig, map_error_px, poses, sighted

BOARD = parse_board("checkerboard:9x6:25mm")
RIG = Rig()
DATE = datetime.date(2026, 1, 15)


def calibrate(views: Views, model: Model = "stereo", distance_m: float | None = None) -> Outcome:
    return calibrate_board(views, BOARD, model, distance_m, DATE, "test")


def at_depth(count: int, depth_m: float, tilt: float, spread_m: float = 0.1) -> list[Pose]:
    """Boards at one distance, in different places."""
    found = []
    for number in range(count):
        about, middle_m = 2.4 * number, BOARD.points_m.mean(axis=0)
        turn = np.array([np.cos(about), np.sin(about), 0]) * tilt * (1 + number % 3) / 3
        rotation = np.asarray(cv2.Rodrigues(turn)[0])
        place = np.array([spread_m * np.cos(about) + 0.02, spread_m * np.sin(about), depth_m])
        found.append(Pose(rotation, place - rotation @ middle_m))
    return found


def test_lenses_pose_and_parallax_come_out_as_they_are() -> None:
    outcome = calibrate(sighted(BOARD, RIG, poses(BOARD, 20)))
    assert outcome.refusal == ""
    assert outcome.visible is not None and outcome.thermal is not None and outcome.pair is not None
    assert outcome.visible.matrix[0, 0] == pytest.approx(RIG.visible.focal_px, rel=0.005)
    assert outcome.thermal.matrix[0, 0] == pytest.approx(RIG.thermal.focal_px, rel=0.01)
    assert max(outcome.visible.rms_px, outcome.thermal.rms_px) < 0.1
    assert outcome.pair.translation_m == pytest.approx(RIG.translation_m, abs=0.004)
    calibration = outcome.calibration
    assert calibration is not None and calibration.stereo is not None
    assert 0.45 < calibration.stereo.distance_m < 0.8
    assert max(map_error_px(calibration, RIG, distance_m) for distance_m in (0.5, 1.0, 5.0, 100.0)) < 0.5


def test_a_lens_is_fitted_as_far_as_the_views_tell() -> None:
    calibration = calibrate(sighted(BOARD, RIG, poses(BOARD, 20, seed=4), seed=4)).calibration
    assert calibration is not None
    assert max(map_error_px(calibration, RIG, distance_m) for distance_m in (0.5, 1.0, 5.0, 100.0)) < 0.15


def test_a_distance_that_is_given_goes_into_the_file() -> None:
    calibration = calibrate(sighted(BOARD, RIG, poses(BOARD, 12)), distance_m=7.5).calibration
    assert calibration is not None and calibration.stereo is not None
    assert calibration.stereo.distance_m == 7.5


def test_a_lens_without_distortion_gets_no_distortion() -> None:
    plain = replace(THERMAL, distortion=(0.0,) * 5)
    outcome = calibrate(sighted(BOARD, Rig(thermal=plain), poses(BOARD, 20), noise_px=0.15))
    assert outcome.calibration is not None
    assert outcome.calibration.thermal.distortion == ()


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turned_thermal_pictures_are_found_and_made_up_for(turns: int) -> None:
    rig = Rig(thermal=replace(THERMAL, quarter_turns=turns))
    views = sighted(BOARD, rig, poses(BOARD, 14))
    shuffled(views)
    outcome = calibrate(views)
    assert outcome.turn is not None and outcome.turn.is_clear
    # The renderer turns counter-clockwise.
    assert outcome.turn.degrees == (-90 * turns) % 360
    assert f"turned by {outcome.turn.degrees} degrees clockwise" in " ".join(outcome.hints)
    assert outcome.pair is not None and outcome.pair.rms_px < 0.4


def test_points_named_from_the_wrong_end_are_named_right() -> None:
    views = sighted(BOARD, RIG, poses(BOARD, 12))
    shuffled(views)
    outcome = calibrate(views)
    assert outcome.pair is not None and outcome.pair.rms_px < 0.4
    assert outcome.turn is not None and outcome.turn.degrees == 0


def shuffled(views: Views) -> None:
    """Every second thermal view named upside down, as a detector may."""
    for number in range(0, len(views.views), 2):
        view = views.views[number]
        assert view.thermal is not None
        views.views[number] = replace(view, thermal=view.thermal.reordered(BOARD.turns[1]))


def mirrored(boards: list[Pose]) -> Views:
    """As the detector names a mirrored board: like one seen from the front."""
    views = sighted(BOARD, Rig(thermal=replace(THERMAL, mirrored=True)), boards)
    assert BOARD.flip is not None
    views.views = [
        replace(view, thermal=view.thermal.reordered(BOARD.flip)) for view in views.views if view.thermal
    ]
    return views


def test_a_mirrored_camera_is_refused_for_two_positions() -> None:
    outcome = calibrate(mirrored(list(poses(BOARD, 12))))
    assert "mirrored pictures" in outcome.refusal
    assert outcome.calibration is None


def test_a_mirrored_camera_is_served_by_a_homography() -> None:
    outcome = calibrate(mirrored(at_depth(12, 0.7, 0.03)), "homography", 0.7)
    assert outcome.refusal == ""
    assert outcome.calibration is not None and outcome.calibration.homography is not None
    assert np.linalg.det(outcome.calibration.homography.visible_from_thermal) < 0
    assert "mirrored" in " ".join(outcome.hints)


def test_a_view_that_disagrees_is_named_and_left_out() -> None:
    views = sighted(BOARD, RIG, poses(BOARD, 14))
    bad = views.views[5]
    assert bad.thermal is not None
    moved = replace(bad.thermal, points_px=bad.thermal.points_px + np.array((6.0, 0.0)))
    views.views[5] = replace(bad, thermal=moved)
    outcome = calibrate(views)
    assert outcome.pair is not None and list(outcome.pair.left_out) == ["5"]
    assert any(hint.startswith("5 was left out") for hint in outcome.hints)
    assert outcome.calibration is not None
    assert map_error_px(outcome.calibration, RIG, 1.0) < 0.5


def test_a_view_that_a_lens_cannot_explain_is_left_out_of_the_lens() -> None:
    views = sighted(BOARD, RIG, poses(BOARD, 14))
    bad = views.views[2]
    assert bad.visible is not None
    bent = bad.visible.points_px + np.random.default_rng(1).normal(0, 3, bad.visible.points_px.shape)
    views.views[2] = replace(bad, visible=replace(bad.visible, points_px=bent))
    outcome = calibrate(views)
    assert outcome.visible is not None and list(outcome.visible.left_out) == ["2"]


def test_few_views_are_refused() -> None:
    outcome = calibrate(sighted(BOARD, RIG, poses(BOARD, 4)))
    assert "in 4 different views of 4 pairs" in outcome.refusal


def test_a_board_that_one_camera_never_shows_is_refused() -> None:
    views = sighted(BOARD, RIG, poses(BOARD, 8))
    views.views = [replace(view, thermal=None) for view in views.views]
    assert "in none of the 8 thermal pictures" in calibrate(views).refusal


def test_parallel_views_are_refused_at_one_distance_and_at_several() -> None:
    near = at_depth(8, 0.6, 0.0)
    assert "nearly parallel" in calibrate(sighted(BOARD, RIG, near)).refusal
    both = [*near, *at_depth(8, 0.8, 0.02)]
    assert "nearly parallel" in calibrate(sighted(BOARD, RIG, both)).refusal


def test_tilted_views_at_one_distance_pass_with_a_hint() -> None:
    outcome = calibrate(sighted(BOARD, RIG, at_depth(14, 0.65, 0.6)))
    assert outcome.refusal == ""
    assert "at one distance" in " ".join(outcome.hints)


def test_views_in_one_corner_are_refused() -> None:
    far = [
        replace(pose, translation_m=pose.translation_m + np.array((0.0, 0.0, 1.6)))
        for pose in at_depth(12, 0.6, 0.7, 0.02)
    ]
    assert "of the picture of the visible camera" in calibrate(sighted(BOARD, RIG, far, 0.01)).refusal


def test_pictures_of_different_moments_are_refused() -> None:
    views = sighted(BOARD, RIG, poses(BOARD, 14))
    rng = np.random.default_rng(3)
    for number, view in enumerate(views.views):
        assert view.thermal is not None
        away = replace(view.thermal, points_px=view.thermal.points_px + rng.normal(0, 8, 2))
        views.views[number] = replace(view, thermal=away)
    assert "visible pixels from theirs after the fit" in calibrate(views).refusal


def test_a_board_that_is_not_flat_is_refused() -> None:
    views = sighted(BOARD, RIG, poses(BOARD, 12), noise_px=3.0)
    assert "contradict each other" in calibrate(views).refusal


def test_one_view_is_enough_for_a_homography_where_the_distance_is_given() -> None:
    views = sighted(BOARD, RIG, at_depth(1, 0.7, 0.0))
    assert "--distance-m" in calibrate(views, "homography").refusal
    outcome = calibrate(views, "homography", 0.7)
    assert outcome.calibration is not None and outcome.calibration.homography is not None
    assert outcome.calibration.homography.distance_m == 0.7
    assert outcome.calibration.thermal.distortion == ()


def test_boards_at_several_distances_are_refused_for_a_homography() -> None:
    outcome = calibrate(sighted(BOARD, RIG, poses(BOARD, 12)), "homography")
    assert "a homography holds at one distance" in outcome.refusal


def test_the_report_shows_a_refusal_too() -> None:
    views = sighted(BOARD, RIG, poses(BOARD, 4))
    page = render_report(build_report(calibrate(views), "Calibration <pair>"))
    assert "Refused: both cameras see the board in 4 different views" in page
    assert "Calibration &lt;pair&gt;" in page


def test_the_numbers_tell_where_the_thermal_camera_is() -> None:
    rows = {name: value for name, value, _ in numbers(calibrate(sighted(BOARD, RIG, poses(BOARD, 20), 0.01)))}
    right, down, _ = rows["position"].removesuffix(" mm").split(", ")
    assert (float(right), float(down)) == pytest.approx((80.0, -10.0), abs=1.0)
    assert float(rows["turned by"].split()[0]) == pytest.approx(
        np.degrees(np.linalg.norm(RIG.turn_rad)), abs=1.0
    )
