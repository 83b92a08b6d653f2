"""The CUDA kernels of array operations, with errors of our own tree."""

from __future__ import annotations

import torch

from cuda_kernels.cuda import cupy_launcher
from cuda_kernels.cuda.kernels import Kernels
from stream.device.errors import mapped_cuda_errors


def load_kernels(device: torch.device) -> Kernels:
    """The kernels, ready to be launched and captured on a device.

    Raises:
        KernelError: CuPy, its compiler or the driver is missing or too old.
        DeviceError: the device fails.
    """
    with mapped_cuda_errors():
        return cupy_launcher.load_kernels(device)
