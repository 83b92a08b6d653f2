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

from gifnet.errors import DeviceError
from tests.reference.formula import formula_model

INTERPRETED = """
import json, sys, torch
from tests.helpers.triton_interpreter import watched
from gifnet.gpu.form import TritonForm
from gifnet.gpu.launch import Machine
from gifnet.gpu.parts import PARTS
from tests.reference.formula import formula_model
from tests.reference.test_inference import full, pictures

dtype, sizes = getattr(torch, sys.argv[1]), json.loads(sys.argv[2])
model = formula_model()
if sys.argv[3] == "closed":
    model.drop_auxiliary()
# So few multiprocessors that programs take several tiles each.
machine = Machine(4, int(sys.argv[5]) * 1024)
form = TritonForm(model, dtype, PARTS if sys.argv[4] == "fused" else (), machine)
results = []
for height, width, batch in sizes:
    visible, thermal = pictures(height, width, batch)
    with watched():
        got = form(visible, thermal)
    expected = full(model, visible, thermal)
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
    dtype: str,
    sizes: list[tuple[int, int, int]],
    parts: str,
    gate: str = "open",
    shared_kib: int = 227,
) -> list[tuple[float, float]]:
    """Largest difference from the full network and PSNR for each size (height, width, batch)."""
    done = subprocess.run(
        [sys.executable, "-c", INTERPRETED, dtype, json.dumps(sizes), gate, parts, str(shared_kib)],
        env=os.environ | {"TRITON_INTERPRET": "1"},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results: list[tuple[float, float]] = json.loads(done.stdout)
    return results


def test_the_watch_finds_what_leaves_its_tensors_and_what_races() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.triton_faults"],
        env=os.environ | {"TRITON_INTERPRET": "1"},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout.splitlines()
    assert [line == "nothing" for line in said] == [True, False, True, False], done.stderr
    assert "shifted leaves its tensors" in said[1]
    assert "two programs of overlapping touch" in said[3]


@pytest.mark.parametrize(
    ("parts", "sizes"),
    [("today", [(5, 7, 1), (13, 10, 2)]), ("today", [(8, 21, 1)]), ("fused", [(17, 12, 1)])],
)
def test_in_float32_it_is_the_full_network(parts: str, sizes: list[tuple[int, int, int]]) -> None:
    """Odd sides, sides that do not divide by 4, the smallest ones, two rows of tiles, more than one picture.

    No launch leaves its tensors, and no program touches what another one of its launch writes.
    """
    for difference, _ in interpreted("float32", sizes, parts):
        assert difference < 1e-5


@pytest.mark.parametrize(("parts", "size"), [("today", (13, 10, 2)), ("fused", (6, 34, 1))])
def test_with_a_closed_gate_the_other_side_is_not_computed(parts: str, size: tuple[int, int, int]) -> None:
    """Fused: two columns of tiles, and a GPU that takes fewer pixels at once beside the weights."""
    for difference, _ in interpreted("float32", [size], parts, "closed", 163):
        assert difference < 1e-5


@pytest.mark.parametrize(("parts", "sizes"), [("today", [(9, 14, 1), (5, 5, 2)]), ("fused", [(5, 5, 2)])])
def test_in_16_bits_it_stays_close(parts: str, sizes: list[tuple[int, int, int]]) -> None:
    """The interpreter has no products of bfloat16; float16 takes the same way through the kernels.

    The fused parts on a GPU that holds no weights in shared memory.
    """
    for _, psnr_db in interpreted("float16", sizes, parts, shared_kib=99):
        assert psnr_db > 55


@pytest.mark.parametrize("parts", ["today", "fused"])
@pytest.mark.parametrize("capability", [80, 89, 90, 120])
def test_kernels_compile_and_fit(capability: int, parts: str) -> None:
    """Shared memory as stated in the table and no more than the GPU has; no more spilled than stated."""
    from tests.helpers.triton_launches import CAPABILITIES, TABLE, launches, resources

    table = json.loads(TABLE.read_text(encoding="utf-8"))
    found = launches(capability, parts == "fused")
    assert len(found) == (13 if parts == "fused" else 14)
    for launch in found:
        compiled = launch.compile(capability)
        used, stated = resources(compiled), table[launch.label][str(capability)]
        assert used["shared"] == stated["shared"] <= CAPABILITIES[capability][1] * 1024, launch.label
        assert used["spilled"] <= stated["spilled"], launch.label
        if launch.name not in ("reduce_moments", "add_local"):
            assert "mma" in compiled.asm["ptx"], "no tensor cores"


def test_no_part_runs_fused_before_a_gpu_has_shown_it() -> None:
    """Switching one is a line in `gifnet.gpu.parts`; the record that shows it belongs to the repository."""
    from gifnet.gpu.parts import FUSED

    recorded = Path(__file__).parents[3] / "benchmarks" / "results" / "gpu.json"
    assert not FUSED or recorded.is_file()


def test_a_picture_that_is_too_small_is_refused() -> None:
    from gifnet.gpu.form import TritonForm

    with pytest.raises(ValueError, match="at least 5x5 pixels"):
        TritonForm(formula_model(), torch.bfloat16)(torch.rand(1, 1, 4, 9), torch.rand(1, 1, 4, 9))


def test_a_picture_that_is_too_large_is_refused() -> None:
    """Kernels count inside a map in 32 bits; nothing of such a picture is touched."""
    from gifnet.gpu.form import TritonForm

    large = torch.zeros(1, 1, 1, 1).expand(1, 1, 4400, 4400)
    with pytest.raises(DeviceError, match="up to 19108425 pixels on a GPU, got 4400x4400"):
        TritonForm(formula_model(), torch.bfloat16)(large, large)
