"""The exact inference form of GIFNet: folded weights, channels last, worked off in bands of rows.

On a CPU a band is small enough that its intermediate results stay in the processor's cache and that their
memory is used again: passes over full-size intermediates and their fresh pages cost more than the arithmetic.
Each core works on bands of its own, and all meet once a layer: torch's threads would meet in every operation.
A GPU takes the whole frame as one band, since every launch costs. Whole-frame maps are kept from frame to
frame. Maps are [H, W, C] here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from gifnet.block_rows import BlockRows, WindowGrid
from gifnet.config import PAD_MULTIPLE_PX
from gifnet.crew import Crew
from gifnet.folding import Convolution, FoldedBlock, FoldedGIFNet, fold
from gifnet.hardware import exact_float32
from gifnet.maps import Border, BorderedMap, FeatureMap, Memory, Rows, Scratch, bands
from gifnet.model import GIFNet, check_pictures
from gifnet.row_layers import add_product_, convolve_rows

CPU_BAND_PX = 20480
"""Pixels of a band, about."""
CPU_PART_PX = (16, 640)
"""Height and width of the windows that a thread works on at once."""
WHOLE_PX = (1 << 30, 1 << 30)
ALL = slice(None)
EDGE = Border(1, 1, 1, 1)
"""The border that a 3x3 convolution reads around a map."""


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
        self._on_cpu = self.device.type == "cpu"
        self._part_px = CPU_PART_PX if self._on_cpu else WHOLE_PX
        self._band_px = CPU_BAND_PX

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
        main, other = self._embed(features)
        for index in range(len(self._weights.blocks)):
            main = self._block(index, main, other)
        return self._decode(features, main)

    def _encode(self, visible: Tensor, thermal: Tensor) -> BorderedMap:
        layers = self._weights.encoder
        (height, width), channels = visible.shape, 2 + sum(layer.outputs for layer in layers)
        below, beside = (-side % PAD_MULTIPLE_PX + 1 for side in (height, width))
        features = BorderedMap(
            self._memory, "features", (height, width, channels), Border(1, below, 1, beside)
        )
        features.values[..., 0], features.values[..., 1] = thermal, visible
        features.reflect(slice(0, 2))
        known = 2
        for layer in layers:
            grown = slice(known, known + layer.outputs)
            self._convolve(features, layer, features, slice(known), grown)
            known = grown.stop
        return features

    def _embed(self, features: BorderedMap) -> tuple[FeatureMap, FeatureMap | None]:
        height, width = (side + -side % PAD_MULTIPLE_PX for side in features.values.shape[:2])
        channels = features.values.shape[2]
        names = ("main", "other")[: self._weights.embed.outputs // channels]
        readers = self._weights.blocks[:1], [block for block in self._weights.blocks if block.other]
        sides = [
            self._features(name, (height, width, channels), blocks)
            for name, blocks in zip(names, readers, strict=False)
        ]

        def embed(rows: Rows) -> None:
            embedded = convolve_rows(features.rows(rows, 1, width), self._weights.embed)
            for side, part in zip(sides, torch.split(embedded, channels, dim=-1), strict=True):
                side.values[rows.top : rows.bottom] = part
                side.count(rows, self._scratch.memory)

        self._crew.each(embed, self._bands(height, width))
        for side in sides:
            side.reflect()
        return sides[0], sides[1] if len(sides) > 1 else None

    def _features(
        self,
        name: str,
        shape: tuple[int, int, int],
        readers: Sequence[FoldedBlock],
        offset: Tensor | None = None,
    ) -> FeatureMap:
        """An unwritten map with the border that these blocks read, or else that of a 3x3 convolution."""
        borders = [WindowGrid(block, *shape[:2]).border for block in readers]
        border = Border(*map(max, zip(*borders, strict=True))) if borders else EDGE
        return FeatureMap(self._memory, name, shape, border, offset)

    def _block(self, index: int, main: FeatureMap, other: FeatureMap | None) -> FeatureMap:
        block, (height, width, channels) = self._weights.blocks[index], main.values.shape
        own = main.fit(block.main, self.dtype)
        sides, offset = [(main, own)], own.offset
        if other is not None and block.other is not None:
            frozen = other.fit(block.other, self.dtype)
            sides.append((other, frozen))
            offset = own.offset + block.gate * frozen.offset
        readers = self._weights.blocks[index + 1 : index + 2]
        result = self._features(f"block {index}", (height, width, channels), readers, offset)
        grid = WindowGrid(block, height, width)
        worker = BlockRows(block, grid, sides, self._part_px)

        def fuse(rows: Rows) -> None:
            worker.fuse(rows, result.values)
            if readers:
                result.count(grid.inside(rows), self._scratch.memory)

        self._crew.each(fuse, self._bands(grid.height, grid.width, block.window_px))
        result.reflect()
        return result

    def _decode(self, features: BorderedMap, interaction: FeatureMap) -> Tensor:
        weights, (height, width, channels) = self._weights, features.values.shape
        mix = weights.mix_interaction.absorb(interaction.offset).to(self.dtype)
        maps = self._map("mixed", height, width, channels)

        def mix_in(rows: Rows) -> None:
            mixed = convolve_rows(interaction.rows(rows, 1, width), mix)
            add_product_(mixed, features.rows(rows, 0, width), weights.mix_features)
            torch.clamp_min(mixed, 0, out=maps.rows(rows, 0, width))

        self._crew.each(mix_in, self._bands(height, width))
        maps.reflect()
        for index, layer in enumerate(weights.picture[:-1]):
            inputs, maps = maps, self._map(f"picture {index}", height, width, layer.outputs)
            self._convolve(inputs, layer, maps)
        fused = torch.empty(height, width, device=self.device)

        def finish(rows: Rows) -> None:
            last = convolve_rows(maps.rows(rows, 1, width), weights.picture[-1])[..., 0]
            torch.tanh(last, out=fused[rows.top : rows.bottom])

        self._crew.each(finish, self._bands(height, width))
        return fused.mul_(0.5).add_(0.5)

    def _map(self, name: str, height: int, width: int, channels: int) -> BorderedMap:
        return BorderedMap(self._memory, name, (height, width, channels), EDGE)

    def _convolve(
        self,
        inputs: BorderedMap,
        layer: Convolution,
        out: BorderedMap,
        channels: slice = ALL,
        grown: slice = ALL,
    ) -> None:
        """Fill channels of a map by a rectified convolution of those of another one, and its border."""
        height, width = out.values.shape[:2]

        def convolve(rows: Rows) -> None:
            result = convolve_rows(inputs.rows(rows, 1, width)[..., channels], layer)
            torch.clamp_min(result, 0, out=out.rows(rows, 0, width)[..., grown])

        self._crew.each(convolve, self._bands(height, width))
        out.reflect(grown)

    def _bands(self, height: int, width: int, unit: int = 1) -> Iterator[Rows]:
        """Bands of about as many pixels as suit the device, in number a multiple of 4 for 2 or 4 threads."""
        return bands(height, unit, 4 * math.ceil(height * width / (4 * self._band_px)) if self._on_cpu else 1)
