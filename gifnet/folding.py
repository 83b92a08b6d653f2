"""Folding: the weights of a GIFNet rewritten so that inference has fewer and larger steps.

What cannot reach the fused picture is left out, consecutive linear layers become one, constants are computed
once. Folding is exact up to rounding. Linear weights are stored [inputs, outputs], convolutions [O, I, k, k].
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gifnet.layers import BlockSide
from gifnet.model import GIFNet, InteractionBlock


@dataclass(frozen=True, slots=True)
class Linear:
    """`x @ weight + bias`: weight [inputs, outputs], bias [outputs]."""

    weight: Tensor
    bias: Tensor

    def to(self, dtype: torch.dtype) -> Linear:
        """The same in another number format."""
        return Linear(_as_read(self.weight, dtype), self.bias.to(dtype))


@dataclass(frozen=True, slots=True)
class Convolution:
    """Weight [outputs, inputs / groups, k, k] in channels-last order, bias [outputs]."""

    weight: Tensor
    bias: Tensor

    @property
    def outputs(self) -> int:
        """Channels that come out."""
        return self.weight.shape[0]

    def absorb(self, offset: Tensor) -> Convolution:
        """The convolution of features to which `offset` [inputs] is still to be added."""
        return Convolution(self.weight, self.bias + self.weight.sum(dim=(2, 3)) @ offset)

    def to(self, dtype: torch.dtype) -> Convolution:
        """The same in another number format."""
        return Convolution(self.weight.to(dtype, memory_format=torch.channels_last), self.bias.to(dtype))


@dataclass(frozen=True, slots=True)
class FoldedSide:
    """One side of a block; what the frame's statistics touch stays float32 until they are known."""

    norm_scale: Tensor
    norm_shift: Tensor
    rescale: Linear
    rebias: Linear
    query_key_value: Linear
    project: Linear
    depthwise: Convolution
    mlp_in: Linear
    mlp_out: Linear
    eps: float

    def fit(self, mean: Tensor, variance: Tensor, offset: Tensor, dtype: torch.dtype) -> FittedSide:
        """Put a frame's statistics into the projections around the attention.

        With `a = 1/std`, `W((x - mean) a w + b) + c = a (W w) x + (W b + c - mean a (W w) 1)`: the norm
        before and the scale and shift after cost nothing per pixel. Biases of what is added to the features
        are not added pixel by pixel either: they travel beside the features as an offset a channel.

        Args:
            mean: of all channels and pixels, 0-d float32.
            variance: the same.
            offset: [C] float32, to be added to the stored features.
            dtype: number format of the result.
        """
        std = torch.sqrt(variance + self.eps)
        scale = self.norm_scale / std
        enter = self.query_key_value
        bias = enter.bias + (self.norm_shift + (offset - mean) * scale) @ enter.weight
        weight, channels = scale[:, None] * enter.weight, len(offset)
        rescale = self.rescale.weight[0] * std + self.rescale.bias
        rebias = self.rebias.weight[0] * mean + self.rebias.bias
        middle = offset + self.project.bias * rescale + rebias
        return FittedSide(
            query_key=Linear(weight[:, : 2 * channels], bias[: 2 * channels]).to(dtype),
            value=Linear(weight[:, 2 * channels :], bias[2 * channels :]).to(dtype),
            depthwise=self.depthwise,
            project=_as_read(self.project.weight * rescale, dtype),
            mlp_in=Linear(self.mlp_in.weight, self.mlp_in.bias + middle @ self.mlp_in.weight).to(dtype),
            mlp_out=_as_read(self.mlp_out.weight, dtype),
            offset=middle + self.mlp_out.bias,
        )


@dataclass(frozen=True, slots=True)
class FittedSide:
    """One side of a block for one frame: `offset` [C] float32 is to be added to what comes out."""

    query_key: Linear
    value: Linear
    depthwise: Convolution
    project: Tensor
    mlp_in: Linear
    mlp_out: Tensor
    offset: Tensor


@dataclass(frozen=True, slots=True)
class FoldedBlock:
    """One transformer block: `other` is None where the other side is not needed."""

    main: FoldedSide
    other: FoldedSide | None
    gate: Tensor
    position_bias: Tensor
    shift_px: int
    window_px: int
    heads: int


@dataclass(frozen=True, slots=True)
class FoldedGIFNet:
    """Everything inference needs of a GIFNet.

    Attributes:
        encoder: the shared encoder's layers.
        embed: both sides' patch embeddings as one layer, the main side's channels first; without the
            other side where the gate keeps it out.
        blocks: the transformer blocks.
        mix_interaction: unembedding and its half of the 1x1 layer behind it, as one 3x3 layer, float32.
        mix_features: the shared features' half of that 1x1 layer, without bias.
        picture: the decoder's 3x3 layers; the first contains the 1x1 layer before it.
    """

    encoder: tuple[Convolution, ...]
    embed: Convolution
    blocks: tuple[FoldedBlock, ...]
    mix_interaction: Convolution
    mix_features: Tensor
    picture: tuple[Convolution, ...]


