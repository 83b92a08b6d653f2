from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from tests.e2e.conftest import Gifnet

SMALL = "synthetic://street?size=96x64&seed=3"


def test_pairs_with_truth_from_several_streets(gifnet: Gifnet, tmp_path: Path) -> None:
    done = gifnet("scenes", SMALL, "-o", tmp_path / "out", "--count", 5, "--seeds", 2, "-q")
    assert (done.status, done.err) == (0, "")
    lines = [json.loads(line) for line in (tmp_path / "out/truth.jsonl").read_text().splitlines()]
    assert [(line["seed"], line["light"]) for line in lines] == [(3, "dusk")] * 2 + [(4, "day")] * 3
    assert len({line["time_s"] for line in lines if line["seed"] == 4}) == 3
    for index, line in enumerate(lines):
        assert line["visible"] == f"visible/{index:06d}.png"
        visible = cv2.imread(str(tmp_path / "out" / line["visible"]), cv2.IMREAD_UNCHANGED)
        thermal = cv2.imread(str(tmp_path / "out" / line["thermal"]), cv2.IMREAD_UNCHANGED)
        assert (visible.shape, visible.dtype) == ((64, 96, 3), np.uint8)
        assert (thermal.shape, thermal.dtype) == ((64, 96), np.uint16)
        assert {"kind", "name", "left", "top", "right", "bottom", "distance_m"} == set(line["boxes"][0])


def test_8_bit_thermal_fills_its_range(gifnet: Gifnet, tmp_path: Path) -> None:
    assert gifnet("scenes", SMALL, "-o", tmp_path, "--count", 1, "--bits", 8, "-q").status == 0
    thermal = cv2.imread(str(tmp_path / "thermal/000000.png"), cv2.IMREAD_UNCHANGED)
    assert thermal.dtype == np.uint8
    assert (thermal.min(), thermal.max()) == (0, 255)


def test_colours_are_not_swapped(gifnet: Gifnet, tmp_path: Path) -> None:
    from stream.synthetic import Street

    gifnet("scenes", SMALL, "-o", tmp_path, "--count", 1, "-q")
    written = cv2.imread(str(tmp_path / "visible/000000.png"))[..., ::-1]
    np.testing.assert_array_equal(written, Street(3, (96, 64)).visible(0.0))


def test_a_folder_with_pictures_is_left_alone(gifnet: Gifnet, tmp_path: Path) -> None:
    gifnet("scenes", SMALL, "-o", tmp_path, "--count", 1, "-q")
    done = gifnet("scenes", SMALL, "-o", tmp_path, "--count", 1, "-q")
    assert done.status == 1
    assert "is not empty; name a new folder" in done.err


def test_a_wrong_scene_leaves_nothing_behind(gifnet: Gifnet, tmp_path: Path) -> None:
    for uri in ("clip.mp4", "synthetic://beach", "synthetic://street?size=2"):
        done = gifnet("scenes", uri, "-o", tmp_path / "out", "-q")
        assert done.status == 1
        assert done.err.startswith("gifnet: ") and len(done.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()
