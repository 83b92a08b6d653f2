"""Three 3x3 layers as one kernel: a program computes a tile, and around it what the layers behind need.

Results of the first layers that several programs need are computed by each of them, in memory of its own.
"""

from __future__ import annotations

import triton
import triton.language as tl

from gifnet.gpu.addressing import start_of
from gifnet.gpu.convolution import add_taps


@triton.jit
def _places(start, top, left, height, width, MARGIN: tl.constexpr, ROWS: tl.constexpr,
            COLUMNS: tl.constexpr, PIXELS: tl.constexpr):  # fmt: skip
    """Row and column in the map of PIXELS pixels from `start` on, of a tile with a margin around it.

    Third, whether each is a pixel of the map and of the tile; those that are not are held inside both.
    """
    HIGH: tl.constexpr = ROWS + 2 * MARGIN
    WIDE: tl.constexpr = COLUMNS + 2 * MARGIN
    cells = start + tl.arange(0, PIXELS)
    row, column = top - MARGIN + cells // WIDE, left - MARGIN + cells % WIDE
    is_inside = (cells < HIGH * WIDE) & (row >= 0) & (row < height) & (column >= 0) & (column < width)
    row, column = tl.minimum(row, top + ROWS - 1 + MARGIN), tl.minimum(column, width - 1)
    return tl.maximum(tl.minimum(row, height - 1), 0), tl.maximum(column, 0), is_inside


@triton.jit
def _finished(total, bias, BLOCK: tl.constexpr):
    return tl.maximum(total + tl.load(bias + tl.arange(0, BLOCK))[None, :], 0.0)


@triton.jit
def _store(maps, place, total, is_inside, START: tl.constexpr, CHANNELS: tl.constexpr):
    BLOCK: tl.constexpr = total.shape[1]
    columns = START + tl.arange(0, BLOCK)
    tl.store(
        maps + place[:, None] * CHANNELS + columns[None, :],
        total.to(maps.dtype.element_ty),
        mask=is_inside[:, None],
    )


