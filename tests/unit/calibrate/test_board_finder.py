"""Boards by name, and found in rendered pictures of both cameras."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from stream.calibrate.board.calibrate import calibrate_board
from stream.calibrate.board.detectors import larger_grid
from stream.calibrate.board.finder import Finder
from stream.calibrate.board.orientation import resolve_turn
from stream.calibrate.board.preprocessing import grey, ladder
from stream.calibrate.board.refine import fitted
from stream.calibrate.board.targets import Board, parse_board
from stream.calibrate.board.views import Shot, collect, open_shots
from stream.config import FuseSettings
from stream.errors import ConfigError, SourceError
from tests.helpers.rendered_board import THERMAL, Eye, Pose, Rig, poses, render, render_pair

NAMES = ("checkerboard:9x6:25mm", "circles:7x5:30mm", "acircles:4x11:15mm", "charuco:6x4:45mm:34mm:4x4_50")
RIG = Rig()
SMALL = Eye((320, 240), 280.0, (160.0, 118.0))
HARD = replace(THERMAL, dark=30_070.0, noise=8.0, blur_px=1.3)


def picture(board: Board, eye: Eye, pose: Pose) -> np.ndarray:
    """Picture of the rig's thermal camera through an eye."""
    rotation, place = RIG.rotation.T @ pose.rotation, RIG.to_thermal(pose.translation_m[None])[0]
    return render(board, eye, rotation, place, seed=3)


def true_px(board: Board, eye: Eye, pose: Pose) -> np.ndarray:
    return eye.see(RIG.to_thermal(pose.place(board.points_m)))


