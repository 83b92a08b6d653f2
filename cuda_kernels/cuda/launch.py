"""Launching kernels on tensors: what every family of kernels needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from cuda_kernels import contract

BLOCK = 256
Argument = Tensor | np.generic
Size = tuple[int, int, int]


class Launcher(Protocol):
    """Runs kernels: CuPy on a GPU, or anything else that knows the kernels' names."""

    def launch(self, kernel: str, grid: Size, block: Size, arguments: Sequence[Argument]) -> None:
        """Start a kernel in the current order of work; does not wait for it.

        Args:
            kernel: name of an `extern "C"` function in `src/*.cu`.
            grid: blocks in x, y, z.
            block: threads of a block in x, y, z.
            arguments: tensors, contiguous and on one device, and scalars of the kernel's own types.
        """


class KernelFamily:
    """Operations by the kernels of one file; what is common to all."""

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher

    def _each_pixel(self, kernel: str, pixels: int, *arguments: Argument) -> None:
        self._launch(kernel, blocks(pixels), BLOCK, *arguments, np.int64(pixels))

    def _launch(self, kernel: str, groups: int, threads: int, *arguments: Argument) -> None:
        self._launcher.launch(kernel, (groups, 1, 1), (threads, 1, 1), arguments)


def blocks(pixels: int) -> int:
    """Blocks of `BLOCK` threads that cover so many pixels."""
    return -(-pixels // BLOCK)


def size(picture: Tensor) -> tuple[np.int32, np.int32]:
    """Height and width as kernels take them."""
    return np.int32(picture.shape[0]), np.int32(picture.shape[1])


def name(tensor: Tensor) -> str:
    """A tensor's number format as it stands in the names of kernels."""
    return str(tensor.dtype).removeprefix("torch.")


def plane(out: Tensor | None, shape: Sequence[int], beside: Tensor) -> Tensor:
    """`out`, or a new float32 tensor beside another."""
    return new(out, shape, torch.float32, beside)


def new(out: Tensor | None, shape: Sequence[int], dtype: torch.dtype, beside: Tensor) -> Tensor:
    """`out`, or a new tensor beside another."""
    return torch.empty(tuple(shape), dtype=dtype, device=beside.device) if out is None else out


def check(operation: str, **tensors: Any) -> None:
    """Check tensors against the table of operations; kernels take dense ones only.

    Raises:
        ValueError: one sentence on the first thing that is wrong.
    """
    contract.check(operation, **tensors)
    for name, tensor in tensors.items():
        if not tensor.is_contiguous():
            raise ValueError(f"{name} of {operation} must be contiguous, got strides {tensor.stride()}")
