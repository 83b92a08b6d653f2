"""Layers on some rows or windows of [H, W, C] maps: convolutions, linear layers, window attention."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from gifnet.folding import Convolution, FoldedBlock, Linear


def convolve_rows(maps: Tensor, layer: Convolution) -> Tensor:
    """A convolution of [h, w, C] without padding: [h - 2, w - 2, outputs] for 3x3."""
    maps = maps.to(layer.weight.dtype)
    groups = maps.shape[-1] // layer.weight.shape[1]
    return as_map(F.conv2d(as_channels_last(maps), layer.weight, layer.bias, groups=groups))


def apply_linear(maps: Tensor, linear: Linear) -> Tensor:
    """`linear` on the last dimension of [h, w, C]."""
    if maps.is_cuda:
        flat = maps.reshape(-1, maps.shape[-1])
        return torch.addmm(linear.bias, flat, linear.weight).view(*maps.shape[:-1], -1)
    return _product_by_convolution(maps, linear.weight, linear.bias)


def add_product_(rows: Tensor, maps: Tensor, weight: Tensor) -> Tensor:
    """Add `maps @ weight` to contiguous rows; rows [h, w, O], maps [h, w, C], weight [C, O]."""
    if maps.device.type == "cpu" and maps.dtype == torch.float32:
        return rows.add_(_product_by_convolution(maps, weight, None))
    rows.view(-1, rows.shape[-1]).addmm_(maps.reshape(-1, maps.shape[-1]), weight)
    return rows


def _product_by_convolution(maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`maps @ weight + bias` by oneDNN on a CPU.

    Torch leaves products of float32 to MKL, which on AMD takes 2.5 times as long, and in bfloat16 it copies
    the bias to every row first.
    """
    # Dilation means nothing for one pixel, but without it a single thread is not given oneDNN.
    return as_map(F.conv2d(as_channels_last(maps), weight.t()[:, :, None, None], bias, dilation=2))


def attend_windows(query: Tensor, key: Tensor, value: Tensor, block: FoldedBlock) -> Tensor:
    """Window attention of [heads, windows, N, C / heads]: [windows, N, C]; the query carries the scale."""
    heads, windows, pixels, channels = value.shape
    if query.is_cuda:
        query, key, value = (part.transpose(0, 1) for part in (query, key, value))
        bias = block.position_bias[None]
        result = F.scaled_dot_product_attention(query, key, value, attn_mask=bias, scale=1.0)
        return result.transpose(1, 2).reshape(windows, pixels, heads * channels)
    # For windows of this size torch's fused attention takes up to three times as long on a CPU.
    attended = value.new_empty(windows, pixels, heads * channels)
    outs = attended.chunk(heads, dim=-1)
    for head, bias in enumerate(block.position_bias):
        scores = torch.baddbmm(bias.expand(windows, *bias.shape), query[head], key[head].transpose(1, 2))
        torch.bmm(torch.softmax(scores, dim=-1, out=scores), value[head], out=outs[head])
    return attended


def heads_of(windows: Tensor, block: FoldedBlock, kinds: int) -> Tensor:
    """[..., kinds * C] of windows as [kinds, heads, windows, window_px**2, C / heads], contiguous."""
    each = windows.shape[-1] // (kinds * block.heads)
    cut = windows.view(*windows.shape[:-1], kinds, block.heads, each).movedim((-3, -2), (0, 1))
    # In one copy here: products of strided matrices would copy them more slowly.
    return cut.contiguous().view(kinds, block.heads, -1, block.window_px**2, each)


def as_channels_last(maps: Tensor) -> Tensor:
    """[H, W, C] as [1, C, H, W] in channels-last order."""
    # The batch dimension goes in before the permutation: torch would not see channels-last strides otherwise.
    return maps[None].permute(0, 3, 1, 2)


def as_map(maps: Tensor) -> Tensor:
    """[1, C, H, W] in channels-last order as [H, W, C]."""
    return maps[0].permute(1, 2, 0)
