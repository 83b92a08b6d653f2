"""`gifnet export`: what it writes fuses as torch does; without the packages it says what to install."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from gifnet import loading
from gifnet.errors import ExportError
from gifnet.export import export_onnx
from stream.cli import main


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ExportError, match=r"needs onnx, .* pip install 'gifnet-stream\[onnx\]'"):
        export_onnx(tmp_path / "lite.onnx")
    assert not list(tmp_path.iterdir())


def test_another_ending_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(["export", str(tmp_path / "lite.engine")])
    assert ended.value.code == 2
    assert "OUTPUT must end in .onnx or .xml" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore")
def test_onnx_of_lite_takes_any_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for package in ("onnx", "onnxscript"):
        pytest.importorskip(package)
    runtime = pytest.importorskip("onnxruntime")
    path = tmp_path / "lite.onnx"
    with pytest.raises(SystemExit) as ended:
        main(["export", str(path)])
    assert ended.value.code == 0
    assert "no pixel differs from torch by more than" in capsys.readouterr().out
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    network = loading.load_lite(precision="float32")
    for height, width in ((48, 64), (37, 90)):
        visible, thermal = np.random.default_rng(height).random((2, 1, 1, height, width), np.float32)
        fused = session.run(None, {"visible": visible, "thermal": thermal})[0]
        expected = network(torch.from_numpy(visible), torch.from_numpy(thermal))
        assert torch.allclose(torch.from_numpy(fused), expected, atol=1e-4)


@pytest.mark.filterwarnings("ignore")
def test_openvino_takes_lite(tmp_path: Path):
    for package in ("onnx", "onnxscript", "onnxruntime", "openvino"):
        pytest.importorskip(package)
    export = importlib.import_module("gifnet.export")
    assert export.export_openvino(tmp_path / "lite.xml") < 1e-3
    assert {file.name for file in tmp_path.iterdir()} == {"lite.xml", "lite.bin"}
