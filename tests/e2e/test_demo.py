from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from tests.e2e.conftest import Gifnet
from tests.helpers.readback import count_frames, read_frames

SMALL = "synthetic://street?seed=1&size=96x64&rate=5&duration=1&light=night"


def test_the_demo_twice(gifnet: Gifnet, tmp_path: Path, weights: Path) -> None:
    folder = tmp_path / "a" / "demo"
    for _ in range(2):
        done = gifnet("demo", "-o", folder, "--scene", SMALL, "--weights", weights, "--device", "cpu")
        assert done.status == 0
        assert str(folder / "contact_sheet.png") in done.out
        assert {path.name for path in folder.iterdir()} == {
            "fused.mp4",
            "side_by_side.mp4",
            "contact_sheet.png",
        }
    assert count_frames(folder / "fused.mp4") == 5
    assert read_frames(folder / "side_by_side.mp4")[0].shape == (64, 288, 3)
    sheet = cv2.imread(str(folder / "contact_sheet.png"))
    assert sheet is not None
    assert sheet.shape[1] > 3 * 96


def test_a_folder_that_cannot_be_made(gifnet: Gifnet, tmp_path: Path, weights: Path) -> None:
    (tmp_path / "file").touch()
    done = gifnet("demo", "-o", tmp_path / "file" / "demo", "--scene", SMALL, "--weights", weights)
    assert done.status == 1
    assert done.err.startswith("gifnet: the folder ")
    assert done.err.count("\n") == 1


def test_the_page_of_the_demo(gifnet: Gifnet, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    scene = SMALL.replace("rate=5", "rate=12.5")
    done = gifnet("demo", "-o", tmp_path, "--page", "127.0.0.1:0", "--page-s", "4", "--scene", scene)
    assert done.status == 0, done.err
    assert any("the page is at http://127.0.0.1:" in record.getMessage() for record in caplog.records)
    assert "weights         lite" in done.err
    assert {path.name for path in tmp_path.iterdir()} == {"visible.mp4", "thermal.mp4"}


def test_a_length_without_a_page(gifnet: Gifnet, tmp_path: Path) -> None:
    done = gifnet("demo", "-o", tmp_path, "--page-s", "4")
    assert done.status == 2
    assert "--page-s goes with --page" in done.err
