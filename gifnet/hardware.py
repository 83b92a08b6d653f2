"""What the processor computes in hardware, and what can compile for it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch

CPU_FLAGS_BFLOAT16 = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""Names that Linux gives to bfloat16 arithmetic on x86-64 and Arm."""


def cpu_flags() -> frozenset[str]:
    """Feature flags of the first processor as Linux names them; empty where that cannot be told."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    for line in lines:
        name, _, values = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return frozenset(values.split())
    return frozenset()


def has_fast_bfloat16(device: torch.device) -> bool:
    """True where bfloat16 is computed in hardware rather than emulated."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return bool(cpu_flags() & CPU_FLAGS_BFLOAT16)


def has_triton() -> bool:
    """True where Triton is installed, which CUDA builds of torch bring along; does not import it."""
    return find_spec("triton") is not None
