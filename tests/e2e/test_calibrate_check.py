"""`gifnet calibrate check` on recordings: what it tells, what it writes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream.registration.calibration import load_calibration
from tests.e2e.conftest import Gifnet

STREET = "synthetic://street?seed=4&size=320x240&rate=4&duration=1.5"
OTHER = STREET.replace("seed=4", "seed=1")
CAMERA = {"size": [640, 480], "camera_matrix": [[500, 0, 320], [0, 500, 240], [0, 0, 1]]}


def calibration_file(folder: Path, right_px: float = 0) -> Path:
    content = {
        "visible": CAMERA,
        "thermal": CAMERA,
        "homography": {"matrix": [[1, 0, right_px], [0, 1, 0], [0, 0, 1]], "distance_m": 10},
        "rms_px": 0.5,
        "date": "2026-01-15",
        "made_by": "test",
    }
    path = folder / "pair.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_a_calibration_that_fits_gets_its_baseline(gifnet: Gifnet, tmp_path: Path) -> None:
    path = calibration_file(tmp_path)
    before = load_calibration(path)
    result = gifnet("calibrate", "check", path, STREET, STREET, "--write-baseline")
    assert result.status == 0
    assert "the calibration fits: thermal content lies 0." in result.out
    baseline = load_calibration(path).baseline
    assert baseline is not None
    assert baseline.score > 0.3
    assert abs(baseline.right_px) < 0.5
    assert load_calibration(path).model_copy(update={"baseline": None}) == before


def test_what_is_off_is_measured_refused_and_shown(gifnet: Gifnet, tmp_path: Path) -> None:
    """12 pixels of 640 are 6 of 320."""
    path, report = calibration_file(tmp_path, 12), tmp_path / "report.html"
    result = gifnet("calibrate", "check", path, STREET, STREET, "--report", report, "--write-baseline")
    assert result.status == 1
    assert "the calibration is off: thermal content lies 6." in result.err
    assert "--nudge-right-px -6" in result.err
    assert load_calibration(path).baseline is None
    page = report.read_text(encoding="utf-8")
    assert page.count("<img") == 4
    assert "6 px right in the middle" in page


def test_the_numbers_as_json(gifnet: Gifnet, tmp_path: Path) -> None:
    result = gifnet("calibrate", "check", calibration_file(tmp_path, 12), STREET, STREET, "--json")
    told: dict[str, Any] = json.loads(result.out)
    assert (told["verdict"], told["frames"], told["size"]) == ("off", 6, [320, 240])
    assert told["residual"]["right_px"] == pytest.approx(6, abs=0.3)


def test_too_little_to_see_is_no_verdict(gifnet: Gifnet, tmp_path: Path) -> None:
    result = gifnet("calibrate", "check", calibration_file(tmp_path), STREET, OTHER)
    assert result.status == 1
    assert "the calibration cannot be judged: visible and thermal show too little in common" in result.err
    assert "turn" not in result.out


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("none.yaml", STREET, STREET), "the calibration none.yaml cannot be read"),
        (("FILE", "nowhere.mp4", STREET), "the file nowhere.mp4 does not exist"),
        (("FILE", STREET.replace("320x240", "320x200"), STREET), "another aspect ratio"),
        (("FILE", STREET, STREET, "--offset-ms", "60000"), "--offset-ms 0"),
    ],
)
def test_refusals_are_one_sentence(
    gifnet: Gifnet, tmp_path: Path, arguments: tuple[str, ...], part: str
) -> None:
    path = calibration_file(tmp_path)
    result = gifnet(
        "calibrate", "check", *(path if argument == "FILE" else argument for argument in arguments)
    )
    assert result.status == 1
    assert part in result.err
    assert "Traceback" not in result.err


@pytest.mark.refdata
def test_a_registered_recording_fits(gifnet: Gifnet, tmp_path: Path, refdata: Path) -> None:
    clip = refdata / "data/m3svd/clips/0111_1716"
    result = gifnet(
        "calibrate",
        "check",
        calibration_file(tmp_path),
        f"{clip}_visible.mp4",
        f"{clip}_thermal.mp4",
        "--seconds",
        "3",
    )
    assert result.status == 0, result.err
