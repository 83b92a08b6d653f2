"""Small pairs and settings for training tests."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from gifnet.train.config import TrainSettings, validate


def write_pairs(folder: Path, scene: str = "street", count: int = 2, side: int = 56) -> None:
    for kind in ("visible", "thermal"):
        (folder / scene / kind).mkdir(parents=True)
    random = np.random.default_rng(3)
    for index in range(count):
        visible = cv2.GaussianBlur(random.integers(0, 256, (side, side), np.uint8), (0, 0), 1)
        cv2.imwrite(str(folder / scene / "visible" / f"{index}.png"), visible)
        cv2.imwrite(str(folder / scene / "thermal" / f"{index}.png"), 255 - visible)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """A folder with two scenes of two pairs each; thermal is the negative of visible."""
    write_pairs(tmp_path / "data", "street")
    write_pairs(tmp_path / "data", "yard")
    return tmp_path / "data"


@pytest.fixture
def tiny(pairs: Path, tmp_path: Path) -> TrainSettings:
    """Two iterations on crops of 48 pixels."""
    values = {"data": [pairs], "output": tmp_path / "run", "crop_px": 48, "batch": 1, "iterations": 2}
    return validate(values | {"precision": "float32", "device": "cpu", "log_every": 1}, "the test")
