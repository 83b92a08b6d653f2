"""The calibration file: what is read, what is refused, and the matrices that come of it."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from stream.errors import CalibrationError
from stream.registration.calibration import Calibration, load_calibration, save_calibration

EXAMPLE = Path(__file__).parents[3] / "configs" / "calibration_example.yaml"
IDENTITY = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
CAMERA = {"size": [640, 480], "camera_matrix": [[500, 0, 320], [0, 510, 240], [0, 0, 1]]}
THERMAL = {"size": [320, 256], "camera_matrix": [[270, 0, 160], [0, 270, 128], [0, 0, 1]]}
MADE = {"rms_px": 0.5, "date": "2026-01-15", "made_by": "test"}


def shift(by_px: float) -> list[list[float]]:
    return [[2, 0, by_px], [0, 2, 0], [0, 0, 1]]


def values(**relation: Any) -> dict[str, Any]:
    relation = relation or {"homography": {"matrix": shift(10), "distance_m": 12}}
    return {"visible": CAMERA, "thermal": THERMAL, **MADE, **relation}


def stereo(**changes: Any) -> dict[str, Any]:
    return {"rotation": IDENTITY, "translation_m": [0.1, 0, 0], "distance_m": 5} | changes


def calibration(**relation: Any) -> Calibration:
    return Calibration.model_validate(values(**relation))


def written(folder: Path, content: Any) -> Path:
    path = folder / "pair.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
    return path


def problems_of(folder: Path, content: Any) -> str:
    with pytest.raises(CalibrationError) as caught:
        load_calibration(written(folder, content))
    return str(caught.value)


def apply(matrix: Any, x: float, y: float) -> list[float]:
    place = np.asarray(matrix) @ (x, y, 1)
    return [float(part) for part in place[:2] / place[2]]


def test_the_example_is_read() -> None:
    loaded = load_calibration(EXAMPLE)
    assert loaded.visible.size == (640, 480)
    assert loaded.thermal.coefficients.tolist() == [-0.2, 0.05, 0, 0, 0]
    assert loaded.date == datetime.date(2026, 1, 15)


def test_every_problem_is_listed_with_its_place(tmp_path: Path) -> None:
    wrong = values()
    wrong["visible"] = {"size": [0, 480], "camera_matrix": IDENTITY[:2], "distortion": [0.1, 0.2]}
    wrong["lens"] = 1
    del wrong["rms_px"]
    message = problems_of(tmp_path, wrong)
    assert message.startswith(f"the calibration {tmp_path / 'pair.yaml'}: ")
    for part in (
        "visible.size.0",
        "visible.camera_matrix",
        "visible.distortion: must have 0, 4, 5, 8, 12 numbers as in OpenCV, got 2",
        "lens is not a known key",
        "rms_px is missing",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("relation", "part"),
    [
        ({"homography": None}, "exactly one of homography, homographies, stereo must be given, got none"),
        (
            {"homography": {"matrix": shift(1), "distance_m": 1}, "stereo": stereo()},
            "got homography and stereo",
        ),
        ({"homography": {"matrix": [[1, 0, 0], [2, 0, 0], [0, 0, 1]], "distance_m": 1}}, "invertible"),
        ({"homography": {"matrix": shift(float("nan")), "distance_m": 1}}, "homography.matrix.0.2"),
        ({"homography": {"matrix": shift(1), "distance_m": 0}}, "homography.distance_m"),
        ({"homographies": [{"matrix": shift(1), "distance_m": 3}]}, "homographies"),
        ({"homographies": [{"matrix": shift(1), "distance_m": 3}] * 2}, "distance_m must differ"),
        ({"stereo": stereo(rotation=shift(0))}, "stereo.rotation: must be a rotation matrix"),
    ],
)
def test_relations_that_are_refused(tmp_path: Path, relation: dict[str, Any], part: str) -> None:
    assert part in problems_of(tmp_path, values(**relation))


@pytest.mark.parametrize(
    ("content", "part"),
    [("", "must be a mapping"), ("a: [", "is not YAML in line 1"), ("- 1", "must be a mapping")],
)
def test_other_files_are_refused(tmp_path: Path, content: str, part: str) -> None:
    assert part in problems_of(tmp_path, content)


def test_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match=r"the calibration .*none\.yaml cannot be read: No such file"):
        load_calibration(tmp_path / "none.yaml")


def test_homography_ignores_its_scale() -> None:
    scaled = [[3 * number for number in row] for row in shift(10)]
    one = calibration(homography={"matrix": scaled, "distance_m": 4})
    assert one.visible_from_thermal().tolist() == shift(10)


def test_homographies_are_linear_in_nearness_and_hold_beyond_the_ends() -> None:
    several = calibration(
        homographies=[{"matrix": shift(2), "distance_m": 20}, {"matrix": shift(10), "distance_m": 4}]
    )
    shifts = [several.visible_from_thermal(distance_m)[0, 2] for distance_m in (1, 4, 20 / 3, 20, 500)]
    assert shifts == pytest.approx([10, 10, 6, 2, 2])


def test_homographies_need_a_distance() -> None:
    several = calibration(
        homographies=[{"matrix": shift(2), "distance_m": 20}, {"matrix": shift(10), "distance_m": 4}]
    )
    with pytest.raises(CalibrationError, match=r"from 4 to 20 m.*--distance-m"):
        several.visible_from_thermal()


@pytest.mark.parametrize("distance_m", [None, 5.0, 30.0])
def test_stereo_maps_what_both_cameras_see_of_a_plane(distance_m: float | None) -> None:
    angle = 0.05
    rotation = [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    translation_m = [0.1, -0.02, 0.03]
    pair = calibration(stereo=stereo(rotation=np.array(rotation).tolist(), translation_m=translation_m))
    depth_m = distance_m or 5.0
    for x_m, y_m in ((0, 0), (0.8, -0.3), (-0.5, 0.4)):
        point_visible = np.array((x_m, y_m, depth_m))
        point_thermal = np.array(rotation).T @ (point_visible - translation_m)
        thermal = apply(pair.thermal.matrix, *(point_thermal[:2] / point_thermal[2]))
        visible = apply(pair.visible.matrix, *(point_visible[:2] / depth_m))
        assert apply(pair.visible_from_thermal(distance_m), *thermal) == pytest.approx(visible)


def test_scaled_keeps_the_scene_in_place() -> None:
    """The picture's corner, half a pixel outside the first centre, stays the corner at any size."""
    for relation in ({"homography": {"matrix": shift(10), "distance_m": 4}}, {"stereo": stereo()}):
        whole = calibration(**relation)
        half = whole.scaled((320, 240), (640, 512))
        assert half.visible.size == (320, 240)
        visible = apply(whole.visible_from_thermal(4), 40, 50)
        small = apply(half.visible_from_thermal(4), (40 + 0.5) * 2 - 0.5, (50 + 0.5) * 2 - 0.5)
        assert small == pytest.approx([(part + 0.5) / 2 - 0.5 for part in visible])


