"""Which device the network runs on."""

from __future__ import annotations

import torch

from stream.config import Device
from stream.errors import DeviceError


def choose_device(wanted: Device) -> torch.device:
    """The device that `auto`, `cpu` or `cuda` means on this machine.

    Raises:
        DeviceError: `cuda` was asked for and cannot be had.
    """
    if wanted == "cuda" and not torch.cuda.is_available():
        raise DeviceError(
            f"the device cuda was asked for, but {_missing()}; ask for the CPU with --device cpu, "
            "or let the program choose with --device auto"
        )
    use_cuda = wanted == "cuda" or (wanted == "auto" and torch.cuda.is_available())
    return torch.device("cuda" if use_cuda else "cpu")


def explain_device(wanted: Device, chosen: torch.device) -> str:
    """One phrase on why `chosen` is the device, for summaries and reports."""
    if wanted != "auto":
        return "as asked for"
    if chosen.type == "cuda":
        return f"CUDA is available: {torch.cuda.get_device_name(chosen)}"
    return _missing()


def _missing() -> str:
    if torch.version.cuda is None:
        return "this torch is built without CUDA"
    return "torch finds no usable NVIDIA GPU and driver"
