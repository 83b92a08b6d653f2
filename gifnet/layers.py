"""Building blocks of GIFNet, in reading order.

Feature maps are [B, C, H, W] float32. Source of the architecture: Cheng et al., "One Model for ALL:
Low-Level Task Interaction Is a Key to Task-Agnostic Image Fusion", CVPR 2025, section 3.3; the attention
block is that of DehazeFormer (Song et al., 2023).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gifnet.config import GIFNetConfig


def reflect_conv(inputs: int, outputs: int, kernel: int = 3, groups: int = 1) -> nn.Conv2d:
    """Convolution that keeps the size, reflecting at the border."""
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, padding_mode="reflect", groups=groups)


class DenseEncoder(nn.Module):
    """Shared encoder (S-Enc): each layer reads everything before it; the pictures are kept in front."""

    def __init__(self, config: GIFNetConfig) -> None:
        super().__init__()
        widths = [2 + config.growth * i for i in range(config.encoder_layers)]
        self.layers = nn.ModuleList(reflect_conv(width, config.growth) for width in widths)

    def forward(self, pictures: Tensor) -> Tensor:
        """[B, 2, H, W] pictures to [B, 98, H, W] features."""
        features = pictures
        for layer in self.layers:
            features = torch.cat([features, torch.relu(layer(features))], dim=1)
        return features


class PictureDecoder(nn.Module):
    """3x3 convolutions with ReLU between and tanh at the end: features to one picture in [-1, 1]."""

    def __init__(self, inputs: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            reflect_conv(before, after) for before, after in zip((inputs, *widths), widths, strict=False)
        )

    def forward(self, features: Tensor) -> Tensor:
        """[B, C, H, W] to [B, 1, H, W]."""
        for layer in self.layers[:-1]:
            features = torch.relu(layer(features))
        picture: Tensor = self.layers[-1](features)
        return picture.tanh()


class FusionDecoder(nn.Module):
    """Fusion decoder (G-Dec): shared and interaction features are mixed, then become a picture in [0, 1]."""

    def __init__(self, config: GIFNetConfig) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(2 * config.channels, config.channels, 1, bias=False)
        self.expand = nn.Conv2d(config.channels, config.complement, 1, bias=False)
        self.picture = PictureDecoder(config.complement, config.decoder)

    def forward(self, features: Tensor, interaction: Tensor) -> Tensor:
        """Two [B, 98, H, W] maps to [B, 1, H, W]."""
        mixed = self.expand(torch.relu(self.reduce(torch.cat([features, interaction], dim=1))))
        picture: Tensor = self.picture(mixed)
        return picture / 2 + 0.5


class RevisedLayerNorm(nn.Module):
    """Layer norm over channels and pixels that also tells how to undo it (DehazeFormer, section 3.2)."""

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.rescale = nn.Conv2d(1, channels, 1)
        self.rebias = nn.Conv2d(1, channels, 1)
        for layer, bias in ((self.rescale, 1.0), (self.rebias, 0.0)):
            nn.init.trunc_normal_(layer.weight, std=0.02)
            nn.init.constant_(_bias(layer), bias)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Normalised features [B, C, H, W], and the scale and shift [B, C, 1, 1] to put back afterwards."""
        mean = features.mean(dim=(1, 2, 3), keepdim=True)
        centred = features - mean
        std = torch.sqrt(centred.square().mean(dim=(1, 2, 3), keepdim=True) + self.eps)
        return centred / std * self.weight + self.bias, self.rescale(std), self.rebias(mean)


class RelativePositionBias(nn.Module):
    """Attention bias of two pixels of a window from their distance on a logarithmic scale."""

    def __init__(self, config: GIFNetConfig) -> None:
        super().__init__()
        self.window_px = config.window_px
        self.hidden = nn.Linear(2, config.position_hidden)
        self.output = nn.Linear(config.position_hidden, config.heads)

    def forward(self) -> Tensor:
        """[heads, window_px**2, window_px**2]."""
        side = torch.arange(self.window_px, dtype=torch.float32, device=self.hidden.weight.device)
        places = torch.stack(torch.meshgrid(side, side, indexing="ij"), dim=-1).reshape(-1, 2)
        distance = places[:, None] - places[None, :]
        logarithmic = distance.sign() * distance.abs().log1p()
        bias: Tensor = self.output(torch.relu(self.hidden(logarithmic.to(self.hidden.weight.dtype))))
        return bias.permute(2, 0, 1)