def test_scaled_to_the_same_size_changes_nothing() -> None:
    whole = calibration()
    assert whole.scaled((640, 480), (320, 256)) == whole


def test_several_homographies_scale() -> None:
    planes = [{"matrix": shift(2), "distance_m": 20}, {"matrix": shift(10), "distance_m": 4}]
    small = calibration(homographies=planes).scaled((320, 240), (160, 128))
    assert small.visible_from_thermal(4)[0].tolist() == pytest.approx([2, 0, 5.25])


def test_rounded_heights_pass_and_other_aspect_ratios_do_not() -> None:
    calibration().scaled((321, 241), (320, 256))
    with pytest.raises(CalibrationError, match=r"thermal pictures have 320x240 pixels.*320x256"):
        calibration().scaled((640, 480), (320, 240))


@pytest.mark.parametrize(
    "relation",
    [
        {"homography": {"matrix": [[2, 1e-9, 1 / 3], [0, 2, -500.25], [1e-5, 0, 1]], "distance_m": 12}},
        {"homographies": [{"matrix": shift(2), "distance_m": 20}, {"matrix": shift(10), "distance_m": 4}]},
        {"stereo": stereo()},
    ],
)
def test_what_is_saved_is_read_back_as_it_was(tmp_path: Path, relation: dict[str, Any]) -> None:
    saved = Calibration.model_validate(
        values(**relation)
        | {"thermal": THERMAL | {"distortion": [-0.31, 1 / 7, 0, 1e-4, 0.01]}, "made_by": "Ä: # 'x'"}
        | {"baseline": {"score": 0.3, "right_px": -0.1, "down_px": 0}}
    )
    save_calibration(saved, tmp_path / "pair.yaml")
    assert load_calibration(tmp_path / "pair.yaml") == saved
    assert [path.name for path in tmp_path.iterdir()] == ["pair.yaml"]


def test_a_saved_file_begins_with_how_it_was_made_and_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "pair.yaml"
    save_calibration(calibration().model_copy(update={"made_by": "gifnet calibrate\n board"}), path)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# gifnet calibrate board"
    assert "  size: [640, 480]" in lines
    assert "  - [2.0, 0.0, 10.0]" in lines


def test_saving_replaces_what_a_link_points_to(tmp_path: Path) -> None:
    (tmp_path / "link.yaml").symlink_to(tmp_path / "pair.yaml")
    save_calibration(calibration(), tmp_path / "link.yaml")
    assert (tmp_path / "link.yaml").is_symlink()
    assert load_calibration(tmp_path / "pair.yaml") == calibration()


@pytest.mark.parametrize("place", ["none/pair.yaml", "file/pair.yaml", "."])
def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CalibrationError, match=r"the calibration .* cannot be written: "):
        save_calibration(calibration(), tmp_path / place)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_baseline_is_scaled_with_the_pictures() -> None:
    with_baseline = Calibration.model_validate(
        values() | {"baseline": {"score": 0.3, "right_px": 1.5, "down_px": -2}}
    )
    scaled = with_baseline.scaled((320, 240), (320, 256)).baseline
    assert scaled is not None
    assert (scaled.score, scaled.right_px, scaled.down_px) == (0.3, 0.75, -1)
