"""Starts of convolutions, and of the statistics behind them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gifnet.config import GIFNetConfig
from gifnet.gpu import launch
from gifnet.gpu.convolution import convolve
from gifnet.gpu.packing import PackedConvolution
from gifnet.gpu.statistics import reduce_moments

CONVOLVED_PX = 128
"""Pixels that a program of a convolution computes."""
SUMMED = 1024


def start_convolution(
    source: Tensor,
    layer: PackedConvolution,
    out: Tensor,
    *,
    domain: tuple[int, int] | torch.Size | None = None,
    out_start: int = 0,
    centre: tuple[Tensor, Tensor] | None = None,
    partials: Tensor | None = None,
    relu: bool = False,
    picture: bool = False,
    capped: bool = False,
) -> None:
    """Start `convolve`; `domain` is what the source is reflected to, by default its own height and width.

    With `capped`, layers of 128 columns take at most 128 registers a thread.
    """
    images, height, width, channels = source.shape
    out_height, out_width, out_channels = out.shape[-3:]
    layers, block = layer.bias.shape
    (a, a_width), (b, b_width), (c, c_width) = [*layer.slices, (0, 0), (0, 0)][:3]
    other, other_weight = centre or (source, layer.weight)
    launch.start(
        convolve, (-(-out_height * out_width // CONVOLVED_PX), images, layers),
        source, other, layer.weight, other_weight, layer.bias, out, out if partials is None else partials,
        height, width, *(domain or (height, width)), out_height, out_width, images,
        CHANNELS=channels, A=a, A_WIDTH=a_width, B=b, B_WIDTH=b_width, C=c, C_WIDTH=c_width,
        OUTPUTS=layer.outputs, OUT_START=out_start, OUT_CHANNELS=out_channels,
        RELU=relu, PICTURE=picture, CENTRE=centre is not None, STATISTICS=partials is not None,
        PIXELS=CONVOLVED_PX, BLOCK=block, JOINED=layer.joined, **_options(block, centre is not None, capped),
    )  # fmt: skip


def _options(block: int, has_centre: bool, capped: bool) -> dict[str, Any]:
    if block > 128:
        return {"num_warps": 8, "num_stages": 2}
    if block == 128 and capped:
        # A third stage would take the registers that the cap leaves to the second map.
        return {"num_warps": 8, "maxnreg": 128, "num_stages": 2 if has_centre else 3}
    return {"num_warps": 8 if block > 64 else 4}


def moments_of(partials: Tensor, maps: Tensor) -> Tensor:
    """Mean and variance [sides, B, 2] float32 of maps [sides, B, H, W, C], padding left out."""
    sides, images, programs, _ = partials.shape
    numbers = maps.shape[2] * maps.shape[3] * GIFNetConfig().channels
    # A power of two, so that a new size seldom means a new kernel.
    rounds = 1 << (-(-programs // SUMMED) - 1).bit_length()
    moments = torch.empty(sides, images, 2, device=partials.device)
    launch.start(
        reduce_moments, (sides * images,),
        partials, moments, programs, float(numbers), ROUNDS=rounds, BLOCK=SUMMED,
    )  # fmt: skip
    return moments


def partials_for(device: torch.device, *shape: int) -> Tensor:
    """Memory for the sums that programs leave, [*shape, 2] float32."""
    return torch.empty(*shape, 2, dtype=torch.float32, device=device)
