"""Folded weights as kernels want them: padded to sizes that tensor cores take, heads in blocks of their own.

Padding changes nothing: it is zero on both sides of every product.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gifnet.config import GIFNetConfig
from gifnet.folding import Convolution, FoldedBlock, FoldedGIFNet, FoldedSide
from gifnet.gpu.chain_packing import PackedChain, pack_chain
from gifnet.gpu.padding import CHANNELS, HEAD, HIDDEN, WIDTH, by_head, grown

Slice = tuple[int, int]
_CONFIG = GIFNetConfig()
_PICTURES = _CONFIG.growth * _CONFIG.encoder_layers
# Shared features are stored layer by layer, so that every layer reads aligned slices; pictures come last.
_FEATURE_ORDER = [*range(2, _CONFIG.channels), 0, 1]


@dataclass(frozen=True, slots=True)
class PackedConvolution:
    """A 3x3 layer, or several on the same input.

    Attributes:
        weight: [layers, 9, inputs, block], the inputs being those of `slices`, in their order.
        bias: [layers, block] float32.
        slices: channels of the source that are read, as (start, width).
        outputs: how many of the block's columns are written, or of a joined layer's part of them.
        joined: layers that lie beside each other in one block.
    """

    weight: Tensor
    bias: Tensor
    slices: tuple[Slice, ...]
    outputs: int
    joined: int = 1


@dataclass(frozen=True, slots=True)
class PackedBlock:
    """A transformer block; see the kernels `attend` and `finish` for the shapes, `chain` for its own."""

    sides: int
    shift_px: int
    window_px: int
    eps: float
    gate: Tensor
    position: Tensor
    attention: Tensor
    attention_vectors: Tensor
    depthwise: Tensor
    project: Tensor
    enter: Tensor
    enter_bias: Tensor
    leave: Tensor
    vectors: Tensor
    chain: PackedChain


@dataclass(frozen=True, slots=True)
class PackedGIFNet:
    """Everything the kernels need; `mix_features` is [inputs, block]."""

    encoder: tuple[PackedConvolution, ...]
    embed: PackedConvolution
    blocks: tuple[PackedBlock, ...]
    mix: PackedConvolution
    mix_features: Tensor
    picture: tuple[PackedConvolution, ...]


def pack(folded: FoldedGIFNet, dtype: torch.dtype) -> PackedGIFNet:
    """Lay out weights that were folded in float32; products are in `dtype`, everything else float32."""
    channels = _CONFIG.channels
    plain = list(range(channels))
    embeds = [
        Convolution(weight, bias)
        for weight, bias in zip(
            *(torch.split(part, channels) for part in (folded.embed.weight, folded.embed.bias)), strict=True
        )
    ]
    every = _slices(0, CHANNELS)
    picture = [_convolution([folded.picture[0]], every, plain, dtype)]
    for layer in folded.picture[1:]:
        inputs = layer.weight.shape[1]
        picture.append(_convolution([layer], ((0, inputs),), list(range(inputs)), dtype))
    return PackedGIFNet(
        encoder=tuple(_encoder_layer(layer, index, dtype) for index, layer in enumerate(folded.encoder)),
        embed=_convolution(embeds, every, _FEATURE_ORDER, dtype, CHANNELS),
        blocks=tuple(_block(block, dtype) for block in folded.blocks),
        mix=_convolution([folded.mix_interaction], every, plain, dtype, CHANNELS),
        mix_features=grown(folded.mix_features[_FEATURE_ORDER], CHANNELS, WIDTH).to(dtype),
        picture=tuple(picture),
    )


def joined(packed: PackedConvolution) -> PackedConvolution:
    """The same layers beside each other in one block, so that one program computes all of them."""
    return replace(
        packed,
        weight=torch.cat(tuple(packed.weight), dim=-1)[None],
        bias=packed.bias.flatten()[None],
        joined=len(packed.weight),
    )


def _encoder_layer(layer: Convolution, index: int, dtype: torch.dtype) -> PackedConvolution:
    known = index * _CONFIG.growth
    slices = (*((0, known),) * bool(known), (_PICTURES, CHANNELS - _PICTURES))
    return _convolution([layer], slices, _FEATURE_ORDER, dtype)


def _convolution(
    layers: list[Convolution],
    slices: tuple[Slice, ...],
    order: list[int],
    dtype: torch.dtype,
    outputs: int | None = None,
) -> PackedConvolution:
    """Stack layers; `order` says which of their inputs each stored channel is."""
    rows = [channel for start, width in slices for channel in range(start, start + width)]
    inputs = [order[row] if row < len(order) else -1 for row in rows]
    known = [place for place, channel in enumerate(inputs) if channel >= 0]
    block = max(16, 1 << (layers[0].outputs - 1).bit_length())
    weight = torch.zeros(len(layers), 9, len(rows), block, device=layers[0].weight.device)
    bias = torch.zeros(len(layers), block, device=weight.device)
    for index, layer in enumerate(layers):
        taps = layer.weight.float().permute(2, 3, 1, 0).flatten(0, 1)
        weight[index, :, known, : layer.outputs] = taps[:, [inputs[place] for place in known]]
        bias[index, : layer.outputs] = layer.bias
    return PackedConvolution(weight.to(dtype), bias, slices, outputs or layers[0].outputs)


def _block(block: FoldedBlock, dtype: torch.dtype) -> PackedBlock:
    sides = [block.main] if block.other is None else [block.main, block.other]
    attention = torch.stack([_attention(side.query_key_value.weight, side, block.heads) for side in sides])
    attention = attention.to(dtype)
    return PackedBlock(
        sides=len(sides),
        shift_px=block.shift_px,
        window_px=block.window_px,
        eps=block.main.eps,
        gate=block.gate.float(),
        position=block.position_bias.float().contiguous(),
        attention=attention,
        attention_vectors=torch.stack(
            [_attention_vectors(side, own, block.heads) for side, own in zip(sides, attention, strict=True)]
        ),
        depthwise=torch.stack([_depthwise(side, block.heads) for side in sides]),
        project=torch.stack([_project(side, block.heads) for side in sides]).to(dtype),
        enter=torch.stack([grown(side.mlp_in.weight, WIDTH, HIDDEN) for side in sides]).to(dtype),
        enter_bias=torch.stack([grown(side.mlp_in.bias, HIDDEN) for side in sides]),
        leave=torch.stack([grown(side.mlp_out.weight, HIDDEN, WIDTH) for side in sides]).to(dtype),
        vectors=torch.stack([_vectors(side, block.heads) for side in sides]),
        chain=pack_chain(sides, block.heads, dtype),
    )


def _attention(weight: Tensor, side: FoldedSide, heads: int) -> Tensor:
    """[heads, 3, WIDTH, HEAD] of [C, 3 C], the norm's scale taken in."""
    channels = weight.shape[0]
    cut = (side.norm_scale[:, None] * weight).view(channels, 3, heads, channels // heads).permute(2, 1, 0, 3)
    return grown(cut, heads, 3, WIDTH, HEAD)


def _attention_vectors(side: FoldedSide, weight: Tensor, heads: int) -> Tensor:
    """[heads, 3, 2, HEAD]: column sums of the weight as stored, so that the mean cancels, and biases."""
    enter = side.query_key_value
    bias = (enter.bias + side.norm_shift @ enter.weight).view(3, heads, -1).transpose(0, 1)
    return torch.stack((weight.float().sum(dim=2), grown(bias, heads, 3, HEAD)), dim=2).contiguous()


def _depthwise(side: FoldedSide, heads: int) -> Tensor:
    """[25, WIDTH] float32."""
    weight = side.depthwise.weight.float().flatten(1)
    return grown(by_head(weight, heads).t(), weight.shape[1], WIDTH).contiguous()


def _project(side: FoldedSide, heads: int) -> Tensor:
    """[WIDTH, WIDTH] float32."""
    return grown(by_head(side.project.weight, heads), WIDTH, WIDTH)


def _vectors(side: FoldedSide, heads: int) -> Tensor:
    """[7, WIDTH], in the order that `finish` reads."""
    rows = (
        by_head(side.depthwise.bias.float(), heads),
        side.rescale.weight[0],
        side.rescale.bias,
        side.rebias.weight[0],
        side.rebias.bias,
        side.project.bias,
        side.mlp_out.bias,
    )
    return torch.stack([grown(row, WIDTH) for row in rows])


def _slices(start: int, stop: int) -> tuple[Slice, ...]:
    """Channels from start to stop as slices whose widths are powers of two, the widest first."""
    slices = []
    while start < stop:
        width = 1 << ((stop - start).bit_length() - 1)
        slices.append((start, width))
        start += width
    return tuple(slices)
