"""The thermal front end on a GPU: captured, it equals the CPU's, frame after frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from cuda_kernels import reference
from stream.config import GainSettings
from stream.device.context import Operations, open_device
from stream.thermal.agc import Agc
from stream.thermal.front_end import ThermalFrontEnd

pytestmark = pytest.mark.gpu
SIZE = (80, 64)


def parts(gain: dict[str, Any], operations: Operations, device: str) -> tuple[Agc, ThermalFrontEnd]:
    control = Agc(GainSettings.model_validate(gain), 14, operations, device)
    return control, ThermalFrontEnd(control, SIZE, torch.uint16, operations)


def frames() -> list[Tensor]:
    rng = np.random.default_rng(1)
    return [
        torch.from_numpy(rng.integers(3000, 4000 + 800 * index, SIZE[::-1]).astype(np.uint16))
        for index in range(5)
    ]


@pytest.mark.parametrize("detail", [1, 3])
@pytest.mark.parametrize("method", ["percentile", "minmax", "plateau", "clahe", "none"])
@torch.inference_mode()
def test_captured_it_equals_the_cpu(cuda: str, tmp_path: Path, method: str, detail: int) -> None:
    (tmp_path / "bad.txt").write_text("3 4\n70 60\n", encoding="utf-8")
    keys = {
        "method": method,
        "detail": detail,
        "region": "0,0.2,1,1",
        "bad_pixels": tmp_path / "bad.txt",
        "polarity": "black-hot",
    }
    context = open_device("cuda")
    control, front = parts(keys, context.operations, cuda)
    gain, there = parts(keys, reference, "cpu")
    counts, keep = torch.zeros(SIZE[::-1], dtype=torch.uint16, device=cuda), torch.ones(1, device=cuda)
    out = torch.zeros(SIZE[::-1], device=cuda)

    def work() -> None:
        context.operations.normalise(*front(counts, keep), out=out)

    graph = context.capture(work)
    assert graph
    for raw in frames():
        counts.copy_(raw)
        keep.fill_(control.next_ema_weight())
        graph.replay()
        expected = reference.normalise(*there(raw, torch.tensor([gain.next_ema_weight()])))
        torch.testing.assert_close(out.cpu(), expected, rtol=0, atol=1e-3)