@torch.no_grad()
def fold(model: GIFNet, dtype: torch.dtype) -> FoldedGIFNet:
    """Rewrite a model's weights for inference in `dtype`; the model itself is left alone."""
    channels = model.config.channels
    interaction, decoder = model.interaction, model.decoder
    auxiliary = model.uses_auxiliary
    sides = ("multi-focus", "multi-modal")[: 1 + auxiliary]
    embeds = [_convolution(interaction.embed[side]) for side in sides]
    embed = Convolution(torch.cat([e.weight for e in embeds]), torch.cat([e.bias for e in embeds]))
    reduce = decoder.reduce.weight[:, :, 0, 0]
    unembed = _before(reduce[:, channels:], _convolution(interaction.unembed))
    first, *rest = (_convolution(layer) for layer in decoder.picture.layers)
    first = Convolution(
        torch.einsum("oikl,ic->ockl", first.weight, decoder.expand.weight[:, :, 0, 0]), first.bias
    )
    count = len(interaction.blocks)
    return FoldedGIFNet(
        encoder=tuple(_convolution(layer).to(dtype) for layer in model.encoder.layers),
        embed=embed.to(dtype),
        blocks=tuple(
            _fold_block(block, dtype, with_other=auxiliary and index < count - 1)
            for index, block in enumerate(interaction.blocks)
        ),
        mix_interaction=unembed,
        mix_features=_as_read(reduce[:, :channels].t(), dtype),
        picture=(*(layer.to(dtype) for layer in (first, *rest[:-1])), rest[-1].to(torch.float32)),
    )


def _fold_block(block: nn.Module, dtype: torch.dtype, with_other: bool) -> FoldedBlock:
    assert isinstance(block, InteractionBlock)
    config, main = block.config, block.sides["multi-focus"]
    other = block.sides["multi-modal"]
    assert isinstance(main, BlockSide) and isinstance(other, BlockSide)
    return FoldedBlock(
        main=_fold_side(main, config.heads, dtype),
        # After the last block nothing mixes any more, so its other side never reaches the picture.
        other=_fold_side(other, config.heads, dtype) if with_other else None,
        gate=main.gate.detach(),
        position_bias=block.position().to(dtype).contiguous(),
        shift_px=block.shift_px,
        window_px=config.window_px,
        heads=config.heads,
    )


def _fold_side(side: BlockSide, heads: int, dtype: torch.dtype) -> FoldedSide:
    query_key, value = _linear(side.query_key), _linear(side.value)
    weight = torch.cat([query_key.weight, value.weight], dim=1)
    bias = torch.cat([query_key.bias, value.bias])
    channels = side.value.out_channels
    attention_scale = (channels // heads) ** -0.5
    weight[:, :channels] *= attention_scale
    bias[:channels] *= attention_scale
    enter, leave = side.mlp[0], side.mlp[2]
    assert isinstance(enter, nn.Conv2d) and isinstance(leave, nn.Conv2d)
    return FoldedSide(
        norm_scale=side.norm.weight.detach().flatten(),
        norm_shift=side.norm.bias.detach().flatten(),
        rescale=_linear(side.norm.rescale),
        rebias=_linear(side.norm.rebias),
        query_key_value=Linear(weight, bias),
        project=_linear(side.project),
        depthwise=_convolution(side.depthwise).to(dtype),
        mlp_in=_linear(enter),
        mlp_out=_linear(leave),
        eps=side.norm.eps,
    )


def _linear(layer: nn.Conv2d) -> Linear:
    assert layer.bias is not None
    return Linear(layer.weight.detach()[:, :, 0, 0].t().contiguous(), layer.bias.detach())


def _as_read(weight: Tensor, dtype: torch.dtype) -> Tensor:
    """[inputs, outputs], in memory the other way round, as products on a CPU read it."""
    return weight.t().to(dtype).contiguous().t()


def _convolution(layer: nn.Module) -> Convolution:
    assert isinstance(layer, nn.Conv2d) and layer.bias is not None
    return Convolution(layer.weight.detach(), layer.bias.detach())


def _before(weight: Tensor, convolution: Convolution) -> Convolution:
    """`weight` [outputs, inputs], a 1x1 layer without bias, applied behind `convolution`, as one layer."""
    return Convolution(torch.einsum("oi,ickl->ockl", weight, convolution.weight), weight @ convolution.bias)
