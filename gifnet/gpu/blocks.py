"""Starts of a transformer block's kernels, in both forms."""

from __future__ import annotations

import torch
from torch import Tensor

from gifnet.gpu import launch
from gifnet.gpu.attention import attend
from gifnet.gpu.chain import chain
from gifnet.gpu.depthwise import add_local
from gifnet.gpu.launch import Machine
from gifnet.gpu.layers import partials_for
from gifnet.gpu.packing import PackedBlock
from gifnet.gpu.padding import CHANNELS, HEAD, HEAD_CHANNELS, HIDDEN, WIDTH
from gifnet.gpu.side import finish
from gifnet.gpu.windows import attend_many

TILE_PX = 8
"""Side of the square that a program of `finish` computes."""
HIDDEN_CHUNK, HIDDEN_TAIL = 64, 16
STRIP_ROWS, STRIP_COLUMNS = 4, 16
"""Pixels that a program of `add_local` computes."""
WINDOWS = 1
"""Windows that `attend_many` takes at once: each more of them multiplies what attention costs."""
CHAINS = ((128, 168 * 1024), (64, 152 * 1024))
"""Pixels that a program of `chain` takes at once, and the shared memory of them and the weights together."""


def attend_today(
    block: PackedBlock, sides: Tensor, moments: Tensor, values: Tensor, attended: Tensor
) -> None:
    """Start `attend`: all heads and sides of one window a program."""
    _, images, height, width, _ = sides.shape
    rows, columns = _windows(block, height, width)
    launch.start(
        attend, (rows * columns, images),
        sides, block.attention, block.attention_vectors, block.position, moments, values, attended,
        height, width, columns, images, block.eps,
        SIDES=block.sides, SHIFT=block.shift_px, SIDE=block.window_px, CHANNELS=CHANNELS, INPUTS=WIDTH,
        HEADS=block.position.shape[0], HEAD=HEAD, HEAD_CHANNELS=HEAD_CHANNELS, num_warps=4, num_stages=1,
    )  # fmt: skip


def attend_fused(
    block: PackedBlock, sides: Tensor, moments: Tensor, values: Tensor, attended: Tensor, machine: Machine
) -> None:
    """Start `attend_many`: two programs a multiprocessor, each with its head and side."""
    _, images, height, width, _ = sides.shape
    rows, columns = _windows(block, height, width)
    heads = block.position.shape[0]
    groups = -(-rows * columns // WINDOWS)
    programs = max(1, 2 * machine.multiprocessors // (images * block.sides * heads))
    launch.start(
        attend_many, (min(programs, groups), images, block.sides * heads),
        sides, block.attention, block.attention_vectors, block.position, moments, values, attended,
        height, width, rows * columns, columns, images, block.eps,
        WINDOWS=WINDOWS, HEADS=heads, SHIFT=block.shift_px, SIDE=block.window_px,
        SHARED_QUERY=block.sides > 1, CHANNELS=CHANNELS, INPUTS=WIDTH, HEAD=HEAD,
        HEAD_CHANNELS=HEAD_CHANNELS, num_warps=4, num_stages=1,
    )  # fmt: skip


def finish_today(
    block: PackedBlock, sides: Tensor, moments: Tensor, values: Tensor, attended: Tensor
) -> Tensor:
    """Start `finish`: everything behind attention in one pass; returns its partial sums."""
    _, images, height, width, _ = sides.shape
    rows, columns = -(-height // TILE_PX), -(-width // TILE_PX)
    partials = partials_for(sides.device, 1, images, rows * columns)
    launch.start(
        finish, (rows * columns, images),
        sides, values, attended, block.depthwise, block.project, block.enter, block.enter_bias,
        block.leave, block.vectors, moments, block.gate, partials,
        height, width, columns, images, block.eps,
        SIDES=block.sides, TILE=TILE_PX, TAPS=5, CHANNELS=CHANNELS, WIDTH=WIDTH,
        HIDDEN=HIDDEN, CHUNK=HIDDEN_CHUNK, TAIL=HIDDEN_TAIL, num_warps=8, num_stages=1,
    )  # fmt: skip
    return partials


def finish_fused(
    block: PackedBlock, sides: Tensor, moments: Tensor, values: Tensor, attended: Tensor, machine: Machine
) -> Tensor:
    """Start `add_local`, then `chain` for each side, the main one last; returns its partial sums."""
    _, images, height, width, _ = sides.shape
    columns = -(-width // STRIP_COLUMNS)
    launch.start(
        add_local, (-(-height // STRIP_ROWS) * columns, images, block.sides),
        values, attended, block.depthwise, block.vectors, height, width, columns, images,
        COLUMNS=STRIP_COLUMNS, CHANNELS=CHANNELS, WIDTH=WIDTH, num_warps=4,
    )  # fmt: skip
    for side in range(1, block.sides):
        # Into the memory of its local values, which are no longer needed.
        _start_chain(block, side, sides, moments, attended, attended[side], machine)
    return _start_chain(block, 0, sides, moments, attended, sides[0], machine)


def _start_chain(
    block: PackedBlock,
    side: int,
    sides: Tensor,
    moments: Tensor,
    local: Tensor,
    out: Tensor,
    machine: Machine,
) -> Tensor:
    _, images, height, width, _ = sides.shape
    own = block.chain
    fitting = [pixels for pixels, needed in CHAINS if needed <= machine.shared_bytes]
    pixels = fitting[0] if fitting else CHAINS[-1][0]
    programs = min(max(1, machine.multiprocessors // images), -(-height * width // pixels))
    partials = partials_for(sides.device, 1, images, programs)
    launch.start(
        chain, (programs, images),
        sides, local, local[-1], out, own.project, own.enter, own.leave, block.vectors, moments, block.gate,
        partials, height * width, images, block.eps,
        SIDE=side, GATED=side > 0, OTHER=side == 0 and block.sides > 1, RESIDENT=bool(fitting),
        PIXELS=pixels, CHANNELS=CHANNELS, WIDTH=WIDTH, HIDDEN=HIDDEN, num_warps=8, num_stages=1,
    )  # fmt: skip
    return partials


def _windows(block: PackedBlock, height: int, width: int) -> tuple[int, int]:
    """Rows and columns of windows over a map."""
    shift, window = block.shift_px, block.window_px
    return -(-(height + shift) // window), -(-(width + shift) // window)


def emptied(sides: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Memory for values, and for what they are after attention."""
    return torch.empty_like(sides[:count]), torch.empty_like(sides[:count])
