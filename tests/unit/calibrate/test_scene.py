"""Alignment without a board: right on known truth, turned ones told, refused where nothing holds it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from stream.calibrate.grey import grey_thermal, grey_visible, scale_of
from stream.calibrate.scene.align import SceneAlignment, align
from stream.calibrate.scene.features import Likeness
from stream.calibrate.scene.initial_guess import Guess
from stream.calibrate.scene.run import Fields, FrameSet, align_moments
from stream.calibrate.scene.search import climb, homographies, said_here, search
from stream.calibrate.scene.tiles import Tiles, measure
from stream.errors import CalibrationError
from stream.synthetic import Street

VISIBLE, THERMAL = (400, 300), (256, 200)
TRUE = np.array([[1.25, 0.05, 40.0], [-0.04, 1.27, 28.0], [2e-5, -4e-5, 1.0]])
NEAR = Guess((0.7, 0.95), 0.1)


def pictures(seed: int = 3, count: int = 2) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Visible and registered thermal pictures of a street by day."""
    street = Street(seed, VISIBLE)
    times_s = [0.7 * number for number in range(count)]
    return [street.visible(at) for at in times_s], [street.thermal(at) for at in times_s]


def seen_by(thermal: np.ndarray, truth: np.ndarray = TRUE, noise: float = 4.0) -> np.ndarray:
    counts = cv2.warpPerspective(thermal.astype(np.float32), np.linalg.inv(truth), THERMAL)
    noisy = counts + np.random.default_rng(1).normal(0, noise, counts.shape)
    return np.asarray(noisy.clip(0, 65535).astype(np.uint16))


def aligned(visible: list[np.ndarray], thermal: list[np.ndarray], guess: Guess = NEAR) -> SceneAlignment:
    pairs = [(grey_visible(one), grey_thermal(other)) for one, other in zip(visible, thermal, strict=True)]
    return align(pairs, guess)


def mean_error_px(found: np.ndarray, truth: np.ndarray) -> float:
    axes = np.linspace(0, THERMAL[0] - 1, 9), np.linspace(0, THERMAL[1] - 1, 9)
    places = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 1, 2)
    away = cv2.perspectiveTransform(places, found) - cv2.perspectiveTransform(places, truth)
    return float(np.linalg.norm(away, axis=-1).mean())


def test_a_street_is_aligned_and_its_error_told() -> None:
    visible, thermal = pictures()
    found = aligned(visible, [seen_by(one) for one in thermal])
    assert found.doubt == "" and found.turned == ""
    assert mean_error_px(found.matrix, TRUE) < 1.0
    assert found.error_px < 1.0 and found.agreement > 0.85 and found.moments == 2
    assert (found.visible_size, found.thermal_size) == (VISIBLE, THERMAL)


def test_a_thermal_picture_that_is_turned_is_found_and_said() -> None:
    visible, thermal = pictures(count=1)
    turned = [np.ascontiguousarray(np.rot90(seen_by(one), k=-1)) for one in thermal]
    found = aligned(visible, turned)
    assert found.turned == "turned by 90 degrees clockwise"
    # From turned pixels to upright ones, then as before.
    upright = np.array([[0, 1, 0], [-1, 0, THERMAL[1] - 1], [0, 0, 1.0]])
    assert found.doubt == "" and mean_error_of_turned(found.matrix, TRUE @ upright) < 1.5


def mean_error_of_turned(found: np.ndarray, truth: np.ndarray) -> float:
    places = np.array([(20, 30), (180, 40), (30, 220), (170, 230), (100, 128)], float)[:, None]
    away = cv2.perspectiveTransform(places, found) - cv2.perspectiveTransform(places, truth)
    return float(np.linalg.norm(away, axis=-1).mean())


def test_two_different_scenes_are_refused() -> None:
    visible, _ = pictures(3)
    _, thermal = pictures(8)
    assert aligned(visible, [seen_by(one)[:, ::-1] for one in thermal]).doubt


def test_a_thermal_picture_without_texture_is_refused() -> None:
    visible, thermal = pictures(count=1)
    assert aligned(visible, [seen_by(np.full_like(thermal[0], 3000), noise=5)]).doubt


def test_a_visible_picture_without_texture_is_refused() -> None:
    thermal = np.random.default_rng(2).normal(100, 30, (64, 80)).astype(np.float32)
    assert align([(np.full((300, 400), 90, np.float32), thermal)], NEAR).doubt


