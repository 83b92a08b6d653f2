"""The kernels' sources and how they are compiled; NVRTC without CuPy and without a GPU, to check them."""

from __future__ import annotations

import ctypes
import re
import sysconfig
from importlib import resources
from pathlib import Path
from typing import Any

from cuda_kernels.errors import KernelError

FAMILIES = ("colour", "thermal", "equalise", "detail", "geometry", "network", "formats", "views")
"""Names of the files in `src`, and of those in `reference`."""

ARCHITECTURES = ("75", "80", "86", "89", "90", "100", "120")
"""Compute capabilities that are checked: Turing to Blackwell."""

OPTIONS = ("--std=c++17", "--fmad=false")
"""Without contraction a kernel rounds as the reference does."""


def source(family: str) -> str:
    """CUDA C++ of a family of kernels."""
    return resources.files("cuda_kernels").joinpath("src", f"{family}.cu").read_text(encoding="utf-8")


def kernel_names(text: str) -> list[str]:
    """Names of the kernels in a source."""
    return re.findall(r'extern "C" __global__ void (\w+)\(', text)


def compile_cubin(text: str, architecture: str, name: str = "kernel.cu") -> bytes:
    """Machine code of a source for one architecture.

    Args:
        text: CUDA C++.
        architecture: one of `ARCHITECTURES`.
        name: of the file, for messages.

    Raises:
        KernelError: NVRTC is missing, or the source does not compile; then with the compiler's message.
    """
    nvrtc = _load_nvrtc()
    program = ctypes.c_void_p()
    _check(
        nvrtc, nvrtc.nvrtcCreateProgram(ctypes.byref(program), text.encode(), name.encode(), 0, None, None)
    )
    try:
        options = [option.encode() for option in (*OPTIONS, f"--gpu-architecture=sm_{architecture}")]
        status = nvrtc.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
        if status:
            log = _read(nvrtc, "ProgramLog", program).decode(errors="replace").strip("\0\n ")
            raise KernelError(f"{name} does not compile for sm_{architecture}: {log}")
        return _read(nvrtc, "CUBIN", program)
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def _read(nvrtc: Any, what: str, program: ctypes.c_void_p) -> bytes:
    size = ctypes.c_size_t()
    _check(nvrtc, getattr(nvrtc, f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
    data = ctypes.create_string_buffer(size.value)
    _check(nvrtc, getattr(nvrtc, f"nvrtcGet{what}")(program, data))
    return data.raw


def _check(nvrtc: Any, status: int) -> None:
    if status:
        nvrtc.nvrtcGetErrorString.restype = ctypes.c_char_p
        raise KernelError(f"NVRTC failed: {nvrtc.nvrtcGetErrorString(status).decode()}")


def _load_nvrtc() -> Any:
    """NVRTC of the Python wheel, else of the system."""
    installed = Path(sysconfig.get_paths()["purelib"]) / "nvidia"
    try:
        # The wheel's library does not find its built-ins by itself.
        for builtins in sorted(installed.glob("**/libnvrtc-builtins.so.1[0-9].*"))[-1:]:
            ctypes.CDLL(str(builtins))
        found = sorted(installed.glob("**/libnvrtc.so.1[0-9]"))
        return ctypes.CDLL(str(found[-1]) if found else "libnvrtc.so")
    except OSError:
        raise KernelError(
            "the CUDA run-time compiler NVRTC is not found; install the package nvidia-cuda-nvrtc"
        ) from None
