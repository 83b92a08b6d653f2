"""Coarse positions and points: their homographies, back and forth, and what cannot be."""

from __future__ import annotations

import datetime

import cv2
import numpy as np
import pytest

from stream.calibrate.scene.run import FrameSet
from stream.errors import CalibrationError
from stream.registration.calibration import Calibration
from stream.setup.placement import Placement, moved_by, placement_of
from stream.setup.session import HandSession, covered

VISIBLE, THERMAL = (640, 480), (160, 120)
POINTS = np.array([(30.0, 20.0), (130.0, 25.0), (35.0, 95.0), (125.0, 100.0), (80.0, 60.0)])
BASE = Placement(90, True, 0.7, 3.0, 0.05, -0.04).matrix(VISIBLE, THERMAL)


def through(matrix: np.ndarray, places: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.perspectiveTransform(places[:, None], matrix)[:, 0])


def test_no_placement_fits_the_width() -> None:
    ends = through(Placement().matrix(VISIBLE, THERMAL), np.array([(-0.5, -0.5), (159.5, 119.5)]))
    assert ends == pytest.approx(np.array([(-0.5, -0.5), (639.5, 479.5)]))


def test_a_quarter_clockwise_brings_the_right_end_down() -> None:
    ends = through(Placement(90).matrix(VISIBLE, THERMAL), np.array([(79.5, 59.5), (100.0, 59.5)]))
    assert ends[0] == pytest.approx((319.5, 239.5))
    assert ends[1][0] == pytest.approx(319.5) and ends[1][1] > 239.5


@pytest.mark.parametrize("quarter_deg", [0, 90, 180, 270])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_placement_is_found_again_by_its_matrix(quarter_deg: int, mirrored: bool) -> None:
    placed = Placement(quarter_deg, mirrored, 0.6, -4.0, 0.1, 0.2)
    found = placement_of(placed.matrix(VISIBLE, THERMAL), VISIBLE, THERMAL)
    assert (found.quarter_deg, found.mirrored) == (quarter_deg, mirrored)
    numbers = [(one.scale, one.turn_deg, one.right, one.down) for one in (found, placed)]
    assert numbers[0] == pytest.approx(numbers[1])


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5])
def test_points_come_to_lie_where_they_are_put(count: int) -> None:
    bend = np.array([[1.02, 0.03, 8], [-0.02, 0.97, -5], [1e-5, 2e-5, 1]])
    wanted = through(bend @ BASE, POINTS[:count]) if count else np.zeros((0, 2))
    found = moved_by(BASE, POINTS[:count], wanted, (VISIBLE, THERMAL))
    if count:
        assert through(found.matrix, POINTS[:count]) == pytest.approx(wanted, abs=1e-4 if count < 5 else 0.01)
    if count in (1, 2):
        scales = np.linalg.svd(found.matrix[:2, :2])[1]
        assert scales[0] == pytest.approx(scales[1])


def test_points_that_make_no_sense_are_refused() -> None:
    sizes = VISIBLE, THERMAL
    with pytest.raises(CalibrationError, match="lie on each other in the thermal picture"):
        moved_by(BASE, POINTS[[0, 0]], through(BASE, POINTS[:2]), sizes)
    with pytest.raises(CalibrationError, match="on one line"):
        moved_by(BASE, np.array([(0.0, 0), (10, 10), (20, 20)]), through(BASE, POINTS[:3]), sizes)
    with pytest.raises(CalibrationError, match="inside out"):
        moved_by(BASE, POINTS[[0, 1, 2]], through(BASE, POINTS[[1, 0, 2]]), sizes)
    with pytest.raises(CalibrationError, match="inside out"):
        moved_by(BASE, POINTS[:4], through(BASE, POINTS[[1, 0, 2, 3]]), sizes)


def session() -> HandSession:
    rng = np.random.default_rng(1)
    thermal = cv2.resize(rng.integers(0, 255, (6, 8), np.uint8), THERMAL, interpolation=cv2.INTER_NEAREST)
    visible = np.zeros((VISIBLE[1], VISIBLE[0], 3), np.uint8)
    return HandSession([FrameSet(visible, thermal)], Placement(), 5.0)


def test_points_to_begin_with_are_spread_over_the_picture() -> None:
    points = session().points
    assert 4 <= len(points) <= 6
    assert (points > 2).all() and (points < np.array(THERMAL) - 3).all()
    apart = np.linalg.norm(points[:, None] - points[None], axis=-1) + 1e3 * np.eye(len(points))
    assert apart.min() > 0.2 * THERMAL[0]


def test_a_flat_picture_has_points_too() -> None:
    flat = FrameSet(np.zeros((48, 64, 3), np.uint8), np.full((60, 80), 7000, np.uint16))
    assert len(HandSession([flat], Placement(), 5.0).points) == 4


def test_a_point_put_wrong_is_named_by_its_number() -> None:
    hand = session()
    thermal = np.vstack((POINTS, [(60.0, 30.0), (100.0, 80.0)]))
    visible = through(Placement().matrix(VISIBLE, THERMAL), thermal)
    visible[3] += 60
    visible[0] = np.nan  # follows
    date = datetime.date(2026, 1, 1)
    assert hand.fit(Placement(), thermal, visible).worst == 3
    with pytest.raises(CalibrationError, match="point 4 lies much worse"):
        hand.save(Placement(), thermal, visible, 5.0, date)
    assert not hand.done.is_set() and hand.calibration is None
    with pytest.raises(CalibrationError, match="beside the visible one"):
        hand.save(Placement(right=3), POINTS, np.full((5, 2), np.nan), 5.0, date)
    hand.save(Placement(scale=0.5), POINTS, np.full((5, 2), np.nan), 7.0, date)
    made = hand.calibration
    assert hand.done.is_set() and made is not None and made.homography is not None
    assert (made.homography.distance_m, made.visible.size, made.thermal.size) == (7.0, VISIBLE, THERMAL)
    assert covered(made.visible_from_thermal(), VISIBLE, THERMAL) == pytest.approx(0.25, abs=0.03)


def test_a_calibration_that_cannot_be_written_leaves_the_session_open_and_a_second_save_is_refused() -> None:
    kept: list[Calibration] = []

    def keep(made: Calibration) -> None:
        if not kept:
            kept.append(made)
            raise CalibrationError("no space left")

    hand = HandSession(session().moments, Placement(), 5.0, keep)
    follows, date = np.full((5, 2), np.nan), datetime.date(2026, 1, 1)
    with pytest.raises(CalibrationError, match="no space left"):
        hand.save(Placement(scale=0.5), POINTS, follows, 7.0, date)
    assert not hand.done.is_set() and hand.calibration is None
    hand.save(Placement(scale=0.5), POINTS, follows, 7.0, date)
    assert hand.done.is_set()
    with pytest.raises(CalibrationError, match="on another page"):
        hand.save(Placement(), POINTS, follows, 7.0, date)
    assert hand.calibration == kept[0]
