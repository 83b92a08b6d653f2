"""The kernels under AddressSanitizer and turned round: no thread leaves its tensors or counts on an order."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.backends import open_backend
from tests.helpers.patience import patience

ROOT = Path(__file__).parents[2]
OVERRUN = """
import numpy as np, torch
from tests.helpers.shim.launcher import ShimLauncher

text = 'extern "C" __global__ void over(float* a, int n) { a[threadIdx.x + n] = 1.0f; }'
memory = torch.zeros(32)
ShimLauncher([text]).launch("over", (1, 1, 1), (32, 1, 1), (memory, np.int32(SHIFT)))
print("survived")
"""


@pytest.fixture(scope="module")
def sanitizer() -> dict[str, str]:
    """Environment of a process with AddressSanitizer loaded before everything else."""
    open_backend("shim")
    found = subprocess.run(
        ["g++", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    options = "detect_leaks=0:detect_stack_use_after_return=0:abort_on_error=0"
    return os.environ | {
        "LD_PRELOAD": found,
        "ASAN_OPTIONS": options,
        "SHIM_SANITIZED": "1",
        "SHIM_REVERSED": "1",
        "OMP_NUM_THREADS": "1",
    }


def python(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=patience(250),
    )


@pytest.mark.parametrize(("shift", "survives"), [(0, True), (4, False)])
def test_an_overrun_is_found(sanitizer: dict[str, str], shift: int, survives: bool) -> None:
    done = python(sanitizer, "-c", OVERRUN.replace("SHIFT", str(shift)))
    assert ("survived" in done.stdout) == survives
    assert ("heap-buffer-overflow" in done.stderr) != survives
    assert survives or "kernel.cu:1" in done.stderr


def test_no_kernel_leaves_its_tensors_or_counts_on_an_order(sanitizer: dict[str, str]) -> None:
    """Blocks and threads run from the last to the first, and results are the reference's all the same."""
    suite = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/contract/test_operations.py"]
    done = python(sanitizer, *suite, "-k", "shim")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
