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

import torch
from torch import Tensor
from torch.nn import functional as F

from gifnet.crew import Crew
from gifnet.folding import Convolution, FittedSide, FoldedBlock, FoldedGIFNet, FoldedSide, fold
from gifnet.hardware import exact_float32
from gifnet.model import GIFNet, check_pictures
from gifnet.tile_layers import (
    add_product,
    apply_linear,
    attend_windows,
    convolve_tile,
    cut_windows,
    join_windows,
)
from gifnet.tiles import (
    Region,
    as_channels_last,
    as_map,
    clipped,
    padded,
    part_of,
    reflected,
    tiles_of,
    window_tiles,
)

CPU_TILE_PX = (16, 640)
WHOLE_PX = (1 << 30, 1 << 30)
"""A tile that no frame exceeds; it divides by the size of a window."""


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
        main, other = self._embed(padded(features))
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
            embedded = convolve_tile(features, self._weights.embed, tile)
            for side, part in zip(sides, torch.split(embedded, channels, dim=-1), strict=True):
                side.write(tile, part, self._scratch.memory)

        self._crew.each(embed, tiles_of(features, self._tile_px))
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
            result.write(clipped(tile, main.values), rows, self._scratch.memory)

        self._crew.each(fuse, window_tiles(main.values, block, self._tile_px))
        return result

    def _side(
        self, block: FoldedBlock, side: FittedSide, features: Tensor, tile: Region, query: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """One side of a block on one tile: its new features [h, w, C], and the windows' queries.

        `query` is that of the main side where this is the other one.
        """
        inside, channels = clipped(tile, features), features.shape[-1]
        value = apply_linear(reflected(features, tile.grown(2)), side.value)
        query_key = apply_linear(reflected(features, tile), side.query_key)
        own_query, key = (cut_windows(part, block) for part in query_key.chunk(2, dim=-1))
        value_windows = cut_windows(value[2:-2, 2:-2], block)
        attended = attend_windows(own_query if query is None else query, key, value_windows, block)
        # The depth-wise convolution reads two pixels around what lies inside the map.
        around = part_of(value, inside.grown(2).seen_from(tile.grown(2)))
        local = as_map(
            F.conv2d(as_channels_last(around), side.depthwise.weight, side.depthwise.bias, groups=channels)
        )
        local.add_(part_of(join_windows(attended, tile, block.window_px), inside.seen_from(tile)))
        rows = add_product(part_of(features, inside), local, side.project)
        hidden = apply_linear(rows, side.mlp_in).relu_()
        return add_product(rows, hidden, side.mlp_out), own_query

    def _decode(self, features: Tensor, interaction: FeatureMap) -> Tensor:
        weights = self._weights
        mix = weights.mix_interaction.absorb(interaction.offset).to(self.dtype)
        mixture = self._memory.take("mixed", *features.shape)

        def mix_in(tile: Region) -> None:
            mixed = convolve_tile(interaction.values, mix, tile)
            mixed = add_product(mixed, part_of(features, tile), weights.mix_features)
            torch.clamp_min(mixed, 0, out=part_of(mixture, tile))

        maps = mixture
        self._crew.each(mix_in, tiles_of(maps, self._tile_px))
        for index, layer in enumerate(weights.picture[:-1]):
            inputs, maps = maps, self._memory.take(f"picture {index}", *maps.shape[:2], layer.outputs)
            self._convolve_all(inputs, layer, maps)
        fused = torch.empty(*maps.shape[:2], 1, device=self.device)
        self._convolve_all(maps, weights.picture[-1], fused, rectify=False)
        return fused[..., 0].tanh_().mul_(0.5).add_(0.5)

    def _convolve_all(self, inputs: Tensor, layer: Convolution, out: Tensor, rectify: bool = True) -> None:
        """A convolution of whole maps, tile by tile; rectified, or not."""

        def convolve(tile: Region) -> None:
            result = convolve_tile(inputs, layer, tile)
            if rectify:
                torch.clamp_min(result, 0, out=part_of(out, tile))
            else:
                part_of(out, tile).copy_(result)

        self._crew.each(convolve, tiles_of(out, self._tile_px))


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
        part_of(self.values, tile).copy_(part)
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