def off_px(board: Board, eye: Eye, pose: Pose) -> float:
    """Root mean square error of the points, by the best of the orders that a picture leaves open."""
    sighting = Finder(board).find(picture(board, eye, pose))
    assert sighting is not None
    there = true_px(board, eye, pose)[sighting.numbers]
    whole = len(sighting.numbers) == len(board.points_m)
    orders = board.turns if whole else (np.arange(len(there)),)
    return min(float(np.sqrt(((sighting.points_px[o] - there) ** 2).sum(1).mean())) for o in orders)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_read_and_shown(name: str) -> None:
    board = parse_board(name)
    assert str(board) == ":".join(name.split(":")[:3])
    assert len(board.points_m) == np.prod(board.grid)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("chess:9x6:25mm", "must be named as in"),
        ("checkerboard:9x6", "must be named as in"),
        ("checkerboard:9:25mm", "3 to 60 points across and down"),
        ("checkerboard:2x6:25mm", "3 to 60 points across and down"),
        ("checkerboard:9x6:25", "length with its unit"),
        ("charuco:8x6:30mm:30mm", "smaller than its squares"),
        ("charuco:8x6:30mm:20mm:9x9_7", "no ChArUco dictionary is called '9x9_7'"),
    ],
)
def test_a_wrong_name_is_refused(name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_board(name)


@pytest.mark.parametrize(
    ("name", "turns", "has_flip"),
    [
        ("checkerboard:9x6:25mm", 2, True),
        ("checkerboard:7x7:25mm", 4, True),
        ("acircles:4x11:15mm", 1, True),
        ("acircles:4x10:15mm", 2, False),
        ("charuco:8x6:30mm", 1, False),
    ],
)
def test_the_orders_in_which_a_pattern_can_be_read(name: str, turns: int, has_flip: bool) -> None:
    board = parse_board(name)
    assert len(board.turns) == turns
    assert (board.flip is not None) == has_flip
    for order in board.turns:
        assert sorted(order.tolist()) == list(range(len(board.points_m)))


@pytest.mark.parametrize("name", NAMES)
def test_boards_are_found_in_a_noisy_inverted_thermal_picture(name: str) -> None:
    board = parse_board(name)
    assert off_px(board, THERMAL, list(poses(board, 2))[1]) < 0.1


@pytest.mark.parametrize("name", NAMES[:3])
def test_boards_are_found_where_the_contrast_is_low_and_the_picture_soft(name: str) -> None:
    board = parse_board(name)
    assert off_px(board, HARD, next(poses(board, 1))) < 0.2


def test_corners_are_found_in_noise_of_a_quarter_of_the_contrast() -> None:
    board = parse_board("checkerboard:9x6:25mm")
    faint = replace(THERMAL, dark=30_040.0, noise=10.0, blur_px=1.5)
    assert off_px(board, faint, next(poses(board, 1))) < 0.3


def test_sharp_corners_of_large_squares_are_found_as_well() -> None:
    board = parse_board("checkerboard:6x5:50mm")
    near = replace(THERMAL, size=(640, 480), focal_px=700.0, centre_px=(322.0, 236.0), noise=3.0, blur_px=0.4)
    assert off_px(board, near, list(poses(board, 2))[1]) < 0.15


@pytest.mark.parametrize("name", NAMES)
def test_no_point_is_moved_far_where_there_is_no_board(name: str) -> None:
    board, rng = parse_board(name), np.random.default_rng(4)
    noise = rng.integers(0, 255, (256, 320), np.uint8)
    count = len(board.points_m)
    strewn, alike = rng.uniform(20, 200, (count, 2)), np.full((count, 2), 40.0)
    for points_px in (strewn, alike):
        assert np.abs(fitted(noise, points_px, np.arange(count), board) - points_px).max() < 1.5


def test_warm_circles_are_found_inverted() -> None:
    board = parse_board(NAMES[1])
    pose = next(poses(board, 1))
    cold = replace(THERMAL, dark=THERMAL.bright, bright=THERMAL.dark)
    for eye, how in ((THERMAL, "plain, inverted"), (cold, "plain")):
        sighting = Finder(board).find(picture(board, eye, pose))
        assert sighting is not None and sighting.how == f"{how}, circles"


def test_a_tiny_board_is_found_enlarged() -> None:
    board = parse_board("circles:7x5:30mm")
    far = next(poses(board, 1, distances_m=(1.8, 1.8)))
    sighting = Finder(board).find(picture(board, replace(THERMAL, noise=2.0), far))
    assert sighting is not None and sighting.how.startswith("enlarged")
    assert float(np.abs(sighting.points_px.mean(0) - true_px(board, THERMAL, far).mean(0)).max()) < 0.5


def test_a_picture_without_a_board_gives_nothing() -> None:
    noise = np.random.default_rng(0).integers(29_000, 31_000, (64, 80)).astype(np.uint16)
    for name in NAMES:
        assert Finder(parse_board(name)).find(noise) is None


def test_a_board_half_seen_is_no_board() -> None:
    board = parse_board(NAMES[0])
    whole = render(board, SMALL, np.eye(3), np.array([-0.1, -0.06, 0.5]))
    assert Finder(board).find(whole) is not None
    assert Finder(board).find(whole[:, 150:]) is None


def test_the_size_of_another_board_is_told() -> None:
    board, other = parse_board(NAMES[0]), parse_board("checkerboard:8x5:25mm")
    shown = render(other, SMALL, np.eye(3), np.array([-0.1, -0.06, 0.5]))
    assert Finder(board).find(shown) is None
    assert larger_grid(shown, board) == (8, 5)


def test_a_part_of_a_larger_board_is_refused() -> None:
    """The detector finds a board of the size that was asked for somewhere in the larger one."""
    board, larger = parse_board(NAMES[0]), parse_board("checkerboard:12x9:20mm")
    rig = Rig(visible=SMALL, thermal=SMALL)
    near = poses(larger, 3, seed=2, tilt=0.3, distances_m=(0.5, 0.55))
    shots = [Shot(str(n), *render_pair(larger, rig, pose, n)) for n, pose in enumerate(near)]
    views = collect(shots, board, 50)
    assert any(view.visible for view in views.views)
    outcome = calibrate_board(views, board, "stereo", None, datetime.date(2026, 1, 15), "test")
    assert "show 12x9; count the inner corners" in outcome.refusal


def test_a_flat_picture_fills_no_range() -> None:
    assert grey(np.full((8, 8), 30_000, np.uint16)).max() == 0
    assert len(ladder((320, 256))) > len(ladder((1920, 1080)))


def test_a_turned_thermal_camera_is_told_by_its_pictures() -> None:
    board, rig = parse_board(NAMES[0]), Rig(thermal=replace(THERMAL, quarter_turns=1))
    shots = [Shot(str(n), *render_pair(board, rig, pose, n)) for n, pose in enumerate(poses(board, 5))]
    views = collect(shots, board, 50)
    common = [view for view in views.views if view.is_common]
    assert len(common) >= 4
    _, turn = resolve_turn(common, board)
    assert (turn.degrees, turn.is_mirrored, turn.is_clear) == (270, False, True)


def test_a_mirrored_thermal_camera_is_told_by_its_pictures() -> None:
    board, rig = parse_board(NAMES[1]), Rig(thermal=replace(THERMAL, mirrored=True))
    shots = [Shot(str(n), *render_pair(board, rig, pose, n)) for n, pose in enumerate(poses(board, 5))]
    views = collect(shots, board, 50)
    _, turn = resolve_turn([view for view in views.views if view.is_common], board)
    assert turn.is_mirrored and turn.is_clear


def test_a_board_that_holds_still_is_one_view_and_the_most_different_ones_stay() -> None:
    board = parse_board(NAMES[1])
    pose, *others = poses(board, 4)
    shots = [Shot(f"still {n}", *render_pair(board, RIG, pose, n)) for n in range(2)]
    shots += [Shot(f"moved {n}", *render_pair(board, RIG, other, n)) for n, other in enumerate(others)]
    views = collect(shots, board, 50)
    assert [view.shot.name for view in views.views] == ["still 0", "moved 0", "moved 1", "moved 2"]
    assert views.looked == 5
    assert len(collect(shots, board, 2).views) == 2


def test_pictures_that_change_their_size_are_refused() -> None:
    shots = [
        Shot(n, np.zeros((8, 8, 3), np.uint8), np.zeros((s, 8), np.uint8)) for n, s in (("a", 8), ("b", 9))
    ]
    with pytest.raises(SourceError, match="the thermal picture b has 8x9 pixels"):
        collect(shots, parse_board(NAMES[1]), 50)


def test_folders_pair_by_name_and_what_cannot_be_read_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for camera, names in (("visible", "abc"), ("thermal", "abd")):
        (tmp_path / camera).mkdir()
        for name in names:
            cv2.imwrite(str(tmp_path / camera / f"{name}.png"), np.full((6, 8), 7, np.uint8))
    (tmp_path / "visible" / "b.png").write_bytes(b"damaged")
    settings = settings_of(tmp_path, cut_bottom=2)
    shots = list(open_shots(settings, None, 60.0))
    assert [(shot.name, shot.visible.shape, shot.thermal.shape) for shot in shots] == [
        ("a", (6, 8, 3), (4, 8))
    ]
    assert "2 pictures have no partner" in caplog.text
    assert "b.png cannot be read" in caplog.text


def test_no_row_left_is_refused(tmp_path: Path) -> None:
    for camera in ("visible", "thermal"):
        (tmp_path / camera).mkdir()
        cv2.imwrite(str(tmp_path / camera / "a.png"), np.zeros((6, 8), np.uint8))
    with pytest.raises(SourceError, match="leave at least one"):
        next(open_shots(settings_of(tmp_path, cut_bottom=6), None, 60.0))


def settings_of(folder: Path, cut_bottom: int) -> FuseSettings:
    thermal = {"uri": str(folder / "thermal"), "cut_bottom": cut_bottom}
    return FuseSettings.model_validate({"visible": {"uri": str(folder / "visible")}, "thermal": thermal})
