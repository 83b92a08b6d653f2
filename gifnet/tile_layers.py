"""Layers on one tile of [H, W, C] maps: convolutions, linear layers, window attention."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from gifnet.folding import Convolution, FoldedBlock, Linear
from gifnet.tiles import Region, as_channels_last, as_map, reflected


def convolve_tile(maps: Tensor, layer: Convolution, tile: Region) -> Tensor:
    """A 3x3 convolution of [H, W, C] that reflects at the border, on one tile: [h, w, outputs]."""
    around = reflected(maps, tile.grown(1)).to(layer.weight.dtype)
    return as_map(F.conv2d(as_channels_last(around), layer.weight, layer.bias))


def apply_linear(maps: Tensor, linear: Linear) -> Tensor:
    """`linear` on the last dimension of [h, w, C]."""
    if _is_slow_product(maps):
        return _product_by_convolution(maps, linear.weight, linear.bias)
    flat = maps.reshape(-1, maps.shape[-1])
    return torch.addmm(linear.bias, flat, linear.weight).view(*maps.shape[:-1], -1)


def add_product(rows: Tensor, maps: Tensor, weight: Tensor) -> Tensor:
    """`rows + maps @ weight`; rows [h, w, O], maps [h, w, C], weight [C, O]."""
    if _is_slow_product(maps):
        return _product_by_convolution(maps, weight, None).add_(rows)
    flat = maps.reshape(-1, maps.shape[-1])
    return torch.addmm(rows.reshape(len(flat), -1), flat, weight).view(rows.shape)


def _is_slow_product(maps: Tensor) -> bool:
    """True where torch leaves products of matrices to MKL, which on AMD takes 2.5 times as long as oneDNN."""
    return maps.device.type == "cpu" and maps.dtype == torch.float32


def _product_by_convolution(maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`maps @ weight + bias` by oneDNN."""
    # Dilation means nothing for one pixel, but without it a single thread is not given oneDNN.
    return as_map(F.conv2d(as_channels_last(maps), weight.t()[:, :, None, None], bias, dilation=2))


def attend_windows(query: Tensor, key: Tensor, value: Tensor, block: FoldedBlock) -> Tensor:
    """Window attention; all [heads, windows, N, C / heads]. The query carries the scale already."""
    if query.is_cuda or query.dtype != torch.bfloat16:
        query, key, value = (part.transpose(0, 1) for part in (query, key, value))
        bias = block.position_bias[None]
        result = F.scaled_dot_product_attention(query, key, value, attn_mask=bias, scale=1.0)
        return result.transpose(0, 1)
    # For windows of this size torch's fused attention takes three times as long in bfloat16.
    attended = torch.empty_like(value)
    for head, bias in enumerate(block.position_bias):
        scores = torch.baddbmm(bias.expand(key.shape[1], *bias.shape), query[head], key[head].transpose(1, 2))
        torch.bmm(torch.softmax(scores, dim=-1, out=scores), value[head], out=attended[head])
    return attended


def cut_windows(part: Tensor, block: FoldedBlock) -> Tensor:
    """[h, w, C] as windows of each head, [heads, windows, window_px**2, C / heads]."""
    height, width, channels = part.shape
    window, heads = block.window_px, block.heads
    cut = part.reshape(height // window, window, width // window, window, heads, channels // heads)
    return cut.permute(4, 0, 2, 1, 3, 5).reshape(heads, -1, window**2, channels // heads)


def join_windows(windows: Tensor, tile: Region, window_px: int) -> Tensor:
    """The reverse of `cut_windows` for the windows of a tile."""
    rows, columns = (tile.bottom - tile.top) // window_px, (tile.right - tile.left) // window_px
    cut = windows.reshape(len(windows), rows, columns, window_px, window_px, -1).permute(1, 3, 2, 4, 0, 5)
    return cut.reshape(rows * window_px, columns * window_px, -1)
