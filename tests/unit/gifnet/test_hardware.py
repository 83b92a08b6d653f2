"""Number formats follow what the processor can do and what the environment allows it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from gifnet import hardware
from gifnet.loading import choose_dtype, load_lite

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("", torch.bfloat16),
        ("AVX2", torch.float32),
        ("avx512_core_vnni", torch.float32),
        ("AVX512_CORE_BF16", torch.bfloat16),
        ("AVX512_CORE_AMX", torch.bfloat16),
        ("DEFAULT", torch.bfloat16),
    ],
)
@pytest.mark.parametrize("name", hardware.ISA_LIMITS)
def test_auto_goes_by_the_limit_of_the_environment(
    name: str, limit: str, expected: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in hardware.ISA_LIMITS:
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, limit)
    monkeypatch.setattr(hardware, "cpu_flags", lambda: frozenset({"avx2", "avx512_bf16"}))
    assert choose_dtype("auto", CPU) == expected


def test_a_limit_adds_nothing_to_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "ALL")
    monkeypatch.setattr(hardware, "cpu_flags", lambda: frozenset({"avx2"}))
    assert choose_dtype("auto", CPU) == torch.float32


def test_lite_fuses_without_avx2_as_with_it() -> None:
    program = """
import torch
from gifnet.loading import load_lite
visible, thermal = torch.rand(2, 1, 1, 41, 50, generator=torch.Generator().manual_seed(3))
print(load_lite(precision="float32")(visible, thermal).flatten().tolist())
"""
    old = {"ONEDNN_MAX_CPU_ISA": "SSE41", "ATEN_CPU_CAPABILITY": "default"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | old, capture_output=True, text=True, check=True
    )
    visible, thermal = torch.rand(2, 1, 1, 41, 50, generator=torch.Generator().manual_seed(3))
    expected = load_lite(precision="float32")(visible, thermal).flatten()
    fused = torch.tensor([float(value) for value in done.stdout.strip("[]\n").split(",")])
    assert (fused - expected).abs().max() < 1e-5
