"""Hardware support of the processor, and compilers for it."""

from __future__ import annotations

import os
import shutil
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

CPU_FLAGS_BFLOAT16 = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""Names that Linux gives to bfloat16 arithmetic on x86-64 and Arm."""

ISA_LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
"""Variables of the environment by which oneDNN, and so torch, leaves newer instructions alone."""

ISAS_BFLOAT16 = ("BF16", "FP16", "AMX", "AVX10", "ALL", "DEFAULT")
"""Parts of the limits' values that still allow bfloat16 arithmetic."""


def cpu_flags() -> frozenset[str]:
    """Feature flags of the first processor as Linux names them; empty where that cannot be read."""
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
    """True where bfloat16 is computed in hardware, and the environment does not forbid the instructions."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return bool(cpu_flags() & CPU_FLAGS_BFLOAT16) and not bfloat16_limit()


def bfloat16_limit() -> str:
    """The setting of the environment that keeps bfloat16 from being used, `NAME=VALUE`; empty without one."""
    name = next((name for name in ISA_LIMITS if os.environ.get(name)), "")
    value = os.environ.get(name, "")
    allowed = not name or any(isa in value.upper() for isa in ISAS_BFLOAT16)
    return "" if allowed else f"{name}={value}"


@contextmanager
def exact_float32(device: torch.device) -> Iterator[None]:
    """Convolutions in float32 inside the `with` block, where cuDNN would round to TF32 by default."""
    if device.type != "cuda":
        yield
        return
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


@dataclass(frozen=True, slots=True)
class TritonParts:
    """Requirements of Triton to compile and launch kernels here.

    Attributes:
        version: of Triton, None where it is not installed; CUDA builds of torch bring it along.
        compiler: the C compiler that builds what launches a kernel, None without one.
        has_headers: Python's header files are there.
    """

    version: str | None
    compiler: str | None
    has_headers: bool

    @property
    def missing(self) -> str | None:
        """The first part that is missing, in words."""
        if self.version is None:
            return "Triton"
        if self.compiler is None:
            return "a C compiler"
        return None if self.has_headers else "Python.h"


def triton_parts() -> TritonParts:
    """Look for them; imports nothing."""
    try:
        installed = version("triton")
    except PackageNotFoundError:
        installed = None
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")
    return TritonParts(installed, compiler, Path(sysconfig.get_paths()["include"], "Python.h").is_file())
