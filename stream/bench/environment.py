"""The machine and the versions that a measurement was made on."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from gifnet.hardware import cpu_flags
from stream.runtime.clock import Clock
from stream.runtime.host_info import driver_version, text_of

_PACKAGES = ("gifnet-stream", "torch", "triton", "cupy-cuda13x", "numpy", "av")
_FLAGS = {"avx2", "avx512f", "avx512_bf16", "amx_bf16", "avx512_fp16", "bf16"}


def circumstances(device: torch.device, clock: Clock) -> dict[str, Any]:
    """Date, commit, device, versions; unknown ones are None."""
    return {
        "date": datetime.fromtimestamp(clock.utc_ns() / 1e9, UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else _processor(),
        "compute_capability": _capability(device),
        "driver": driver_version(text_of("/proc/driver/nvidia/version")),
        "cuda": torch.version.cuda,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load_before": _load(),
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in _PACKAGES},
    }


def _capability(device: torch.device) -> str | None:
    if device.type != "cuda":
        return None
    major, minor = torch.cuda.get_device_capability(device)
    return f"{major}.{minor}"


def _processor() -> str:
    lines = text_of("/proc/cpuinfo").splitlines()
    name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "")
    flags = " ".join(sorted(cpu_flags() & _FLAGS))
    return f"{name or platform.processor() or platform.machine()} ({flags})"


def _load() -> float | None:
    """Load of the last minute: a busy machine measures itself badly."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _commit() -> str | None:
    """Commit of a checkout that this package runs from."""
    folder = Path(__file__).parents[2]
    if not (folder / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=folder, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
