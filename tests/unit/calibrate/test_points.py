"""A homography from picked points: exact, judged, and refused where it would be wrong."""

from __future__ import annotations

import datetime

import cv2
import numpy as np
import pytest

from stream.calibrate.points.homography import as_calibration, fit_points
from stream.errors import CalibrationError

VISIBLE, THERMAL = (640, 480), (320, 256)
TRUE = np.array([[1.9, 0.05, 12.0], [-0.04, 1.85, -9.0], [1e-5, -2e-5, 1.0]])
TODAY = datetime.date(2026, 1, 15)
SPREAD = np.array([(30, 30), (280, 40), (40, 220), (290, 230), (150, 130), (220, 70), (90, 180)], float)


def picked(count: int, noise_px: float = 0.0, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    thermal = SPREAD[:count]
    visible = cv2.perspectiveTransform(thermal[:, None], TRUE)[:, 0]
    return visible + np.random.default_rng(seed).normal(0, noise_px, visible.shape), thermal


def fit(visible: np.ndarray, thermal: np.ndarray):  # type: ignore[no-untyped-def]
    return fit_points(visible, thermal, VISIBLE, THERMAL)


def test_four_points_fit_exactly_and_say_nothing_of_their_worth() -> None:
    found = fit(*picked(4))
    assert np.allclose(found.matrix, TRUE, atol=1e-6)
    assert found.rms_px is None and found.worst is None and found.errors_px.max() < 1e-3


def test_more_points_tell_how_good_they_are() -> None:
    fits = [fit(*picked(7, 1.5, seed)) for seed in range(60)]
    # The noise of both directions together.
    assert np.median([found.rms_px for found in fits]) == pytest.approx(1.5 * 2**0.5, rel=0.2)
    corners = np.array([(0, 0), (319, 0), (0, 255), (319, 255)], float)[:, None]
    away = cv2.perspectiveTransform(corners, fits[0].matrix) - cv2.perspectiveTransform(corners, TRUE)
    assert np.linalg.norm(away, axis=-1).mean() < 6


@pytest.mark.parametrize("wrong", range(7))
def test_a_point_on_the_wrong_thing_is_named(wrong: int) -> None:
    visible, thermal = picked(7, noise_px=0.3)
    visible[wrong] += (25, -18)
    assert fit(visible, thermal).worst == wrong


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v, t: (v[:3], t[:3]), "4 pairs of points are needed, got 3"),
        (lambda v, t: (v[[0, 0, 1, 2]], t[[0, 0, 1, 2]]), "on one line, or on each other"),
        (
            lambda v, t: (np.c_[np.arange(6) * 50 + 9, np.full(6, 60)], t[:6]),
            "the visible points lie too much",
        ),
        (lambda v, t: (v[[1, 0, 2, 3]], t[:4]), "inside out"),
        (lambda v, t: (np.c_[639 - v[:, 0], v[:, 1]], t), "inside out"),
        (lambda v, t: (v + 600, t), "a visible point lies outside the picture of 640x480"),
        (lambda v, t: (v, t * np.nan), "a thermal point lies outside"),
    ],
)
def test_points_that_make_no_sense_are_refused(change, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(CalibrationError, match=words):
        fit(*change(*picked(7)))


def test_distances_are_added_to_a_file() -> None:
    found = fit(*picked(5))
    one = as_calibration(found, VISIBLE, THERMAL, 20.0, TODAY)
    assert one.homography is not None and one.homography.distance_m == 20
    assert np.allclose(one.visible_from_thermal(), TRUE, atol=1e-3)
    two = as_calibration(found, VISIBLE, THERMAL, 5.0, TODAY, one)
    assert two.homographies is not None and [plane.distance_m for plane in two.homographies] == [5, 20]
    assert np.allclose(two.visible_from_thermal(8), TRUE, atol=1e-3)
    with pytest.raises(CalibrationError, match="has a homography for 5 m"):
        as_calibration(found, VISIBLE, THERMAL, 5.0, TODAY, two)
    with pytest.raises(CalibrationError, match="write to a new file"):
        as_calibration(found, (800, 600), THERMAL, 7.0, TODAY, two)
