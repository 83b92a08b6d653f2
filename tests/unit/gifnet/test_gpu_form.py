"""The network's GPU form without a GPU: its kernels interpreted, and compiled for real architectures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from tests.reference.formula import formula_model

SHARED_MEMORY_LIMIT = 99 * 1024
"""Bytes a block may use where they are fewest (compute capability 8.6, 8.9 and 12.0)."""

INTERPRETED = """
import json, sys, torch
from gifnet.gpu.form import TritonForm
from tests.reference.formula import formula_model
from tests.reference.test_inference import full, pictures

dtype, sizes = getattr(torch, sys.argv[1]), json.loads(sys.argv[2])
model = formula_model()
if sys.argv[3] == "closed":
    model.drop_auxiliary()
form = TritonForm(model, dtype)
results = []
for height, width, batch in sizes:
    visible, thermal = pictures(height, width, batch)
    got, expected = form(visible, thermal), full(model, visible, thermal)
    assert got.dtype == torch.float32 and got.shape == expected.shape
    squares = (got - expected).square().mean().clamp_min(1e-20)
    results.append([float((got - expected).abs().max()), float(-10 * torch.log10(squares))])
print(json.dumps(results))
"""


@pytest.fixture(autouse=True, scope="module")
def triton() -> None:
    if find_spec("triton") is None:
        if os.environ.get("REQUIRE_TRITON") == "1":
            pytest.fail("REQUIRE_TRITON=1 but Triton is not installed")
        pytest.skip("Triton is not installed")


def interpreted(
    dtype: str, sizes: list[tuple[int, int, int]], gate: str = "open"
) -> list[tuple[float, float]]:
    """Largest difference from the full network and PSNR for each size (height, width, batch)."""
    done = subprocess.run(
        [sys.executable, "-c", INTERPRETED, dtype, json.dumps(sizes), gate],
        env=os.environ | {"TRITON_INTERPRET": "1"},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results: list[tuple[float, float]] = json.loads(done.stdout)
    return results


def test_in_float32_it_is_the_full_network() -> None:
    """Odd sides, sides that do not divide by 4, the smallest ones, and more than one picture."""
    for difference, _ in interpreted("float32", [(5, 7, 1), (13, 10, 2), (8, 21, 1)]):
        assert difference < 1e-5


def test_with_a_closed_gate_the_other_side_is_not_computed() -> None:
    for difference, _ in interpreted("float32", [(13, 10, 2)], "closed"):
        assert difference < 1e-5


def test_in_16_bits_it_stays_close() -> None:
    """The interpreter has no products of bfloat16; float16 takes the same way through the kernels."""
    for _, psnr_db in interpreted("float16", [(9, 14, 1), (5, 5, 2)]):
        assert psnr_db > 55


@pytest.mark.parametrize("capability", [80, 90, 120])
def test_kernels_compile_and_fit(capability: int) -> None:
    from gifnet.gpu.form import TritonForm
    from tests.helpers.triton_launches import recorded

    with recorded() as launches:
        TritonForm(formula_model(), torch.bfloat16)(torch.rand(1, 1, 480, 640), torch.rand(1, 1, 480, 640))
    assert len(launches) == 16
    for launch in launches:
        compiled = launch.compile(capability)
        assert compiled.metadata.shared <= SHARED_MEMORY_LIMIT
        if launch.name != "reduce_moments":
            assert "mma" in compiled.asm["ptx"], "no tensor cores"


def test_a_picture_that_is_too_small_is_refused() -> None:
    from gifnet.gpu.form import TritonForm

    with pytest.raises(ValueError, match="at least 5x5 pixels"):
        TritonForm(formula_model(), torch.bfloat16)(torch.rand(1, 1, 4, 9), torch.rand(1, 1, 4, 9))
