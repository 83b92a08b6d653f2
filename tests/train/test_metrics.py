"""Metrics against published values and closed forms."""

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from gifnet.train.metrics import correlation, entropy, measure, mutual_information


@pytest.mark.refdata
def test_metrics_equal_the_python_evaluator(refdata: Path):
    folder = refdata / "metrics"
    for name, values in json.loads((folder / "expected.json").read_text()).items():
        scene = name.split("_")[0]
        names = (name, f"{scene}_visible", f"{scene}_thermal")
        fused, visible, thermal = (
            cv2.imread(str(folder / "images" / f"{name}.png"), cv2.IMREAD_GRAYSCALE) for name in names
        )
        got, expected = measure(fused, visible, thermal), values["numpy"]
        for metric in ("EN", "SD", "SF", "AG", "SCD"):
            assert got[metric] == pytest.approx(expected[metric], rel=1e-6), (name, metric)
        assert got["MI"] * math.log(2) == pytest.approx(expected["MI_nats"], rel=1e-6), name
        mean = (got["CC visible"] + got["CC thermal"]) / 2
        assert mean == pytest.approx(expected["CC"], rel=1e-6), name


def test_entropy_of_four_equal_levels_is_two_bits():
    assert entropy(np.array([[0, 50], [100, 150]], np.uint8)) == 2


def test_a_picture_tells_all_of_itself():
    picture = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert mutual_information(picture, picture) == pytest.approx(8)


def test_a_flat_picture_correlates_with_nothing():
    assert correlation(np.zeros((4, 4)), np.eye(4)) == 0
