"""Tiny labelled pairs: a warm square that only thermal shows, and a bright one that only visible shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from gifnet.joint.config import JointSettings
from gifnet.train.config import validate


def write_labelled(folder: Path, seed: int, count: int = 2, side: int = 64) -> Path:
    """Pairs with labels.json and labels/*.png."""
    random = np.random.default_rng(seed)
    pictures: list[dict[str, Any]] = []
    boxes: list[dict[str, Any]] = []
    for kind in ("visible", "thermal", "labels"):
        (folder / kind).mkdir(parents=True)
    for index in range(count):
        pair = random.integers(60, 90, (2, side, side), np.uint8)
        mask = np.zeros((side, side), np.uint8)
        pictures.append({"id": index, "file_name": f"visible/{index}.png"})
        for number, source in ((1, 1), (2, 0)):
            left, top = (int(place) for place in random.integers(0, side - 20, 2))
            pair[source, top : top + 20, left : left + 20] = 230
            mask[top : top + 20, left : left + 20] = number
            boxes.append({"image_id": index, "category_id": number, "bbox": [left, top, 20, 20]})
        for kind, values in (("visible", pair[0]), ("thermal", pair[1]), ("labels", mask)):
            cv2.imwrite(str(folder / kind / f"{index}.png"), values)
    names = [{"id": 1, "name": "person"}, {"id": 2, "name": "car"}]
    content = {"images": pictures, "categories": names, "annotations": boxes}
    (folder / "labels.json").write_text(json.dumps(content))
    return folder


@pytest.fixture
def tiny(tmp_path: Path) -> JointSettings:
    """Two iterations on crops of 64 pixels, the second one with a step of fusion."""
    values: dict[str, Any] = {
        "joint": "both",
        "data": [write_labelled(tmp_path / "one", 1), write_labelled(tmp_path / "two", 2)],
        "upper_data": [write_labelled(tmp_path / "above", 3)],
        "output": tmp_path / "run",
        "crop_px": 64,
        "batch": 2,
        "iterations": 2,
        "upper_every": 2,
        "log_every": 1,
        "device": "cpu",
    }
    settings = validate(values, "the test")
    assert isinstance(settings, JointSettings)
    return settings
