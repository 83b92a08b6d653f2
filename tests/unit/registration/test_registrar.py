"""Registration: the thermal picture on the visible grid, by every kind of calibration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import yaml

from cuda_kernels import reference
from stream.config import RegistrationSettings
from stream.errors import CalibrationError
from stream.registration.calibration import Size, load_calibration
from stream.registration.registrar import FEATHER_PX, Registrar, build_registrar

VISIBLE, THERMAL = (160, 120), (80, 64)
VISIBLE_MATRIX = [[150, 0, 80], [0, 150, 60], [0, 0, 1]]
THERMAL_MATRIX = [[70, 0, 40], [0, 70, 32], [0, 0, 1]]
IDENTITY = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


def calibration_file(
    folder: Path,
    relation: dict[str, Any],
    visible_distortion: tuple[float, ...] = (),
    thermal_distortion: tuple[float, ...] = (),
) -> Path:
    content = {
        "visible": {"size": VISIBLE, "camera_matrix": VISIBLE_MATRIX, "distortion": visible_distortion},
        "thermal": {"size": THERMAL, "camera_matrix": THERMAL_MATRIX, "distortion": thermal_distortion},
        "rms_px": 0.1,
        "date": "2026-01-15",
        "made_by": "test",
    }
    path = folder / "pair.yaml"
    path.write_text(yaml.safe_dump(to_lists(content | relation)), encoding="utf-8")
    return path


def to_lists(values: Any) -> Any:
    if isinstance(values, dict):
        return {key: to_lists(value) for key, value in values.items()}
    return [to_lists(value) for value in values] if isinstance(values, list | tuple) else values


def homography(*rows: tuple[float, float, float]) -> dict[str, Any]:
    return {"homography": {"matrix": rows, "distance_m": 10}}


def stereo(translation_m: tuple[float, float, float] = (0, 0, 0)) -> dict[str, Any]:
    return {"stereo": {"rotation": IDENTITY, "translation_m": translation_m, "distance_m": 10}}


def registrar(path: Path, distance_m: float | None = None) -> Registrar:
    return built(RegistrationSettings(file=path, distance_m=distance_m), VISIBLE, THERMAL)


def built(settings: RegistrationSettings, visible: Size, thermal: Size) -> Registrar:
    calibration = load_calibration(settings.file) if settings.file else None
    return build_registrar(settings, calibration, visible, thermal)


def ramp() -> torch.Tensor:
    """A thermal picture whose values are its own x plus 1000 y, so that a look-up tells its place."""
    width, height = THERMAL
    return (
        torch.arange(width, dtype=torch.float32) + 1000 * torch.arange(height, dtype=torch.float32)[:, None]
    )


def registered(by: Registrar) -> torch.Tensor:
    """The ramp on the visible grid."""
    assert by.maps is not None
    return reference.warp(ramp(), *by.maps)[0]


def test_one_size_needs_nothing_and_costs_nothing() -> None:
    same = built(RegistrationSettings(), THERMAL, THERMAL)
    assert same.maps is None
    assert same.coverage is None


def test_two_sizes_without_a_file_say_how_to_get_one() -> None:
    with pytest.raises(CalibrationError) as caught:
        built(RegistrationSettings(), VISIBLE, THERMAL)
    for part in (
        "160x120",
        "80x64",
        "registration.file",
        "--calibration FILE",
        "gifnet setup VISIBLE THERMAL -o pair.yaml",
    ):
        assert part in str(caught.value)


def test_homography_shifts_and_scales(tmp_path: Path) -> None:
    path = calibration_file(tmp_path, homography((2, 0, 3), (0, 2, -5), (0, 0, 1)))
    by = registrar(path)
    coverage = by.coverage
    assert registered(by)[51, 43].item() == pytest.approx((43 - 3) / 2 + 1000 * (51 + 5) / 2)
    assert coverage is not None
    assert coverage[0, 0] == 0


def test_coverage_is_feathered_inside_the_border_only(tmp_path: Path) -> None:
    path = calibration_file(tmp_path, homography((1, 0, 40), (0, 2, -3), (0, 0, 1)))
    coverage = registrar(path).coverage
    assert coverage is not None
    row = coverage[60]
    assert (row[:40] == 0).all()
    assert (row[120:] == 0).all()
    assert row[40:57].diff().gt(0).all()
    assert (row[40 + FEATHER_PX : 120 - FEATHER_PX] == 1).all()
    assert 0 < row[40] < 0.1
    # The picture's own upper and lower border is no border of the thermal view.
    assert torch.equal(coverage[0], coverage[119])
    assert torch.equal(coverage[0], row)


def test_full_coverage_is_none(tmp_path: Path) -> None:
    path = calibration_file(tmp_path, homography((3, 0, -20), (0, 3, -20), (0, 0, 1)))
    assert registrar(path).coverage is None


def test_outside_goes_on_as_the_border(tmp_path: Path) -> None:
    path = calibration_file(tmp_path, homography((1, 0, 40), (0, 2, 0), (0, 0, 1)))
    picture = registered(registrar(path))
    assert (picture[60, :40] == picture[60, 40]).all()


def test_parallax_follows_the_distance(tmp_path: Path) -> None:
    path = calibration_file(tmp_path, stereo(translation_m=(0.2, 0, 0)))
    for distance_m in (None, 2.0, 50.0):
        picture = registered(registrar(path, distance_m))
        depth_m = distance_m or 10.0
        x_m, y_m = (70 - 80) / 150 * depth_m, (66 - 60) / 150 * depth_m
        expected = 70 * (x_m - 0.2) / depth_m + 40 + 1000 * (70 * y_m / depth_m + 32)
        assert picture[66, 70].item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "distortion", [(-0.3, 0.08, 0.002, -0.001), (0.2, -0.05, 0, 0, 0.01), (0.1, 0.02, 0, 0, 0, 0.05, 0.01, 0)]
)
def test_both_lenses_are_undistorted(tmp_path: Path, distortion: tuple[float, ...]) -> None:
    """A point of the scene, projected by OpenCV into both pictures, is found where it lies."""
    path = calibration_file(tmp_path, stereo((0.1, 0, 0)), distortion, distortion)
    map_x, map_y = registrar(path).maps or pytest.fail("no maps")
    for point_m in ((0.3, 0.4, 10), (-3, 2, 10), (2.5, -2.5, 10)):
        (x, y), (thermal_x, thermal_y) = (
            project(point_m, VISIBLE_MATRIX, distortion, 0),
            project(point_m, THERMAL_MATRIX, distortion, -0.1),
        )
        patch = np.float32([[x], [y]])
        found = [
            cv2.remap(each.numpy(), patch[0][:, None], patch[1][:, None], cv2.INTER_LINEAR).item()
            for each in (map_x, map_y)
        ]
        assert found == pytest.approx([thermal_x, thermal_y], abs=0.02)


def project(
    point_m: tuple[float, float, float], matrix: Any, distortion: tuple[float, ...], shift_m: float
) -> tuple[float, float]:
    pixels, _ = cv2.projectPoints(
        np.array([point_m], dtype=np.float64),
        np.zeros(3),
        np.array((shift_m, 0.0, 0.0)),
        np.array(matrix, dtype=np.float64),
        np.array(distortion, dtype=np.float64),
    )
    x, y = pixels.ravel()
    return float(x), float(y)


def test_a_lens_does_not_see_what_its_polynomial_folds_back(tmp_path: Path) -> None:
    narrow = homography((0.3, 0, 68), (0, 0.3, 50), (0, 0, 1))
    path = calibration_file(tmp_path, narrow, thermal_distortion=(-0.35, 0, 0, 0))
    coverage = registrar(path).coverage
    assert coverage is not None
    seen = (coverage > 0).nonzero()
    assert seen.min(dim=0).values.tolist() >= [45, 60]
    assert seen.max(dim=0).values.tolist() <= [75, 100]


def test_a_view_that_misses_the_visible_picture_is_refused(tmp_path: Path) -> None:
    path = calibration_file(tmp_path, homography((1, 0, 900), (0, 1, 0), (0, 0, 1)))
    with pytest.raises(CalibrationError, match="sees nothing of the visible picture"):
        registrar(path)


def test_a_recording_of_another_size_uses_the_scaled_calibration(tmp_path: Path) -> None:
    path = calibration_file(tmp_path, homography((2, 0, 3), (0, 2, -5), (0, 0, 1)))
    settings = RegistrationSettings(file=path)
    double = built(settings, (320, 240), THERMAL)
    picture = registered(double)
    x, y = (101.5 + 0.5) / 2 - 0.5, (99.5 + 0.5) / 2 - 0.5
    between = (picture[99, 101] + picture[100, 102]) / 2
    assert between.item() == pytest.approx((x - 3) / 2 + 1000 * (y + 5) / 2, rel=1e-4)
    with pytest.raises(CalibrationError, match="another aspect ratio"):
        built(settings, (320, 200), THERMAL)


def test_a_nudge_moves_thermal_right_and_down(tmp_path: Path) -> None:
    path = calibration_file(tmp_path, homography((2, 0, 0), (0, 2, 0), (0, 0, 1)))
    nudged = RegistrationSettings(file=path, nudge_right_px=6, nudge_down_px=-4)
    before, after = registered(registrar(path)), registered(built(nudged, VISIBLE, THERMAL))
    assert torch.equal(after[20:80, 30:90], before[24:84, 24:84])
