"""`gifnet calibrate scene` on recordings: a file that serves, or a refusal and no file."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from stream.registration.calibration import load_calibration
from stream.synthetic import Street
from tests.e2e.conftest import Gifnet

SIZE = (400, 300)
SHIFT = np.array([[1.0, 0, 14], [0, 1, -9], [0, 0, 1]])
FOV = ("--visible-fov-deg", 40, "--thermal-fov-deg", 40)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Three moments of a street; the thermal camera looks 14 pixels to the left and 9 down."""
    base = tmp_path_factory.mktemp("street")
    street = Street(3, SIZE)
    for number in range(3):
        counts = cv2.warpPerspective(
            street.thermal(number * 0.5).astype(np.float32), np.linalg.inv(SHIFT), SIZE,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        for name, picture in (
            ("visible", street.visible(number * 0.5)[..., ::-1]),
            ("thermal", counts.astype(np.uint16)),
        ):
            (base / name).mkdir(exist_ok=True)
            cv2.imwrite(str(base / name / f"{number}.png"), picture)
    return base / "visible", base / "thermal"


def test_a_recording_becomes_a_calibration_that_a_run_takes(
    gifnet: Gifnet, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    output, report = tmp_path / "pair.yaml", tmp_path / "report.html"
    done = gifnet("calibrate", "scene", *folders, *FOV, "-o", output, "--report", report, "--distance-m", 25)
    assert done.status == 0, done.err
    assert "aligned, to about" in done.out
    made = load_calibration(output)
    assert made.homography is not None and made.homography.distance_m == 25
    corners = np.array([(0, 0), (399, 0), (0, 299), (399, 299)], float)[:, None]
    away = cv2.perspectiveTransform(corners, made.visible_from_thermal()) - (corners + np.array((14, -9)))
    assert np.linalg.norm(away, axis=-1).mean() < 1.5
    assert report.read_text().count("data:image/") == 15
    run = gifnet("run", *folders, "-o", "null://", "--calibration", output, "--model", "null", "--quiet")
    assert run.status == 0, run.err
    again = gifnet("calibrate", "scene", *folders, "-o", output)
    assert again.status == 1 and "is there already" in again.err


def test_what_does_not_belong_together_is_refused(
    gifnet: Gifnet, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    noise = tmp_path / "noise"
    noise.mkdir()
    for number in range(3):
        counts = np.random.default_rng(number).normal(3000, 20, SIZE[::-1]).astype(np.uint16)
        cv2.imwrite(str(noise / f"{number}.png"), counts)
    output, report = tmp_path / "pair.yaml", tmp_path / "report.html"
    done = gifnet("calibrate", "scene", folders[0], noise, *FOV, "-o", output, "--json", "--report", report)
    assert done.status == 1 and "no calibration is written" in done.err
    assert json.loads(done.out)["doubt"]
    assert not output.exists() and "Refused" in report.read_text()
    taken = gifnet("calibrate", "scene", folders[0], noise, *FOV, "-o", output, "--accept")
    assert taken.status == 0 and load_calibration(output).homography is not None
