"""Kernels on an NVIDIA GPU: launched through CuPy, on torch's current stream, in torch's memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from cuda_kernels.cuda import compile as sources
from cuda_kernels.cuda.kernels import Kernels
from cuda_kernels.cuda.launch import Argument, Size
from cuda_kernels.errors import KernelError


class CupyLauncher:
    """Launches kernels on torch's current stream of one device."""

    def __init__(self, device: torch.device) -> None:
        """Compile and load every kernel.

        Raises:
            KernelError: CuPy, NVRTC or the driver is missing or too old, or a kernel does not compile.
        """
        self._cupy = import_cupy()
        if not torch.cuda.is_available():
            raise KernelError(
                "CUDA kernels need an NVIDIA GPU, its driver and a torch for CUDA, and torch finds none; "
                "`gifnet doctor` tells what is missing, or take --device cpu"
            )
        self._device = device
        with torch.cuda.device(device):
            self._functions = {
                name: function for family in sources.FAMILIES for name, function in self._load(family)
            }

    def launch(self, kernel: str, grid: Size, block: Size, arguments: Sequence[Argument]) -> None:
        """Start a kernel; see `launching.Launcher`."""
        values = tuple(
            argument.data_ptr() if isinstance(argument, Tensor) else argument for argument in arguments
        )
        with torch.cuda.device(self._device):
            stream = _Stream(torch.cuda.current_stream(self._device).cuda_stream)
            self._functions[kernel](grid, block, values, 0, stream)

    def _load(self, family: str) -> list[tuple[str, Any]]:
        text = sources.source(family)
        try:
            module = self._cupy.RawModule(code=text, options=sources.OPTIONS, backend="nvrtc")
            # `kernel` loads the function now: a captured graph must not be the first to ask for it.
            return [(name, module.get_function(name).kernel) for name in sources.kernel_names(text)]
        except Exception as error:
            first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise KernelError(
                f"the CUDA kernels of {family}.cu cannot be loaded: {first_line}; "
                "`gifnet doctor` tells what is missing, or take --device cpu"
            ) from error


class _Stream:
    """A stream as CuPy takes it: a handle."""

    def __init__(self, handle: int) -> None:
        self.ptr = handle


def import_cupy() -> Any:
    """CuPy.

    Raises:
        KernelError: it is not installed or does not load.
    """
    try:
        import cupy
    except ImportError as error:
        raise KernelError(
            "the GPU path needs CuPy, which is not installed or does not load "
            f"({str(error).splitlines()[0]}); pip install 'gifnet-stream[gpu]', or take --device cpu"
        ) from None
    return cupy


def load_kernels(device: torch.device) -> Kernels:
    """The kernels, ready to be launched and captured on a device.

    Raises:
        KernelError: they cannot be had here.
    """
    return Kernels(CupyLauncher(device))
