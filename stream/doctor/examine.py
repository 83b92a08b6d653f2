"""Capabilities of this machine and what it lacks, each with its remedy."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from stream.doctor.row import Row
from stream.errors import GifnetError
from stream.runtime.host_info import text_of

PYTHONS = ((3, 11), (3, 13))
NEEDED = ("torch", "av", "opencv-python-headless", "numpy", "safetensors")
_MODULES = {"opencv-python-headless": "cv2"}
LEAST_MEMORY_GB = 2.0
LEAST_SPACE_GB = 1.0
_GB = 1e9


def examine() -> list[Row]:
    """Look at everything; takes a few seconds and touches no network."""
    rows = [python_row(sys.version_info[:2], platform.python_version())]
    rows += [_package_row(name) for name in NEEDED]
    if any(row.standing == "problem" for row in rows):
        return rows
    from gifnet.hardware import bfloat16_limit
    from stream.doctor.codecs import decoder_row, encoder_rows
    from stream.doctor.gpu import gpu_rows
    from stream.doctor.lite_rate import lite_row

    rows += [cpu_row(cpu_flags(text_of("/proc/cpuinfo")), _cores(), bfloat16_limit()), _threads_row()]
    rows += [memory_row(text_of("/proc/meminfo")), _space_row()]
    rows += [*gpu_rows(), *encoder_rows(), decoder_row()]
    weights = list(_weight_rows())
    sound = all(row.standing != "problem" for row in (*rows, *weights))
    return [*rows, *([lite_row()] if sound else []), *weights]


def healthy(rows: Iterable[Row]) -> bool:
    """True when a run on the CPU works."""
    return all(row.standing != "problem" for row in rows)


def as_json(rows: list[Row]) -> dict[str, Any]:
    """The rows for programs."""
    return {"ok": healthy(rows), "rows": [asdict(row) for row in rows]}


def python_row(found: tuple[int, ...], text: str) -> Row:
    """Is this a Python that is tested?"""
    low, high = PYTHONS
    if low <= found <= high:
        return Row("Python", "ok", text)
    return Row("Python", "problem", text, "install Python 3.11, 3.12 or 3.13 and gifnet-stream in it")


def _package_row(name: str) -> Row:
    try:
        importlib.import_module(_MODULES.get(name, name))
        return Row(name, "ok", version(name))
    except PackageNotFoundError:
        # OpenCV comes under several names; it was imported, so one of them is here.
        return Row(name, "ok", "another build of it")
    except (ImportError, OSError) as error:
        return Row(name, "problem", f"cannot be imported: {error}", f"python -m pip install --upgrade {name}")


def cpu_flags(cpuinfo: str) -> frozenset[str]:
    """Instruction sets by the kernel's names, from the text of /proc/cpuinfo; empty where there is none."""
    for line in cpuinfo.splitlines():
        if line.startswith(("flags", "Features")):
            return frozenset(line.partition(":")[2].split())
    return frozenset()


def cpu_row(flags: frozenset[str], cores: int, limit: str = "") -> Row:
    """Cores, and native bfloat16 of the CPU.

    Args:
        flags: instruction sets.
        cores: number of them.
        limit: the setting that keeps bfloat16 from being used; empty without one.
    """
    known = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "bf16") if name in flags]
    found = f"{cores} cores, {platform.machine()} {' '.join(known)}".strip()
    if "sse2" in flags and "avx2" not in flags:
        return Row(
            "CPU",
            "missing",
            f"{found}; no AVX2",
            "everything works, several times slower; for cameras take one with AVX2",
        )
    has_bfloat16 = bool({"avx512_bf16", "amx_bf16", "bf16"} & flags)
    if has_bfloat16 and limit:
        return Row("CPU", "missing", f"{found}; bfloat16 is off by {limit}", "float32 is used; unset it")
    if has_bfloat16:
        return Row("CPU", "ok", f"{found}; bfloat16 in hardware")
    return Row(
        "CPU",
        "missing",
        f"{found}; no bfloat16 in hardware",
        "float32 is used; a CPU with avx512_bf16 or amx_bf16 fuses faster",
    )


def memory_row(meminfo: str) -> Row:
    """Memory that is free for use, from the text of /proc/meminfo."""
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in meminfo.splitlines() if " kB" in line}
    if not {"MemTotal", "MemAvailable"} <= kilobytes.keys():
        return Row("memory", "ok", "unknown on this system")
    total, free = (kilobytes[key] * 1024 / _GB for key in ("MemTotal", "MemAvailable"))
    found = f"{free:.1f} of {total:.1f} GB free"
    if free < LEAST_MEMORY_GB:
        return Row("memory", "missing", found, "close other programs, or fuse smaller frames")
    return Row("memory", "ok", found)


def space_row(folder: str, free_bytes: int) -> Row:
    """Room for temporary files."""
    found = f"{free_bytes / _GB:.1f} GB free in {folder}"
    if free_bytes < LEAST_SPACE_GB * _GB:
        return Row("temporary files", "missing", found, "make room there, or set TMPDIR to another folder")
    return Row("temporary files", "ok", found)


def _threads_row() -> Row:
    import torch

    limit = os.environ.get("OMP_NUM_THREADS")
    found = f"{torch.get_num_threads()}" + (f" (OMP_NUM_THREADS={limit})" if limit else "")
    return Row("threads of torch", "ok", found)


def _space_row() -> Row:
    folder = tempfile.gettempdir()
    return space_row(folder, shutil.disk_usage(folder).free)


def _weight_rows() -> Iterator[Row]:
    from gifnet.inventory import inventory, verify

    for entry in inventory()[:3]:
        name, needed = f"weights {entry.name}", entry.name != "published"
        if not entry.present:
            remedy = "install gifnet-stream again" if needed else "gifnet weights fetch published"
            yield Row(name, "problem" if needed else "missing", "not here", remedy)
            continue
        try:
            yield Row(name, "ok", f"sound, SHA-256 {verify(entry.path).sha256[:12]}")
        except GifnetError as error:
            remedy = "install gifnet-stream again" if needed else "import or fetch them again"
            yield Row(name, "problem" if needed else "missing", str(error), remedy)


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
