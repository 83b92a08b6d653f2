"""The network's inputs."""

from __future__ import annotations

import torch
from torch import Tensor

from cuda_kernels.reference.results import TensorPair, deliver


def to_network_input(
    luma: Tensor,
    brightness: Tensor,
    coverage: Tensor,
    dtype: torch.dtype = torch.float32,
    *,
    out: TensorPair | None = None,
) -> TensorPair:
    """The network's two pictures: visible, and thermal with visible in its place where it does not see.

    visible = luma / 255 and thermal = lerp(visible, brightness, coverage), in float32, then rounded.

    Args:
        luma: [H, W] float32 in 0..255.
        brightness: [H, W] float32 in 0..1, thermal.
        coverage: [H, W] float32 in 0..1, 1 where the thermal camera sees.
        dtype: number format of new results: float32, float16 or bfloat16.
        out: two [H, W] in one of these formats to write into.

    Returns:
        visible and thermal, each [H, W] in 0..1.
    """
    visible = luma / 255
    thermal = torch.lerp(visible, brightness, coverage)
    visible_out, thermal_out = out or (None, None)
    return deliver(visible, visible_out, dtype), deliver(thermal, thermal_out, dtype)
