"""The benchmark of joint learning: what its rows say together, and rows of other settings."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.joint.rows import begin, summarise

SCENES = ["dark 1", "dark 1", "dark 2", "hot 1"]


def row(name: str, seed: int, judged: list[float]) -> dict[str, Any]:
    return {"input": name, "seed": seed, "scenes": SCENES, "judged": judged}


def mean(judged: Any) -> float:
    return float(np.mean(judged))


def test_inputs_are_held_against_joint_fusion_on_the_same_draws():
    rows = [
        row("mean", 1, [0.0, 0.2, 0.4, 0.6]),
        row("mean", 2, [0.2, 0.4, 0.6, 0.8]),
        row("joint fusion", 1, [0.1, 0.3, 0.5, 0.7]),
        row("joint fusion", 2, [0.3, 0.5, 0.7, 0.9]),
    ]
    found = summarise(rows, mean)
    assert found["mean"]["score"] == 0.4 and found["mean"]["seeds"] == 2
    assert found["mean"]["by folder"] == {"dark": 0.3, "hot": 0.7}
    # Every picture is 0.1 better, so every draw of streets is, though the draws differ widely.
    assert found["mean"]["joint fusion is above by"] == 0.1
    assert found["mean"]["above by, 95 %"] == [0.1, 0.1]
    low, high = found["mean"]["95 %"]
    assert low < 0.3 < 0.5 < high
    assert "joint fusion is above by" not in found["joint fusion"]


def test_a_folder_goes_on_with_the_same_settings_alone(tmp_path: Path):
    arguments = argparse.Namespace(work=tmp_path / "work", seeds=[1], inputs=["mean"], name="x", steps=10)
    begin(arguments)
    begin(argparse.Namespace(**vars(arguments) | {"seeds": [1, 2]}))
    with pytest.raises(SystemExit, match=r"holds rows of other settings, .* name another --work"):
        begin(argparse.Namespace(**vars(arguments) | {"steps": 20}))
