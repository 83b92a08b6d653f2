"""Starts of the encoder's layers and of the picture decoder's last three, in both forms."""

from __future__ import annotations

import torch
from torch import Tensor

from gifnet.config import GIFNetConfig
from gifnet.gpu import launch
from gifnet.gpu.halo import draw, encode
from gifnet.gpu.layers import start_convolution
from gifnet.gpu.packing import PackedConvolution
from gifnet.gpu.padding import CHANNELS

ROWS, COLUMNS, PIXELS = 16, 32, 128
"""Tile of a program with a halo, and the pixels of it that are computed at once."""


def encode_today(layers: tuple[PackedConvolution, ...], features: Tensor) -> None:
    """One launch a layer; the pictures are in the last channels of `features` [B, H, W, CHANNELS]."""
    start = 0
    for layer in layers:
        start_convolution(features, layer, features, out_start=start, relu=True)
        start += layer.outputs


def encode_fused(layers: tuple[PackedConvolution, ...], features: Tensor) -> None:
    """The same in one launch."""
    images, height, width, _ = features.shape
    rows, columns = -(-height // ROWS), -(-width // COLUMNS)
    growth = GIFNetConfig().growth
    scratch = _scratch(features, rows * columns, 2, 2 * growth)
    launch.start(
        encode, (rows * columns, images),
        features, scratch, *(layer.weight for layer in layers), *(layer.bias for layer in layers),
        height, width, columns,
        GROWTH=growth, PICTURES=layers[0].slices[-1][0], CHANNELS=CHANNELS,
        ROWS=ROWS, COLUMNS=COLUMNS, PIXELS=PIXELS, num_warps=4,
    )  # fmt: skip


def draw_today(layers: tuple[PackedConvolution, ...], maps: Tensor) -> Tensor:
    """Picture [B, H, W] float32 of maps [B, H, W, C]; one launch a layer."""
    for layer in layers[:-1]:
        inputs, maps = maps, maps.new_empty(*maps.shape[:3], layer.outputs)
        start_convolution(inputs, layer, maps, relu=True)
    fused = torch.empty(*maps.shape[:3], 1, dtype=torch.float32, device=maps.device)
    start_convolution(maps, layers[-1], fused, picture=True)
    return fused[..., 0]


def draw_fused(layers: tuple[PackedConvolution, ...], maps: Tensor) -> Tensor:
    """The same in one launch."""
    images, height, width, channels = maps.shape
    rows, columns = -(-height // ROWS), -(-width // COLUMNS)
    a, b = layers[0].outputs, layers[1].outputs
    fused = torch.empty(images, height, width, dtype=torch.float32, device=maps.device)
    launch.start(
        draw, (rows * columns, images),
        maps, _scratch(maps, rows * columns, 2, a), _scratch(maps, rows * columns, 1, b), fused,
        *(layer.weight for layer in layers), *(layer.bias for layer in layers),
        height, width, columns,
        CHANNELS=channels, A=a, B=b, ROWS=ROWS, COLUMNS=COLUMNS, PIXELS=PIXELS, num_warps=4,
    )  # fmt: skip
    return fused


def _scratch(maps: Tensor, tiles: int, margin: int, channels: int) -> Tensor:
    return maps.new_empty(maps.shape[0], tiles, ROWS + 2 * margin, COLUMNS + 2 * margin, channels)
