"""The inference form of GIFNet on GPUs: 16-bit maps in memory, sums in float32, six kinds of kernels.

Maps are [B, H, W, C] with 98 channels padded to 112. Nothing here waits for the device or looks at what is in
a tensor, and every call takes its memory from torch: so a call can be captured in a CUDA graph.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from gifnet.config import PAD_MULTIPLE_PX, GIFNetConfig
from gifnet.folding import fold
from gifnet.gpu.attention import attend
from gifnet.gpu.convolution import convolve
from gifnet.gpu.packing import (
    CHANNELS,
    HEAD,
    HEAD_CHANNELS,
    HIDDEN,
    WIDTH,
    PackedBlock,
    PackedConvolution,
    pack,
)
from gifnet.gpu.side import finish
from gifnet.gpu.statistics import reduce_moments
from gifnet.model import GIFNet, check_pictures

CONVOLVED_PX = 128
"""Pixels that a program of a convolution computes."""
TILE_PX = 8
"""Side of the square that a program of `finish` computes."""
HIDDEN_CHUNK, HIDDEN_TAIL = 64, 16
SUMMED = 1024


class TritonForm:
    """Fuses as `GIFNet.forward` does, in float16 or bfloat16, without gradients; any thread may call it."""

    def __init__(self, model: GIFNet, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self.device = next(model.parameters()).device
        self._weights = pack(fold(model, torch.float32), dtype)

    @torch.no_grad()
    def __call__(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """Two [B, 1, H, W] pictures in [0, 1] to one, float32.

        Raises:
            ValueError: when the two differ in shape or are too small.
        """
        check_pictures(visible, thermal)
        with self._device():
            features = self._encode(visible[:, 0], thermal[:, 0])
            return self._decode(features, self._interact(features)).unsqueeze(1)

    def _device(self) -> AbstractContextManager[Any]:
        """Triton launches on the current device, whatever the tensors say."""
        return torch.cuda.device(self.device) if self.device.type == "cuda" else nullcontext()

    def _encode(self, visible: Tensor, thermal: Tensor) -> Tensor:
        features = self._maps(*visible.shape, CHANNELS)
        pictures = features[..., self._weights.encoder[0].slices[-1][0] :]
        pictures.zero_()
        pictures[..., 0], pictures[..., 1] = thermal, visible
        start = 0
        for layer in self._weights.encoder:
            _convolve(features, layer, features, out_start=start, relu=True)
            start += layer.outputs
        return features

    def _interact(self, features: Tensor) -> Tensor:
        """Main side after the last block, [B, H, W, C] with sides that divide by 4."""
        images, height, width, _ = features.shape
        height, width = height + -height % PAD_MULTIPLE_PX, width + -width % PAD_MULTIPLE_PX
        count = self._weights.embed.bias.shape[0]
        sides = self._maps(count, images, height, width, CHANNELS)
        partials = self._partials(count, images, -(-height * width // CONVOLVED_PX))
        _convolve(features, self._weights.embed, sides, domain=(height, width), partials=partials)
        moments = _moments(partials, sides)
        for block in self._weights.blocks:
            partials = self._block(block, sides, moments)
            moments = _moments(partials, sides[:1])
        return sides[0]

    def _block(self, block: PackedBlock, sides: Tensor, moments: Tensor) -> Tensor:
        """Bring the main side behind a block; returns partial sums of what it is now."""
        _, images, height, width, _ = sides.shape
        values, attended = torch.empty_like(sides[: block.sides]), torch.empty_like(sides[: block.sides])
        shift, window = block.shift_px, block.window_px
        rows, columns = -(-(height + shift) // window), -(-(width + shift) // window)
        attend[(rows * columns, images)](
            sides, block.attention, block.attention_vectors, block.position, moments, values, attended,
            height, width, columns, images, block.eps,
            SIDES=block.sides, SHIFT=shift, SIDE=window, CHANNELS=CHANNELS, INPUTS=WIDTH,
            HEADS=block.position.shape[0], HEAD=HEAD, HEAD_CHANNELS=HEAD_CHANNELS, num_warps=4, num_stages=1,
        )  # fmt: skip
        rows, columns = -(-height // TILE_PX), -(-width // TILE_PX)
        partials = self._partials(1, images, rows * columns)
        finish[(rows * columns, images)](
            sides, values, attended, block.depthwise, block.project, block.enter, block.enter_bias,
            block.leave, block.vectors, moments, block.gate, partials,
            height, width, columns, images, block.eps,
            SIDES=block.sides, TILE=TILE_PX, TAPS=5, CHANNELS=CHANNELS, WIDTH=WIDTH,
            HIDDEN=HIDDEN, CHUNK=HIDDEN_CHUNK, TAIL=HIDDEN_TAIL, num_warps=8, num_stages=1,
        )  # fmt: skip
        return partials

    def _decode(self, features: Tensor, interaction: Tensor) -> Tensor:
        weights = self._weights
        maps = torch.empty_like(features)
        mixed = (features, weights.mix_features)
        _convolve(interaction, weights.mix, maps, domain=interaction.shape[1:3], centre=mixed, relu=True)
        for layer in weights.picture[:-1]:
            inputs, maps = maps, self._maps(*maps.shape[:3], layer.outputs)
            _convolve(inputs, layer, maps, relu=True)
        fused = torch.empty(*maps.shape[:3], 1, dtype=torch.float32, device=maps.device)
        _convolve(maps, weights.picture[-1], fused, picture=True)
        return fused[..., 0]

    def _maps(self, *shape: int) -> Tensor:
        return torch.empty(shape, dtype=self.dtype, device=self.device)

    def _partials(self, *shape: int) -> Tensor:
        return torch.empty(*shape, 2, dtype=torch.float32, device=self.device)


def _convolve(
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
) -> None:
    """Start `convolve`; `domain` is what the source is reflected to, by default its own height and width."""
    images, height, width, channels = source.shape
    out_height, out_width, out_channels = out.shape[-3:]
    layers, block = layer.bias.shape
    (a, a_width), (b, b_width), (c, c_width) = [*layer.slices, (0, 0), (0, 0)][:3]
    other, other_weight = centre or (source, layer.weight)
    convolve[(-(-out_height * out_width // CONVOLVED_PX), images, layers)](
        source, other, layer.weight, other_weight, layer.bias, out, out if partials is None else partials,
        height, width, *(domain or (height, width)), out_height, out_width, images,
        CHANNELS=channels, A=a, A_WIDTH=a_width, B=b, B_WIDTH=b_width, C=c, C_WIDTH=c_width,
        OUTPUTS=layer.outputs, OUT_START=out_start, OUT_CHANNELS=out_channels,
        RELU=relu, PICTURE=picture, CENTRE=centre is not None, STATISTICS=partials is not None,
        PIXELS=CONVOLVED_PX, BLOCK=block, num_warps=8 if block > 64 else 4,
    )  # fmt: skip


def _moments(partials: Tensor, maps: Tensor) -> Tensor:
    """Mean and variance [sides, B, 2] float32 of maps [sides, B, H, W, C], padding left out."""
    sides, images, programs, _ = partials.shape
    numbers = maps.shape[2] * maps.shape[3] * GIFNetConfig().channels
    # A power of two, so that a new size seldom means a new kernel.
    rounds = 1 << (-(-programs // SUMMED) - 1).bit_length()
    moments = torch.empty(sides, images, 2, device=partials.device)
    reduce_moments[(sides * images,)](
        partials, moments, programs, float(numbers), ROUNDS=rounds, BLOCK=SUMMED
    )
    return moments
