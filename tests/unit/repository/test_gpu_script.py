"""The script for a GPU's few minutes, tried out without one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import torch

from benchmarks.gpu import steps as gpu
from tests.helpers.patience import patience

ROOT = Path(__file__).parents[3]


def test_steps_go_on_after_a_failure_and_each_is_kept(tmp_path: Path) -> None:
    result = tmp_path / "gpu.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.gpu", "--device", "cpu", "--json", str(result)),
            *("--only", "machine", "graph", "layers", "retunes", "launches", "sanitizer"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=patience(240),
    )
    steps = json.loads(result.read_text(encoding="utf-8"))["steps"]
    assert list(steps) == ["machine", "graph", "layers", "retunes", "launches", "sanitizer"], done.stderr
    assert steps["layers"]["outcome"] == steps["retunes"]["outcome"] == "passed", steps
    assert steps["retunes"]["figures"]["frames"] == 160
    assert steps["retunes"]["figures"]["worst_db"] == 99  # the CPU against itself
    assert len(steps["layers"]["figures"]) >= 6
    if not torch.cuda.is_available():
        assert "not measured" in steps["launches"]["figures"]
    assert steps["machine"]["outcome"] == "passed"
    assert steps["machine"]["figures"]["python"]
    assert steps["graph"]["figures"]["ours float32 batch 1"]["ms"] > 0
    assert steps["graph"]["figures"]["published eager float32"]["ms"] > 0


def test_a_step_that_hangs_or_fails_is_said(tmp_path: Path) -> None:
    hung = gpu.run(gpu.Step((sys.executable, "-c", "print('{\"a\": 1}', flush=True); input()"), 0.0))
    assert hung["outcome"].startswith(("killed after", "failed with status 1"))
    failed = gpu.run(gpu.Step((sys.executable, "-c", "print('{\"a\": 1}'); raise SystemExit(3)"), 60))
    assert failed["outcome"] == "failed with status 3"
    assert failed["figures"] == {"a": 1}
    absent = gpu.run(gpu.Step(("no-such-program",), 1))
    assert absent["outcome"] == "absent"


def test_an_unknown_step_is_named() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", "--only", "nonsense"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "there is no step nonsense; steps are machine, accuracy" in done.stderr


def test_the_first_steps_need_torch_and_triton_alone() -> None:
    heavy = ("av", "pydantic", "zmq", "cv2", "pythonjsonlogger")
    probe = f"import sys, benchmarks.gpu.network; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_steps_fit_into_nine_minutes() -> None:
    assert sum(step.limit_s for step in gpu.steps_for("cuda").values()) <= 540
