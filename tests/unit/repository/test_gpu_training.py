"""The training step of the script for a GPU's few minutes: packed pictures, an end in time, going on."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.gpu import training
from gifnet import weights


def scenes(folder: Path, count: int = 2, pairs: int = 2) -> Path:
    random = np.random.default_rng(1)
    for scene in range(count):
        for side in ("visible", "thermal"):
            place = folder / f"scene{scene}" / side
            place.mkdir(parents=True)
            for pair in range(pairs):
                small = random.integers(0, 256, (8, 8), dtype=np.uint8)
                cv2.imwrite(str(place / f"{pair}.png"), cv2.resize(small, (64, 64)))
    return folder


def test_training_ends_in_time_with_a_checkpoint_and_goes_on_from_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = tmp_path / "pairs.zip"
    assert training.pack([scenes(tmp_path / "data")], packed)["pairs"] == 4
    for iterations in (1, 2):
        with training.unpacked([packed]) as folders:
            training.train(folders, "cpu", 0, tmp_path / "run")
        said = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert said["iterations"] == 1 and said["all_iterations"] == iterations
        assert Path(said["checkpoint"]).is_file()
        assert weights.read(Path(said["weights"])).sha256


def test_what_does_not_fit_is_left_out_scene_by_scene(tmp_path: Path) -> None:
    packed = tmp_path / "pairs.zip"
    found = training.pack([scenes(tmp_path / "data", count=3, pairs=5)], packed, limit_bytes=12_000)
    assert 0 < found["pairs"] < 15 and found["scenes"] == 3
    assert packed.stat().st_size <= 12_000
