from __future__ import annotations

import cv2
import numpy as np
import pytest

from stream.synthetic import Box, Street
from stream.synthetic.camera import SyntheticCamera, clip_near
from stream.synthetic.layout import light_of, make_layout

SIZE = (320, 240)


def patch(picture: np.ndarray, box: Box) -> np.ndarray:
    """The middle of a box, where its person is."""
    across, down = (box.right - box.left) / 4, (box.bottom - box.top) / 4
    rows = slice(round(box.top + down), round(box.bottom - down))
    return picture[rows, round(box.left + across) : round(box.right - across)]


def near_people(street: Street, time_s: float) -> list[Box]:
    """People who are large enough, whole in the picture and before everything else."""
    boxes = street.truth(time_s).boxes
    found = []
    for index, box in enumerate(boxes):
        free = all(other.left > box.right or other.right < box.left for other in boxes[index + 1 :])
        inside = box.left > 2 and box.right < SIZE[0] - 2
        if box.kind == "person" and free and inside and box.bottom - box.top > 24:
            found.append(box)
    return found


def test_people_are_warm_in_thermal_and_dark_in_visible() -> None:
    found = 0
    for seed in (1, 2, 5, 6, 7):
        street = Street(seed, SIZE, light="night")
        thermal, visible = street.thermal(1.0), street.visible(1.0)
        for box in near_people(street, 1.0):
            found += 1
            assert np.median(patch(thermal, box)) > np.percentile(thermal, 85)
            assert np.median(patch(visible, box)) < 90
    assert found >= 5


def test_the_homography_maps_thermal_onto_visible() -> None:
    registered = Street(2, SIZE, noise=0)
    shifted = Street(2, SIZE, noise=0, misalign_px=6)
    expected, found = registered.thermal(1.0), shifted.thermal(1.0)
    homography = shifted.truth(1.0).visible_from_thermal
    back = cv2.warpPerspective(found, homography, SIZE, flags=cv2.INTER_LINEAR).astype(float)
    inner = np.s_[12:-12, 12:-12]
    error = np.abs(back - expected)[inner]
    assert np.abs(found.astype(float) - expected)[inner].mean() > 5 * error.mean()
    assert np.median(error) < 3


def test_misalignment_is_as_large_as_asked_for() -> None:
    street = Street(3, SIZE, misalign_px=6)
    corners = np.array([[[0, 0]], [[319, 0]], [[0, 239]], [[319, 239]]], np.float64)
    moved = cv2.perspectiveTransform(corners, street.truth(0).visible_from_thermal)
    farthest = np.linalg.norm(moved - corners, axis=-1).max()
    assert 3 < farthest <= 6


def test_a_smaller_thermal_picture_shows_the_same_street() -> None:
    large = Street(2, SIZE, noise=0)
    small = Street(2, SIZE, thermal_size=(160, 120), noise=0)
    homography = small.truth(1.0).visible_from_thermal
    wide = cv2.warpPerspective(small.thermal(1.0), homography, SIZE, flags=cv2.INTER_LINEAR).astype(float)
    assert np.median(np.abs(wide - large.thermal(1.0))[8:-8, 8:-8]) < 8


def test_a_picture_depends_on_its_time_alone() -> None:
    street, other = Street(4, SIZE), Street(4, SIZE)
    other.visible(0.4)
    other.thermal(0.4)
    np.testing.assert_array_equal(street.visible(1.2), other.visible(1.2))
    np.testing.assert_array_equal(street.thermal(1.2), other.thermal(1.2))


def test_the_street_moves() -> None:
    street = Street(1, SIZE, noise=0)
    assert (street.visible(0.0) != street.visible(1.0)).any(axis=-1).mean() > 0.005
    assert (street.thermal(0.0) != street.thermal(1.0)).mean() > 0.005


def test_the_offset_is_known() -> None:
    assert Street(1, SIZE, offset_ms=40).truth(0.0).offset_ms == 40


def test_seeds_vary_light_and_people() -> None:
    assert [light_of(seed) for seed in range(5)] == ["night", "night", "night", "dusk", "day"]
    assert len({len(make_layout(seed).people) for seed in range(20)}) >= 5
    night, day = (Street(seed, SIZE).visible(0).mean() for seed in (2, 4))
    assert day > 1.5 * night


def test_counts_span_about_3000() -> None:
    counts = Street(1, SIZE).thermal(0.0)
    assert counts.dtype == np.uint16
    assert 5500 < counts.min() < 6700
    assert 7800 < counts.max() < 10_000


def test_smoke_hides_the_visible_street_alone() -> None:
    clear, smoky = Street(2, SIZE, noise=0), Street(2, SIZE, noise=0, smoke=1)
    assert smoky.visible(0).std() < 0.6 * clear.visible(0).std()
    np.testing.assert_array_equal(clear.thermal(0), smoky.thermal(0))


def test_the_camera_projects_as_a_pinhole() -> None:
    camera = SyntheticCamera(200, 100, focal=1.0, centre=0.5, horizon=0.5, x_m=0.0, height_m=2.0)
    column, row = camera.project((1.0, 0.0, 10.0))
    assert (column, row) == pytest.approx((99.5 + 20, 49.5 + 40))
    x, z = camera.ground()
    assert (x[89, 119], z[89, 119]) == pytest.approx((1.0 * 39.5 / 39.5, 10.126), abs=0.02)


def test_polygons_are_cut_before_the_camera() -> None:
    square = np.array([(0, 0, -1), (1, 0, -1), (1, 0, 3), (0, 0, 3)], np.float64)
    assert clip_near(square)[:, 2].min() == pytest.approx(0.6)
    assert len(clip_near(square - (0, 0, 9))) == 0


def test_a_thermal_camera_beside_the_visible_one_sees_near_things_from_the_side() -> None:
    """As two pinhole cameras do: further left by baseline times focal length over distance."""
    baseline_m, size = 0.5, (320, 240)
    beside, same = (Street(1, size, noise=0, baseline_m=each) for each in (baseline_m, 0))
    assert np.array_equal(beside.visible(0), same.visible(0))
    inside = [
        box for box in same.truth(0).boxes if box.left > 40 and box.right < 280 and box.kind == "person"
    ]
    box = min(inside, key=lambda each: each.distance_m)
    rows, columns = slice(int(box.top), int(box.bottom)), slice(int(box.left), int(box.right))
    person = same.thermal(0)[rows, columns].astype(np.float32)
    likeness = cv2.matchTemplate(beside.thermal(0)[rows].astype(np.float32), person, cv2.TM_CCOEFF_NORMED)
    left_px = columns.start - int(likeness.argmax())
    assert left_px == pytest.approx(baseline_m * same.layout.focal * size[0] / box.distance_m, abs=1.5)
    assert left_px > 3
