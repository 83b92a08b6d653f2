"""The least time of a frame: operations over the rate of matrix products, bytes over the rate of copies."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gifnet.folding import FoldedBlock, FoldedGIFNet, FoldedSide
from stream.bench.timing import Timer

_MATRIX_SIDE = {"cuda": 8192, "cpu": 1024}
_COPY_BYTES = {"cuda": 1 << 30, "cpu": 1 << 27}
_REPEATS = 10


@dataclass(frozen=True, slots=True)
class Rates:
    """Rates that the machine reaches.

    Attributes:
        operations_per_s: of a large matrix product of random numbers in the precision that is asked about; a
            multiplication and an addition are two.
        bytes_per_s: read and written by a large copy.
    """

    operations_per_s: float
    bytes_per_s: float


@dataclass(frozen=True, slots=True)
class Floor:
    """Least time of a frame: arithmetic and memory can work at once, so the slower of the two counts."""

    operations: float
    bytes: float
    milliseconds: float


def measure_rates(device: torch.device, dtype: torch.dtype, timer: Timer) -> Rates:
    """Best of several runs of each."""
    side = _MATRIX_SIDE[device.type]
    first, second = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    product = torch.empty_like(first)
    source = torch.zeros(_COPY_BYTES[device.type], dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    multiply_s = min(timer.burst(lambda: torch.mm(first, second, out=product), _REPEATS))
    copy_s = min(timer.burst(lambda: target.copy_(source), _REPEATS))
    return Rates(2 * side**3 / multiply_s, 2 * source.numel() / copy_s)


def floor_of(folded: FoldedGIFNet, size: tuple[int, int], dtype: torch.dtype, rates: Rates) -> Floor:
    """Least time of one frame of the network on this machine."""
    pixels = size[0] * size[1]
    operations = 2.0 * multiply_adds(folded) * pixels
    moved = float(bytes_per_pixel(folded, dtype) * pixels)
    least_s = max(operations / rates.operations_per_s, moved / rates.bytes_per_s)
    return Floor(operations, moved, least_s * 1000)


def multiply_adds(folded: FoldedGIFNet) -> int:
    """Multiplications with an addition that each pixel needs, from the shapes of the folded layers."""
    convolutions = (*folded.encoder, folded.embed, folded.mix_interaction, *folded.picture)
    layers = sum(layer.weight.numel() for layer in convolutions) + folded.mix_features.numel()
    return layers + sum(_of_block(block) for block in folded.blocks)


def bytes_per_pixel(folded: FoldedGIFNet, dtype: torch.dtype) -> int:
    """Bytes that even a perfect program moves through memory.

    Both pictures in and one out, and every map that must be whole before its next reader can begin, written
    and read once: the shared features, which the end of the network reads again, and what enters a block,
    whose mean and variance are those of the whole map.
    """
    channels = folded.mix_features.shape[0]
    sides = sum(1 if block.other is None else 2 for block in folded.blocks)
    size = torch.empty((), dtype=dtype).element_size()
    return size * (3 + 2 * channels * (1 + sides))


def _of_block(block: FoldedBlock) -> int:
    sides = [block.main] if block.other is None else [block.main, block.other]
    channels = block.main.project.weight.shape[0]
    attention = 2 * block.window_px**2 * channels
    return sum(_of_side(side) + attention for side in sides)


def _of_side(side: FoldedSide) -> int:
    layers = (side.query_key_value, side.depthwise, side.project, side.mlp_in, side.mlp_out)
    return sum(layer.weight.numel() for layer in layers)
