"""Device and number format of a training."""

from __future__ import annotations

import torch

from gifnet.errors import DeviceError


def choose_device(name: str) -> torch.device:
    """`auto`, `cpu` or `cuda` to a device.

    Raises:
        DeviceError: when CUDA is asked for and absent.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise DeviceError("device cuda was asked for, but there is none; use device cpu or auto")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


def choose_dtype(precision: str, device: torch.device) -> torch.dtype:
    """`auto` takes bfloat16 where the hardware multiplies in it, else float32."""
    if precision == "auto":
        return torch.bfloat16 if _has_bfloat16(device) else torch.float32
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