@triton.jit
def _of_tile(is_inside, row, column, top, left, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """Mask of the pixels that are the tile's own, and not of its margin."""
    return is_inside & (row >= top) & (row < top + ROWS) & (column >= left) & (column < left + COLUMNS)


@triton.jit
def encode(
    features, scratch, weight_a, weight_b, weight_c, bias_a, bias_b, bias_c,
    height, width, tile_columns,
    GROWTH: tl.constexpr, PICTURES: tl.constexpr, CHANNELS: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, PIXELS: tl.constexpr,
):  # fmt: skip
    """The encoder's three dense layers on [B, H, W, CHANNELS], whose last channels hold the pictures.

    Grid: (tiles of ROWS x COLUMNS pixels, B). Weights as `convolve` takes them; `scratch` [B, tiles,
    ROWS + 4, COLUMNS + 4, 2 * GROWTH] belongs to the kernel.
    """
    tile, image = tl.program_id(0), tl.program_id(1)
    top, left = (tile // tile_columns) * ROWS, (tile % tile_columns) * COLUMNS
    PITCH: tl.constexpr = COLUMNS + 4
    OWN: tl.constexpr = CHANNELS - PICTURES
    WIDE: tl.constexpr = 2 * GROWTH
    features = start_of(features, image, height, width, CHANNELS)
    scratch = start_of(scratch, image * tl.num_programs(0) + tile, ROWS + 4, PITCH, WIDE)
    # So that rows and columns of the map address it.
    scratch -= ((top - 2) * PITCH + left - 2) * WIDE

    for start in range(0, (ROWS + 4) * PITCH, PIXELS):
        row, column, is_inside = _places(start, top, left, height, width, 2, ROWS, COLUMNS, PIXELS)
        total = tl.zeros((PIXELS, GROWTH), tl.float32)
        total = add_taps(
            total, features, row, column, weight_a, height, width, height, width, width,
            CHANNELS, PICTURES, OWN, 0, OWN,
        )  # fmt: skip
        total = _finished(total, bias_a, GROWTH)
        _store(scratch, row * PITCH + column, total, is_inside, 0, WIDE)
        is_own = _of_tile(is_inside, row, column, top, left, ROWS, COLUMNS)
        _store(features, row * width + column, total, is_own, 0, CHANNELS)
    tl.debug_barrier()
    for start in range(0, (ROWS + 2) * (COLUMNS + 2), PIXELS):
        row, column, is_inside = _places(start, top, left, height, width, 1, ROWS, COLUMNS, PIXELS)
        total = tl.zeros((PIXELS, GROWTH), tl.float32)
        total = add_taps(
            total, scratch, row, column, weight_b, height, width, height, width, PITCH,
            WIDE, 0, GROWTH, 0, GROWTH + OWN,
        )  # fmt: skip
        total = add_taps(
            total, features, row, column, weight_b, height, width, height, width, width,
            CHANNELS, PICTURES, OWN, GROWTH, GROWTH + OWN,
        )  # fmt: skip
        total = _finished(total, bias_b, GROWTH)
        _store(scratch, row * PITCH + column, total, is_inside, GROWTH, WIDE)
        is_own = _of_tile(is_inside, row, column, top, left, ROWS, COLUMNS)
        _store(features, row * width + column, total, is_own, GROWTH, CHANNELS)
    tl.debug_barrier()
    for start in range(0, ROWS * COLUMNS, PIXELS):
        row, column, is_inside = _places(start, top, left, height, width, 0, ROWS, COLUMNS, PIXELS)
        total = tl.zeros((PIXELS, GROWTH), tl.float32)
        total = add_taps(
            total, scratch, row, column, weight_c, height, width, height, width, PITCH,
            WIDE, 0, WIDE, 0, WIDE + OWN,
        )  # fmt: skip
        total = add_taps(
            total, features, row, column, weight_c, height, width, height, width, width,
            CHANNELS, PICTURES, OWN, WIDE, WIDE + OWN,
        )  # fmt: skip
        _store(features, row * width + column, _finished(total, bias_c, GROWTH), is_inside, WIDE, CHANNELS)


@triton.jit
def draw(
    source, scratch_a, scratch_b, out, weight_a, weight_b, weight_c, bias_a, bias_b, bias_c,
    height, width, tile_columns,
    CHANNELS: tl.constexpr, A: tl.constexpr, B: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, PIXELS: tl.constexpr,
):  # fmt: skip
    """The picture decoder's last three layers, from [B, H, W, CHANNELS] to a picture [B, H, W].

    A and B channels lie between them. Grid, weights and scratch as of `encode`: `scratch_a` [B, tiles,
    ROWS + 4, COLUMNS + 4, A], `scratch_b` [B, tiles, ROWS + 2, COLUMNS + 2, B]. The picture is
    tanh(x)/2 + 1/2 of the last layer's first column.
    """
    tile, image = tl.program_id(0), tl.program_id(1)
    top, left = (tile // tile_columns) * ROWS, (tile % tile_columns) * COLUMNS
    PITCH_A: tl.constexpr = COLUMNS + 4
    PITCH_B: tl.constexpr = COLUMNS + 2
    source = start_of(source, image, height, width, CHANNELS)
    one = image * tl.num_programs(0) + tile
    scratch_a = start_of(scratch_a, one, ROWS + 4, PITCH_A, A) - ((top - 2) * PITCH_A + left - 2) * A
    scratch_b = start_of(scratch_b, one, ROWS + 2, PITCH_B, B) - ((top - 1) * PITCH_B + left - 1) * B

    for start in range(0, (ROWS + 4) * PITCH_A, PIXELS):
        row, column, is_inside = _places(start, top, left, height, width, 2, ROWS, COLUMNS, PIXELS)
        total = add_taps(
            tl.zeros((PIXELS, A), tl.float32), source, row, column, weight_a,
            height, width, height, width, width, CHANNELS, 0, CHANNELS, 0, CHANNELS,
        )  # fmt: skip
        _store(scratch_a, row * PITCH_A + column, _finished(total, bias_a, A), is_inside, 0, A)
    tl.debug_barrier()
    for start in range(0, (ROWS + 2) * PITCH_B, PIXELS):
        row, column, is_inside = _places(start, top, left, height, width, 1, ROWS, COLUMNS, PIXELS)
        total = add_taps(
            tl.zeros((PIXELS, B), tl.float32), scratch_a, row, column, weight_b,
            height, width, height, width, PITCH_A, A, 0, A, 0, A,
        )  # fmt: skip
        _store(scratch_b, row * PITCH_B + column, _finished(total, bias_b, B), is_inside, 0, B)
    tl.debug_barrier()
    for start in range(0, ROWS * COLUMNS, PIXELS):
        row, column, is_inside = _places(start, top, left, height, width, 0, ROWS, COLUMNS, PIXELS)
        total = add_taps(
            tl.zeros((PIXELS, 16), tl.float32), scratch_b, row, column, weight_c,
            height, width, height, width, PITCH_B, B, 0, B, 0, B,
        )  # fmt: skip
        columns = tl.arange(0, 16)
        total = tl.sigmoid(2.0 * (total + tl.load(bias_c + columns)[None, :]))
        picture = tl.sum(tl.where(columns[None, :] == 0, total, 0.0), axis=1)
        tl.store(out + image.to(tl.int64) * height * width + row * width + column, picture, mask=is_inside)
