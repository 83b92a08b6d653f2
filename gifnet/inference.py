"""The exact inference form of GIFNet: folded weights, channels last, worked off tile by tile.

On a CPU a tile is small enough that its intermediate results stay in the processor's cache and that their
memory is used again: passes over full-size intermediates and their fresh pages cost more than the arithmetic.
Each core works on tiles of its own, and all meet once a layer: torch's threads would meet in every operation.
A GPU takes the whole frame as one tile, since every launch costs. Whole-frame maps are kept from frame to
frame. Maps are [H, W, C] here.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from gifnet.config import PAD_MULTIPLE_PX
from gifnet.crew import Crew
from gifnet.folding import Convolution, FittedSide, FoldedBlock, FoldedGIFNet, FoldedSide, Linear, fold
from gifnet.hardware import exact_float32
from gifnet.model import GIFNet, check_pictures

CPU_TILE_PX = (16, 640)
WHOLE_PX = (1 << 30, 1 << 30)
"""A tile that no frame exceeds; it divides by the size of a window."""


class Region(NamedTuple):
    """A rectangle of a map; it may reach over the border, where the map is reflected."""

    top: int
    bottom: int
    left: int
    right: int

    def grown(self, margin: int) -> Region:
        """The rectangle with a margin on all four sides."""
        return Region(self.top - margin, self.bottom + margin, self.left - margin, self.right + margin)

    def seen_from(self, other: Region) -> Region:
        """The rectangle in coordinates that begin at the other one's corner."""
        top, left = other.top, other.left
        return Region(self.top - top, self.bottom - top, self.left - left, self.right - left)