def test_small_shifts_turns_and_tilts_are_measured_by_tiles() -> None:
    visible, thermal = pictures(count=1)
    pairs = [(grey_visible(visible[0]), grey_thermal(thermal[0]))]
    off = homographies(VISIBLE, np.array([[3.0, -2.0, 4.0, 1.0, -1.0, 2.0, 2.0, 3.0]]))[0]
    likeness, rng = Likeness(), np.random.default_rng(0)
    for _ in range(2):
        tiles = measure(likeness, pairs, off, 400, 0.03, 1.0)
        way, value = search(tiles, rng)
        off = tiles.moved(off, way)
    corners = np.array([(0, 0), (399, 0), (0, 299), (399, 299)], float)[:, None]
    assert np.abs(cv2.perspectiveTransform(corners, off) - corners).max() < 1.0
    assert value > 2.0


def certain_tiles(shifts: np.ndarray, middles: np.ndarray, size: tuple[int, int], reach: int) -> Tiles:
    """Tiles that know their shifts [T, 2] well, or nothing where they are NaN."""
    places = np.arange(-reach, reach + 1)
    surfaces = []
    for right, down in shifts:
        away = (places[None] - right) ** 2 + (places[:, None] - down) ** 2
        chance = np.nan_to_num(np.exp(-away / 2), nan=1.0)
        surfaces.append(np.log(0.98 * chance / chance.sum() * chance.size + 0.02))
    return Tiles(np.array(surfaces, np.float32), middles, reach, 1, size, np.eye(3))


def test_a_homography_is_found_though_a_third_of_the_tiles_is_wrong() -> None:
    rng, size, reach = np.random.default_rng(5), (200, 160), 20
    middles = np.array([(x, y) for x in (30.0, 65, 100, 135, 170) for y in (30.0, 65, 100, 130)])
    truth = homographies(size, np.array([[9.0, -7, 3, 6, -8, 5, 11, 2]]))[0]
    shifts = cv2.perspectiveTransform(middles[:, None], truth)[:, 0] - middles
    shifts[::3] = rng.uniform(-reach, reach, shifts[::3].shape)
    shifts[1] = np.nan
    tiles = certain_tiles(shifts, middles, size, reach)
    way, _ = search(tiles, rng)
    corners = np.array([(0, 0), (199, 0), (0, 159), (199, 159)], float)[:, None]
    away = cv2.perspectiveTransform(corners, way) - cv2.perspectiveTransform(corners, truth)
    assert np.linalg.norm(away, axis=-1).mean() < 1.5
    registered = tiles.moved(np.eye(3), way) @ truth
    assert np.allclose(registered / registered[2, 2], np.eye(3), atol=0.02 * reach)
    said = said_here(tiles)
    assert said[1] == pytest.approx(0, abs=0.05) and said.min() > -4


def test_climbing_from_no_change_stays_where_tiles_agree() -> None:
    middles = np.array([(x, y) for x in (30.0, 100, 170) for y in (30.0, 80, 130)])
    tiles = certain_tiles(np.zeros((9, 2)), middles, (200, 160), 8)
    corners, value = climb(tiles, np.ones(9), np.random.default_rng(1))
    assert np.abs(corners).max() < 0.3 and value > 9 * 2


def test_homographies_move_the_corners_as_asked() -> None:
    by = np.random.default_rng(2).uniform(-9, 9, (5, 8))
    corners = np.array([(0, 0), (99, 0), (0, 79), (99, 79)], float)
    for matrix, moved in zip(homographies((100, 80), by), by.reshape(5, 4, 2), strict=True):
        assert np.allclose(cv2.perspectiveTransform(corners[:, None], matrix)[:, 0], corners + moved)


def test_what_is_not_known_has_no_features() -> None:
    picture = np.random.default_rng(4).normal(100, 40, (40, 50)).astype(np.float32)
    known = np.zeros(picture.shape, bool)
    known[:, 25:] = True
    features = Likeness().thermal(picture, known)
    assert features.shape == (8, 40, 50)
    assert not features[:, :, :28].any() and features[:, 10:30, 30:45].any()


def test_the_scale_of_a_matrix() -> None:
    assert scale_of(np.diag((3.0, 3.0, 1.0)), (640, 480)) == pytest.approx(3)
    assert scale_of(np.diag((1.0, 1.0, 2.0)), (640, 480)) == pytest.approx(0.5)


@pytest.mark.parametrize("size", [(1300, 8), (1, 1), (40, 2000)])
def test_pictures_of_shapes_that_no_camera_has_are_refused(size: tuple[int, int]) -> None:
    strip = np.full(size, 90, np.float32)
    with pytest.raises(CalibrationError, match=f"of {size[1]}x{size[0]} pixels cannot be aligned: sides"):
        align([(strip, np.full((60, 80), 9, np.float32))])


def test_other_work_gets_its_threads_back() -> None:
    threads = torch.get_num_threads()
    visible, thermal = pictures(count=1)
    flat = FrameSet(visible[0], np.zeros_like(thermal[0]))
    assert align_moments([flat], Fields(50, 43), lambda text: None).doubt
    assert torch.get_num_threads() == threads
