"""Engines beside torch: none sends statistics, and one that gives other pictures is refused with figures."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import pytest
import torch

from gifnet import export
from gifnet.errors import ExportError


class Sum(torch.nn.Module):
    """A network that adds its pictures."""

    def forward(self, visible: torch.Tensor, thermal: torch.Tensor) -> torch.Tensor:
        return visible + thermal


def test_an_engine_that_gives_other_pictures_is_refused_with_figures() -> None:
    assert export._largest_difference(Sum(), lambda one, other: one + other + 1e-4, "X") < 2e-4
    with pytest.raises(ExportError, match=r"X gives other pictures than torch, by up to 0\.5 where 0\.001"):
        export._largest_difference(Sum(), lambda one, other: one + other + 0.5, "X")
    with pytest.raises(ExportError, match="pictures of"):
        export._largest_difference(Sum(), lambda one, other: one[..., 1:] + 0, "X")
    with pytest.raises(ExportError, match="nan"):
        export._largest_difference(Sum(), lambda one, other: one * float("nan"), "X")


@pytest.mark.parametrize("package", ["onnxruntime", "openvino"])
def test_engines_are_imported_with_their_statistics_off(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"{package}.py").write_text(
        "import os\nSILENT = os.environ.get('ORT_DISABLE_TELEMETRY')\n"
        "try:\n    import openvino_telemetry\n    SENT = True\nexcept ImportError:\n    SENT = False\n"
    )
    (tmp_path / "openvino_telemetry.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    for name in (package, "openvino_telemetry"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    importlib.invalidate_caches()
    engine = export.needed(package, "onnx")
    assert engine.SILENT == "1" and engine.SENT is False
    monkeypatch.delitem(sys.modules, package)
    os.environ.pop("ORT_DISABLE_TELEMETRY")
    sys.modules.pop("openvino_telemetry")