class InferenceForm:
    """Fuses as `GIFNet.forward` does, to 1e-4 in float32, many times faster; without gradients.

    Not thread-safe: maps are shared between calls. The result is the caller's own.
    """

    def __init__(self, model: GIFNet, dtype: torch.dtype = torch.float32) -> None:
        self.dtype = dtype
        self.device = next(model.parameters()).device
        self._weights: FoldedGIFNet = fold(model, dtype)
        self._memory = Memory(dtype, self.device)
        self._scratch = Scratch(dtype, self.device)
        self._crew = Crew()
        self._tile_px = CPU_TILE_PX if self.device.type == "cpu" else WHOLE_PX

    @torch.no_grad()
    def __call__(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """Two [B, 1, H, W] pictures in [0, 1] to one, float32.

        Raises:
            ValueError: when the two differ in shape or are too small.
        """
        check_pictures(visible, thermal)
        with exact_float32(self.device):
            fused = [self._fuse(v[0], t[0]) for v, t in zip(visible, thermal, strict=True)]
        return torch.stack(fused).unsqueeze(1)

    def _fuse(self, visible: Tensor, thermal: Tensor) -> Tensor:
        features = self._encode(visible, thermal)
        main, other = self._embed(_padded(features))
        for index, block in enumerate(self._weights.blocks):
            main = self._block(block, main, other, f"block {index}")
        return self._decode(features, main)

    def _encode(self, visible: Tensor, thermal: Tensor) -> Tensor:
        layers = self._weights.encoder
        features = self._memory.take("features", *visible.shape, 2 + sum(layer.outputs for layer in layers))
        features[..., 0], features[..., 1] = thermal, visible
        known = 2
        for layer in layers:
            inputs, grown = features[..., :known], features[..., known : known + layer.outputs]
            self._convolve_all(inputs, layer, grown)
            known += layer.outputs
        return features

    def _embed(self, features: Tensor) -> tuple[FeatureMap, FeatureMap | None]:
        channels = features.shape[-1]
        names = ("main", "other")[: self._weights.embed.outputs // channels]
        sides = [FeatureMap(self._memory.take(name, *features.shape)) for name in names]

        def embed(tile: Region) -> None:
            embedded = _convolve(features, self._weights.embed, tile)
            for side, part in zip(sides, torch.split(embedded, channels, dim=-1), strict=True):
                side.write(tile, part, self._scratch.memory)

        self._crew.each(embed, _tiles(features, self._tile_px))
        return sides[0], sides[1] if len(sides) > 1 else None

    def _block(self, block: FoldedBlock, main: FeatureMap, other: FeatureMap | None, name: str) -> FeatureMap:
        own = main.fit(block.main, self.dtype)
        result = FeatureMap(self._memory.take(name, *main.values.shape), own.offset)
        frozen = other.fit(block.other, self.dtype) if other is not None and block.other is not None else None
        if frozen is not None:
            result.offset = own.offset + block.gate * frozen.offset
        gate = block.gate.to(self.dtype)

        def fuse(tile: Region) -> None:
            rows, query = self._side(block, own, main.values, tile, None)
            if frozen is not None and other is not None:
                rows.addcmul_(self._side(block, frozen, other.values, tile, query)[0], gate)
            result.write(_inside(tile, main.values), rows, self._scratch.memory)

        self._crew.each(fuse, _window_tiles(main.values, block, self._tile_px))
        return result

    def _side(
        self, block: FoldedBlock, side: FittedSide, features: Tensor, tile: Region, query: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """One side of a block on one tile: its new features [h, w, C], and the windows' queries.

        `query` is that of the main side where this is the other one.
        """
        inside, channels = _inside(tile, features), features.shape[-1]
        value = _linear(_reflected(features, tile.grown(2)), side.value)
        query_key = _linear(_reflected(features, tile), side.query_key)
        own_query, key = (_cut_windows(part, block) for part in query_key.chunk(2, dim=-1))
        value_windows = _cut_windows(value[2:-2, 2:-2], block)
        attended = _attend(own_query if query is None else query, key, value_windows, block)
        # The depth-wise convolution reads two pixels around what lies inside the map.
        around = _part(value, inside.grown(2).seen_from(tile.grown(2)))
        local = _last(F.conv2d(_first(around), side.depthwise.weight, side.depthwise.bias, groups=channels))
        local.add_(_part(_join_windows(attended, tile, block.window_px), inside.seen_from(tile)))
        rows = _add_product(_part(features, inside), local, side.project)
        hidden = _linear(rows, side.mlp_in).relu_()
        return _add_product(rows, hidden, side.mlp_out), own_query

    def _decode(self, features: Tensor, interaction: FeatureMap) -> Tensor:
        weights = self._weights
        mix = weights.mix_interaction.absorb(interaction.offset).to(self.dtype)
        mixture = self._memory.take("mixed", *features.shape)

        def mix_in(tile: Region) -> None:
            mixed = _convolve(interaction.values, mix, tile)
            mixed = _add_product(mixed, _part(features, tile), weights.mix_features)
            torch.clamp_min(mixed, 0, out=_part(mixture, tile))

        maps = mixture
        self._crew.each(mix_in, _tiles(maps, self._tile_px))
        for index, layer in enumerate(weights.picture[:-1]):
            inputs, maps = maps, self._memory.take(f"picture {index}", *maps.shape[:2], layer.outputs)
            self._convolve_all(inputs, layer, maps)
        fused = torch.empty(*maps.shape[:2], 1, device=self.device)
        self._convolve_all(maps, weights.picture[-1], fused, rectify=False)
        return fused[..., 0].tanh_().mul_(0.5).add_(0.5)

    def _convolve_all(self, inputs: Tensor, layer: Convolution, out: Tensor, rectify: bool = True) -> None:
        """A convolution of whole maps, tile by tile; rectified, or not."""

        def convolve(tile: Region) -> None:
            result = _convolve(inputs, layer, tile)
            if rectify:
                torch.clamp_min(result, 0, out=_part(out, tile))
            else:
                _part(out, tile).copy_(result)

        self._crew.each(convolve, _tiles(out, self._tile_px))


class Memory:
    """Named pieces of memory that are taken again and again; what a name held before is overwritten."""

    def __init__(self, dtype: torch.dtype, device: torch.device) -> None:
        self._dtype, self._device = dtype, device
        self._pieces: dict[str, Tensor] = {}

    def take(self, name: str, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
        """An uninitialised tensor of this shape."""
        size = math.prod(shape)
        piece = self._pieces.get(name)
        if piece is None or piece.numel() < size:
            piece = self._pieces[name] = torch.empty(size, dtype=dtype or self._dtype, device=self._device)
        return piece[:size].view(shape)


class Scratch(threading.local):
    """Memory of each thread for what lives no longer than a tile.

    Attributes:
        memory: of the thread that asks.
    """

    def __init__(self, dtype: torch.dtype, device: torch.device) -> None:
        self.memory = Memory(dtype, device)


class FeatureMap:
    """Features [H, W, C] of which a constant a channel, the offset, is kept apart; knows their statistics."""

    def __init__(self, values: Tensor, offset: Tensor | None = None) -> None:
        channels = values.shape[-1]
        self.values = values
        self.offset = torch.zeros(channels, device=values.device) if offset is None else offset
        # By the corners of tiles: sums over channels, and of squares.
        self._sums: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}

    def write(self, tile: Region, part: Tensor, memory: Memory) -> None:
        """Put a tile in its place and add it to the statistics: float32 within it, float64 across tiles."""
        _part(self.values, tile).copy_(part)
        exact = (
            memory.take("statistics", *part.shape, dtype=torch.float32).copy_(part).view(-1, part.shape[-1])
        )
        self._sums[tile.top, tile.left] = exact.sum(dim=0), torch.linalg.vector_norm(exact)

    def fit(self, side: FoldedSide, dtype: torch.dtype) -> FittedSide:
        """The side's weights for this frame."""
        mean, variance = self.statistics()
        return side.fit(mean.float(), variance.float(), self.offset, dtype)

    def statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and variance over channels and pixels, float64."""
        pixels, offset = self.values.shape[0] * self.values.shape[1], self.offset.double()
        count = pixels * len(offset)
        # In one order, whichever tile was done first.
        parts, norms = zip(*(self._sums[corner] for corner in sorted(self._sums)), strict=True)
        sums, own_squares = torch.stack(parts).double().sum(dim=0), torch.stack(norms).double().square().sum()
        mean = (sums + pixels * offset).sum() / count
        squares = own_squares + (2 * offset * sums + pixels * offset.square()).sum()
        return mean, (squares / count - mean.square()).clamp_min(0)


def _tiles(maps: Tensor, tile_px: tuple[int, int]) -> Iterator[Region]:
    return _cut(Region(0, maps.shape[0], 0, maps.shape[1]), tile_px)


def _window_tiles(maps: Tensor, block: FoldedBlock, tile_px: tuple[int, int]) -> Iterator[Region]:
    """Tiles of whole attention windows; shifted windows and the last ones reach over the border."""
    height, width = maps.shape[:2]
    shift, window = block.shift_px, block.window_px
    bottom = height + -(height + shift) % window
    right = width + -(width + shift) % window
    return _cut(Region(-shift, bottom, -shift, right), tile_px)


def _cut(whole: Region, tile_px: tuple[int, int]) -> Iterator[Region]:
    height, width = tile_px
    for top in range(whole.top, whole.bottom, height):
        for left in range(whole.left, whole.right, width):
            yield Region(top, min(top + height, whole.bottom), left, min(left + width, whole.right))


def _inside(tile: Region, maps: Tensor) -> Region:
    height, width = maps.shape[:2]
    return Region(max(tile.top, 0), min(tile.bottom, height), max(tile.left, 0), min(tile.right, width))


def _part(maps: Tensor, tile: Region) -> Tensor:
    return maps[tile.top : tile.bottom, tile.left : tile.right]


def _reflected(maps: Tensor, region: Region) -> Tensor:
    """A region of [H, W, C]; what lies outside the map is reflected at its border."""
    height, width = maps.shape[:2]
    inside = _inside(region, maps)
    part = _part(maps, inside)
    if inside == region:
        return part
    over = (
        inside.left - region.left,
        region.right - inside.right,
        inside.top - region.top,
        region.bottom - inside.bottom,
    )
    if max(over[:2]) < part.shape[1] and max(over[2:]) < part.shape[0]:
        return _last(F.pad(_first(part), over, mode="reflect"))
    # A sliver at the border of the map: what is reflected into it lies in the neighbouring tile.
    rows = _reflected_index(region.top, region.bottom, height, maps.device)
    columns = _reflected_index(region.left, region.right, width, maps.device)
    return maps[rows[:, None], columns]


def _reflected_index(start: int, stop: int, length: int, device: torch.device) -> Tensor:
    index = torch.arange(start, stop, device=device).abs()
    return torch.where(index < length, index, 2 * (length - 1) - index)


def _convolve(maps: Tensor, layer: Convolution, tile: Region) -> Tensor:
    """A 3x3 convolution of [H, W, C] that reflects at the border, on one tile: [h, w, outputs]."""
    around = _reflected(maps, tile.grown(1)).to(layer.weight.dtype)
    return _last(F.conv2d(_first(around), layer.weight, layer.bias))


def _first(maps: Tensor) -> Tensor:
    """[H, W, C] as [1, C, H, W] in channels-last order."""
    # The batch dimension goes in before the permutation: torch would not see channels-last strides otherwise.
    return maps[None].permute(0, 3, 1, 2)


def _last(maps: Tensor) -> Tensor:
    """[1, C, H, W] in channels-last order as [H, W, C]."""
    return maps[0].permute(1, 2, 0)


def _linear(maps: Tensor, linear: Linear) -> Tensor:
    """`linear` on the last dimension of [h, w, C]."""
    if _is_slow_product(maps):
        return _product_by_convolution(maps, linear.weight, linear.bias)
    flat = maps.reshape(-1, maps.shape[-1])
    return torch.addmm(linear.bias, flat, linear.weight).view(*maps.shape[:-1], -1)


def _add_product(rows: Tensor, maps: Tensor, weight: Tensor) -> Tensor:
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
    return _last(F.conv2d(_first(maps), weight.t()[:, :, None, None], bias, dilation=2))


def _attend(query: Tensor, key: Tensor, value: Tensor, block: FoldedBlock) -> Tensor:
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


def _cut_windows(part: Tensor, block: FoldedBlock) -> Tensor:
    """[h, w, C] as windows of each head, [heads, windows, window_px**2, C / heads]."""
    height, width, channels = part.shape
    window, heads = block.window_px, block.heads
    cut = part.reshape(height // window, window, width // window, window, heads, channels // heads)
    return cut.permute(4, 0, 2, 1, 3, 5).reshape(heads, -1, window**2, channels // heads)


def _join_windows(windows: Tensor, tile: Region, window_px: int) -> Tensor:
    """The reverse of `_cut_windows` for the windows of a tile."""
    rows, columns = (tile.bottom - tile.top) // window_px, (tile.right - tile.left) // window_px
    cut = windows.reshape(len(windows), rows, columns, window_px, window_px, -1).permute(1, 3, 2, 4, 0, 5)
    return cut.reshape(rows * window_px, columns * window_px, -1)


def _padded(features: Tensor) -> Tensor:
    """[H, W, C] reflected at the bottom and right so that both sides divide by 4."""
    height, width = features.shape[:2]
    return _reflected(
        features, Region(0, height + -height % PAD_MULTIPLE_PX, 0, width + -width % PAD_MULTIPLE_PX)
    )
