"""The script for a GPU's few minutes, tried out without one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.gpu import launches, layers, network, parts, whole
from benchmarks.gpu import steps as gpu
from benchmarks.gpu.work import LAUNCH_MS, floor_ms
from gifnet.gpu import launch
from tests.helpers.cuda_stub import install

ROOT = Path(__file__).parents[3]
CPU = torch.device("cpu")


def figures_of(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    """Figures of the last line that a step printed."""
    found: dict[str, object] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def python(code: str) -> gpu.Step:
    return gpu.Step((sys.executable, "-c", code), 60)


def test_steps_go_on_after_a_failure_and_each_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = tmp_path / "gpu.json"
    kept = f"import json; print(json.dumps(list(json.load(open({str(result)!r}))['steps'])))"
    steps = {
        "good": python("print('{\"a\": 1}')"),
        "bad": python("print('{\"b\": 2}'); raise SystemExit(3)"),
        "absent": gpu.Step(("no-such-program",), 1),
        "last": python(f"{kept}; print('{{\"c\": 3}}')"),
    }
    monkeypatch.setattr(gpu, "steps_for", lambda device: steps)
    monkeypatch.setattr(sys, "argv", ["gpu", "--json", str(result)])
    with pytest.raises(SystemExit) as ended:
        gpu.main()
    assert ended.value.code == 1
    done = json.loads(result.read_text(encoding="utf-8"))["steps"]
    outcomes = [step["outcome"] for step in done.values()]
    assert outcomes == ["passed", "failed with status 3", "absent", "passed"]
    assert [done[name]["figures"] for name in ("good", "bad", "last")] == [{"a": 1}, {"b": 2}, {"c": 3}]
    assert '["good", "bad", "absent"]' in done["last"]["said"]


def test_a_step_that_hangs_is_killed() -> None:
    hung = gpu.run(gpu.Step((sys.executable, "-c", "print('{\"a\": 1}', flush=True); input()"), 0.0))
    assert hung["outcome"].startswith(("killed after", "failed with status 1"))


def test_an_unknown_step_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["gpu", "--only", "nonsense"])
    with pytest.raises(SystemExit, match="there is no step nonsense; steps are machine, accuracy"):
        gpu.main()


def test_all_steps_together_hold_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit is cut to what is left, the last step takes all of it; none begins in the last seconds."""
    steps = gpu.steps_for("cuda")
    assert gpu.within(steps["sweep"], 300).limit_s == 45
    assert gpu.within(steps["sweep"], 300).command[-1] == "40"
    training = gpu.within(steps["train"], 93.0)
    assert training.limit_s == 93 and training.command[-1] == "88"
    assert list(steps)[-1] == "train" and gpu.BUDGET_S == 480
    monkeypatch.setattr(sys, "argv", ["gpu", "--minutes", "0.05", "--json", str(tmp_path / "gpu.json")])
    with pytest.raises(SystemExit) as ended:
        gpu.main()
    done = json.loads((tmp_path / "gpu.json").read_text(encoding="utf-8"))["steps"]
    assert not ended.value.code
    assert {step["outcome"] for step in done.values()} == {"not run: the time was over"}


def test_the_first_steps_need_torch_and_triton_alone() -> None:
    heavy = ("av", "pydantic", "zmq", "cv2", "pythonjsonlogger")
    steps = ", ".join(f"benchmarks.gpu.{name}" for name in ("network", "parts", "launches", "layers"))
    probe = f"import sys, {steps}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_network_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    network.machine(CPU)
    assert figures_of(capsys)["python"]
    network.graph(CPU)
    figures = figures_of(capsys)
    for name in ("ours float32 batch 1", "published eager float32"):
        measured = figures[name]
        assert isinstance(measured, dict) and measured["ms"] > 0
    layers.measure(CPU)
    assert list(figures_of(capsys)) == [
        *("embed 98->196", "embed 112->224", "mix 98->98", "mix 112->112"),
        *("picture 98->64", "picture 112->64"),
    ]


def test_frames_on_their_way_through_changes_equal_the_cpu_s(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole, "CHANGES", 6)
    whole.retunes("cpu")
    assert figures_of(capsys) == {"frames": 24, "changes": 6, "worst_db": 99}  # the CPU against itself


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_what_only_a_gpu_has_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, arguments in ((launches, ["launches"]), (parts, [])):
        monkeypatch.setattr(sys, "argv", ["step", *arguments])
        module.main()
        assert "not measured" in figures_of(capsys)


def test_a_part_wins_that_is_right_and_faster_over_both_kinds_of_weights() -> None:
    def row(ms: float, psnr_db: float = 60.0, same: bool = True) -> dict[str, object]:
        return {"today_ms": 2.0, "ms": ms, "psnr_db": psnr_db, "same": same}

    measured = {
        "embed": {"one side": row(2.0), "both sides": row(1.9)},
        "finish": {"one side": row(1.0, psnr_db=44.0), "both sides": row(1.0)},
        "attend": {"one side": row(1.0), "both sides": row(1.0, same=False)},
        "encoder": {"one side": row(2.0), "both sides": row(1.995)},
        "picture": {"failed": "CUDA error"},
    }
    assert parts.wins(measured) == ["embed"]


def test_launches_are_kept_with_their_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of both forms, more than the network needs since channels are padded, but not much more."""
    pytest.importorskip("triton")
    monkeypatch.setattr(launch, "start", lambda *arguments, **options: None)
    for kind, needed in (("one side", 292e9), ("both sides", 401e9)):
        for fused in (False, True):
            found = launches.record(kind, fused, "cpu")
            assert all(one.operations for one in found if not one.name.startswith("reduce_moments"))
            assert needed < sum(one.operations for one in found) < 1.5 * needed
            assert all(one.moved_bytes > 0 and one.start({"num_warps": 4}) is None for one in found)


def test_both_forms_are_measured_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """With kernels and graphs that do nothing."""
    pytest.importorskip("triton")
    monkeypatch.setattr(launch, "start", lambda *arguments, **options: None)
    monkeypatch.setattr(parts, "SIZE", (48, 64))
    cuda = install(monkeypatch)
    exact = {kind: torch.zeros(1, 1, 48, 64) for kind in parts.WEIGHTS}
    measured = parts.measure(["finish", "embed"], exact, "cpu")
    for row in measured.values():
        assert row["ms"] > 0 and row["today_ms"] > 0 and {"gain", "psnr_db", "same"} <= set(row)
    assert cuda.log.count((0, "replay")) == 2 * (2 * parts.ROUNDS * (parts.REPLAYS + 1) + parts.REPEATED)


def test_floors_are_of_arithmetic_or_of_bytes() -> None:
    assert floor_ms(780e9, 1.0) == pytest.approx(1 + LAUNCH_MS)
    assert floor_ms(1.0, 4.3e9) == pytest.approx(1 + LAUNCH_MS)
