"""The inference form of GIFNet on GPUs: 16-bit maps in memory, sums in float32, few kinds of kernels.

Maps are [B, H, W, C] with 98 channels padded to 112. Nothing here waits for the device or looks at what is in
a tensor, and every call takes its memory from torch: so a call can be captured in a CUDA graph.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from gifnet.config import PAD_MULTIPLE_PX
from gifnet.errors import DeviceError
from gifnet.folding import fold
from gifnet.gpu import blocks, ends, layers
from gifnet.gpu.launch import Machine
from gifnet.gpu.layers import moments_of, partials_for, start_convolution
from gifnet.gpu.packing import PackedBlock, joined, pack
from gifnet.gpu.padding import CHANNELS
from gifnet.gpu.parts import FUSED, Part
from gifnet.model import GIFNet, check_pictures

MAX_PIXELS = (1 << 31) // CHANNELS - (1 << 16)
"""Kernels count inside a map in 32 bits; the rest is for sides that are rounded up."""


class TritonForm:
    """Fuses as `GIFNet.forward` does, in float16 or bfloat16, without gradients; any thread may call it."""

    def __init__(
        self,
        model: GIFNet,
        dtype: torch.dtype,
        fused: Collection[Part] = FUSED,
        machine: Machine | None = None,
    ) -> None:
        """Fold and pack a model's weights.

        Args:
            model: on the device that will fuse.
            dtype: of maps and products.
            fused: parts that run in their newer form, see `gifnet.gpu.parts`.
            machine: by default that of the model's device.
        """
        self.dtype = dtype
        self.device = next(model.parameters()).device
        self._fused = frozenset(fused)
        self._machine = machine or Machine.of(self.device)
        self._weights = pack(fold(model, torch.float32), dtype)
        embed = self._weights.embed
        self._embed = joined(embed) if "embed" in self._fused else embed

    @torch.no_grad()
    def __call__(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """Two [B, 1, H, W] pictures in [0, 1] to one, float32.

        Raises:
            ValueError: when the two differ in shape or are too small.
            DeviceError: when they are too large for the kernels.
        """
        check_pictures(visible, thermal)
        height, width = visible.shape[2:]
        if height * width > MAX_PIXELS:
            raise DeviceError(
                f"GIFNet takes pictures of up to {MAX_PIXELS} pixels on a GPU, got {width}x{height}; "
                "scale them down, or fuse with --device cpu"
            )
        with self._device():
            features = self._encode(visible[:, 0], thermal[:, 0])
            return self._decode(features, self._interact(features)).unsqueeze(1)

    def _device(self) -> AbstractContextManager[Any]:
        """Triton launches on the current device, whatever the tensors say."""
        return torch.cuda.device(self.device) if self.device.type == "cuda" else nullcontext()

    def _encode(self, visible: Tensor, thermal: Tensor) -> Tensor:
        encoder = self._weights.encoder
        features = self._maps(*visible.shape, CHANNELS)
        pictures = features[..., encoder[0].slices[-1][0] :]
        pictures.zero_()
        pictures[..., 0], pictures[..., 1] = thermal, visible
        encode = ends.encode_fused if "encoder" in self._fused else ends.encode_today
        encode(encoder, features)
        return features

    def _interact(self, features: Tensor) -> Tensor:
        """Main side after the last block, [B, H, W, C] with sides that divide by 4."""
        images, height, width, _ = features.shape
        height, width = height + -height % PAD_MULTIPLE_PX, width + -width % PAD_MULTIPLE_PX
        count = self._weights.embed.bias.shape[0]
        sides = self._maps(count, images, height, width, CHANNELS)
        partials = partials_for(self.device, count, images, -(-height * width // layers.CONVOLVED_PX))
        start_convolution(
            features, self._embed, sides, domain=(height, width), partials=partials, capped=self._capped
        )
        moments = moments_of(partials, sides)
        for block in self._weights.blocks:
            partials = self._block(block, sides, moments)
            moments = moments_of(partials, sides[:1])
        return sides[0]

    def _block(self, block: PackedBlock, sides: Tensor, moments: Tensor) -> Tensor:
        """Bring the main side behind a block; returns partial sums of what it is now."""
        values, attended = blocks.emptied(sides, block.sides)
        if "attend" in self._fused:
            blocks.attend_fused(block, sides, moments, values, attended, self._machine)
        else:
            blocks.attend_today(block, sides, moments, values, attended)
        if "finish" in self._fused:
            return blocks.finish_fused(block, sides, moments, values, attended, self._machine)
        return blocks.finish_today(block, sides, moments, values, attended)

    def _decode(self, features: Tensor, interaction: Tensor) -> Tensor:
        weights = self._weights
        mixed = torch.empty_like(features)
        start_convolution(
            interaction, weights.mix, mixed, domain=interaction.shape[1:3],
            centre=(features, weights.mix_features), relu=True, capped=self._capped,
        )  # fmt: skip
        first, *rest = weights.picture
        maps = self._maps(*features.shape[:3], first.outputs)
        start_convolution(mixed, first, maps, relu=True)
        draw = ends.draw_fused if "picture" in self._fused else ends.draw_today
        return draw(tuple(rest), maps)

    @property
    def _capped(self) -> bool:
        return "convolutions" in self._fused

    def _maps(self, *shape: int) -> Tensor:
        return torch.empty(shape, dtype=self.dtype, device=self.device)