class BlockSide(nn.Module):
    """The weights that one task owns in a transformer block."""

    def __init__(self, config: GIFNetConfig) -> None:
        super().__init__()
        channels, hidden = config.channels, config.mlp_ratio * config.channels
        self.norm = RevisedLayerNorm(channels)
        self.query_key = nn.Conv2d(channels, 2 * channels, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.depthwise = reflect_conv(channels, channels, 5, groups=channels)
        self.project = nn.Conv2d(channels, channels, 1)
        self.mlp = nn.Sequential(nn.Conv2d(channels, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, channels, 1))
        self.gate = nn.Parameter(torch.rand(1))
        self._initialise(config.blocks)

    def _initialise(self, depth: int) -> None:
        """Smaller weights for deeper networks, as DehazeFormer does."""
        for layer in (self.query_key, self.value, self.depthwise, self.project, self.mlp[0], self.mlp[2]):
            assert isinstance(layer, nn.Conv2d)
            fan_in = layer.weight[0].numel()
            fan_out = layer.weight.shape[0] * layer.weight[0, 0].numel()
            gain = 1.0 if layer is self.query_key else (8 * depth) ** -0.25
            nn.init.trunc_normal_(layer.weight, std=gain * (2 / (fan_in + fan_out)) ** 0.5)
            nn.init.zeros_(_bias(layer))


def _bias(layer: nn.Conv2d) -> Tensor:
    assert layer.bias is not None
    return layer.bias


def split_windows(features: Tensor, window_px: int, shift_px: int) -> Tensor:
    """Cut [B, C, H, W] into windows [B * windows, window_px**2, C], reflecting what is missing."""
    height, width = features.shape[2:]
    below, right = -(height + shift_px) % window_px, -(width + shift_px) % window_px
    features = F.pad(features, (shift_px, right, shift_px, below), mode="reflect")
    batch, channels, height, width = features.shape
    rows, columns = height // window_px, width // window_px
    cut = features.reshape(batch, channels, rows, window_px, columns, window_px)
    return cut.permute(0, 2, 4, 3, 5, 1).reshape(batch * rows * columns, window_px**2, channels)


def join_windows(windows: Tensor, height: int, width: int, window_px: int, shift_px: int) -> Tensor:
    """The reverse of `split_windows`: [B, C, height, width], the reflected margin cut off."""
    # Rounded up without negative numbers: ONNX divides whole numbers towards zero.
    rows, columns = ((size + shift_px + window_px - 1) // window_px for size in (height, width))
    channels = windows.shape[-1]
    cut = windows.reshape(-1, rows, columns, window_px, window_px, channels)
    joined = cut.permute(0, 5, 1, 3, 2, 4).reshape(-1, channels, rows * window_px, columns * window_px)
    return joined[:, :, shift_px : shift_px + height, shift_px : shift_px + width]


def window_attention(query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
    """Attention inside each window; all [windows, N, C], bias [heads, N, N]."""
    heads = bias.shape[0]
    query, key, value = (split_heads(part, heads) for part in (query, key, value))
    scores = query * query.shape[-1] ** -0.5 @ key.transpose(-2, -1) + bias
    attended: Tensor = scores.softmax(dim=-1) @ value
    return attended.transpose(1, 2).flatten(2)


def split_heads(windows: Tensor, heads: int) -> Tensor:
    """[windows, N, C] as [windows, heads, N, C / heads], without a copy where the strides allow it."""
    count, length, channels = windows.shape
    return windows.reshape(count, length, heads, channels // heads).transpose(1, 2)
