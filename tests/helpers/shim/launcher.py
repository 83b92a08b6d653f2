"""Builds kernel sources with g++ and the shim, and launches them on CPU tensors."""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from torch import Tensor

from cuda_kernels.cuda import compile as sources
from cuda_kernels.cuda.launch import Argument, Size

HEADER = Path(__file__).with_name("cuda_shim.h")
FLAGS = ("-std=c++17", "-O1", "-ffp-contract=off", "-fPIC", "-shared", "-x", "c++", "-w")
SANITIZERS = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")
SANITIZED = "SHIM_SANITIZED"
"""Environment variable: 1 builds with AddressSanitizer, for a process that has it preloaded."""

Function = Any


def compiler() -> str | None:
    """The C++ compiler, None where there is none."""
    return shutil.which("g++")


class ShimLauncher:
    """Runs kernels at once; knows those of every source it is given."""

    def __init__(self, texts: Sequence[str] | None = None) -> None:
        """Build.

        Args:
            texts: CUDA C++ sources, by default those of the package.
        """
        texts = [sources.source(family) for family in sources.FAMILIES] if texts is None else texts
        self._functions: dict[str, tuple[Function, bool]] = {}
        for text in texts:
            library = build(text)
            for name, barriers in kernels(text):
                self._functions[name] = getattr(library, f"run_{name}"), barriers

    def launch(self, kernel: str, grid: Size, block: Size, arguments: Sequence[Argument]) -> None:
        """See `launching.Launcher`."""
        function, barriers = self._functions[kernel]
        kept = [_memory(argument) for argument in arguments]
        pointers = (ctypes.c_void_p * len(kept))(*(ctypes.addressof(each) for each in kept))
        function((ctypes.c_uint * 3)(*grid), (ctypes.c_uint * 3)(*block), pointers, barriers)


def kernels(text: str) -> list[tuple[str, bool]]:
    """Name of each kernel of a source, and whether it has barriers."""
    parts = re.split(r'(?=extern "C" __global__)', text)[1:]
    return [(sources.kernel_names(part)[0], "__syncthreads" in part) for part in parts]


@cache
def build(text: str) -> ctypes.CDLL:
    """The shared library of a source; kept between runs under the hash of all that it depends on."""
    sanitized = os.environ.get(SANITIZED) == "1"
    flags = FLAGS + (SANITIZERS if sanitized else ())
    runs = "".join(
        f'extern "C" void run_{name}(const unsigned* g, const unsigned* b, void** a, bool barriers) '
        f"{{ shim::run({name}, g, b, a, barriers); }}\n"
        for name, _ in kernels(text)
    )
    whole = f'{HEADER.read_text(encoding="utf-8")}\n#line 1 "kernel.cu"\n{text}\n{runs}'
    key = hashlib.sha256("\0".join((whole, *flags)).encode()).hexdigest()[:24]
    folder = Path(tempfile.gettempdir()) / f"gifnet-shim-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    library = folder / f"{key}.so"
    if not library.is_file():
        _compile(whole, flags, library)
    return ctypes.CDLL(str(library))


def _compile(text: str, flags: Sequence[str], library: Path) -> None:
    part = library.with_suffix(f".{os.getpid()}")
    command = [compiler() or "g++", *flags, "-", "-o", str(part)]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the shim does not compile: {done.stderr}")
    os.replace(part, library)


def _memory(argument: Argument) -> Any:
    """Memory that holds the argument itself: an address or a number."""
    if isinstance(argument, Tensor):
        return ctypes.c_void_p(argument.data_ptr())
    return (ctypes.c_char * argument.nbytes).from_buffer_copy(argument.tobytes())
