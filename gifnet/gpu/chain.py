"""Projection and feed-forward layers of a transformer block as one chain of products over many tiles."""

from __future__ import annotations

import triton
import triton.language as tl

from gifnet.gpu.addressing import load_pixels, start_of


@triton.jit
def _projection(
    project, vectors, mean, std, DTYPE: tl.constexpr, CHANNELS: tl.constexpr, WIDTH: tl.constexpr
):
    """Projection, the norm's scale behind it, and what is added then, as one weight [WIDTH, WIDTH].

    What is added stands in two rows behind the channels, rounded and the rest of it, for inputs that are 1.
    """
    rows, columns = tl.arange(0, WIDTH), tl.arange(0, WIDTH)
    scale = tl.load(vectors + WIDTH + columns) * std + tl.load(vectors + 2 * WIDTH + columns)
    shift = tl.load(vectors + 3 * WIDTH + columns) * mean + tl.load(vectors + 4 * WIDTH + columns)
    shift += tl.load(vectors + 5 * WIDTH + columns) * scale
    weight = tl.load(project + rows[:, None] * WIDTH + columns[None, :]) * scale[None, :]
    rounded = shift.to(DTYPE).to(tl.float32)
    weight = tl.where(rows[:, None] == CHANNELS, rounded[None, :], weight)
    return tl.where(rows[:, None] == CHANNELS + 1, (shift - rounded)[None, :], weight).to(DTYPE)


@triton.jit
def _enter(enter, START: tl.constexpr, CHUNK: tl.constexpr, WIDTH: tl.constexpr, HIDDEN: tl.constexpr):
    """Weight [WIDTH, CHUNK] to hidden units START..START + CHUNK."""
    rows, units = tl.arange(0, WIDTH), START + tl.arange(0, CHUNK)
    return tl.load(enter + rows[:, None] * HIDDEN + units[None, :])


@triton.jit
def _leave(leave, START: tl.constexpr, CHUNK: tl.constexpr, WIDTH: tl.constexpr):
    """Weight [CHUNK, WIDTH] from hidden units START..START + CHUNK."""
    units, columns = START + tl.arange(0, CHUNK), tl.arange(0, WIDTH)
    return tl.load(leave + units[:, None] * WIDTH + columns[None, :])


@triton.jit
def _pass(rows, narrow, enter, leave):
    """`rows` with what some hidden units add to them."""
    hidden = tl.maximum(tl.dot(narrow, enter), 0.0).to(narrow.dtype)
    return tl.dot(hidden, leave, rows)


@triton.jit
def chain(
    features, local, other, out, project, enter, leave, vectors, moments, gate, partials,
    pixels, images, eps,
    SIDE: tl.constexpr, GATED: tl.constexpr, OTHER: tl.constexpr, RESIDENT: tl.constexpr,
    PIXELS: tl.constexpr, CHANNELS: tl.constexpr, WIDTH: tl.constexpr, HIDDEN: tl.constexpr,
):  # fmt: skip
    """Replace `out` by the features behind the block: of one side, from features and local values.

    Grid: (programs, B); each program takes every so many tiles of PIXELS pixels, so that it reads the weights
    once where they are RESIDENT in shared memory, else from the caches for each tile. Maps `features` and
    `local` [sides, B, H * W, CHANNELS] are read at SIDE; `other` and `out` are [B, H * W, CHANNELS]. With
    GATED the result is multiplied by `gate`; with OTHER, `other` is added. Each program leaves the sum of its
    numbers and of their squares in `partials` [B, programs, 2].

    Weights have a side first: `project` [WIDTH, WIDTH] and `vectors` [7, WIDTH] float32, see `finish`;
    `enter` [WIDTH, HIDDEN] and `leave` [HIDDEN, WIDTH], which hold their biases for inputs that are 1, as
    channels from CHANNELS on are read. HIDDEN is 208: 128 + 64 + 16.
    """
    first, image = tl.program_id(0), tl.program_id(1)
    index = SIDE * images + image
    features = start_of(features, index, pixels, 1, CHANNELS)
    local = start_of(local, index, pixels, 1, CHANNELS)
    other, out = start_of(other, image, pixels, 1, CHANNELS), start_of(out, image, pixels, 1, CHANNELS)
    mean, std = tl.load(moments + index * 2), tl.sqrt(tl.load(moments + index * 2 + 1) + eps)
    project += SIDE * WIDTH * WIDTH
    vectors += SIDE * 7 * WIDTH
    enter += SIDE * WIDTH * HIDDEN
    leave += SIDE * HIDDEN * WIDTH
    columns = tl.arange(0, WIDTH)
    DTYPE: tl.constexpr = features.dtype.element_ty

    projection = _projection(project, vectors, mean, std, DTYPE, CHANNELS, WIDTH)
    if RESIDENT:
        enter_a, leave_a = _enter(enter, 0, 128, WIDTH, HIDDEN), _leave(leave, 0, 128, WIDTH)
        enter_b, leave_b = _enter(enter, 128, 64, WIDTH, HIDDEN), _leave(leave, 128, 64, WIDTH)
        enter_c, leave_c = _enter(enter, 192, 16, WIDTH, HIDDEN), _leave(leave, 192, 16, WIDTH)
    total = tl.zeros((PIXELS,), tl.float32)
    squares = tl.zeros((PIXELS,), tl.float32)
    for tile in range(first, tl.cdiv(pixels, PIXELS), tl.num_programs(0)):
        place = tile * PIXELS + tl.arange(0, PIXELS)
        is_inside = place < pixels
        place = tl.minimum(place, pixels - 1)
        rows = load_pixels(features, place, columns, CHANNELS, 1.0).to(tl.float32)
        rows = tl.dot(load_pixels(local, place, columns, CHANNELS, 1.0), projection, rows)
        narrow = rows.to(DTYPE)
        if RESIDENT:
            rows = _pass(rows, narrow, enter_a, leave_a)
            rows = _pass(rows, narrow, enter_b, leave_b)
            rows = _pass(rows, narrow, enter_c, leave_c)
        else:
            for start in range(0, 192, 64):
                units = tl.arange(0, 64)
                enter_chunk = tl.load(enter + columns[:, None] * HIDDEN + start + units[None, :])
                leave_chunk = tl.load(leave + (start + units[:, None]) * WIDTH + columns[None, :])
                rows = _pass(rows, narrow, enter_chunk, leave_chunk)
            rows = _pass(rows, narrow, _enter(enter, 192, 16, WIDTH, HIDDEN), _leave(leave, 192, 16, WIDTH))
        is_kept = is_inside[:, None] & (columns[None, :] < CHANNELS)
        if GATED:
            rows *= tl.load(gate)
        if OTHER:
            rows += load_pixels(other, place, columns, CHANNELS, 0.0).to(tl.float32)
        # Of what is stored, so that both need one change of layout, in 16 bits.
        stored = rows.to(DTYPE)
        kept = tl.where(is_kept, stored.to(tl.float32), 0.0)
        total += tl.sum(kept, axis=1)
        squares += tl.sum(kept * kept, axis=1)
        tl.store(out + place[:, None] * CHANNELS + columns[None, :], stored, mask=is_kept)
    tl.store(partials + (image * tl.num_programs(0) + first) * 2, tl.sum(total))
    tl.store(partials + (image * tl.num_programs(0) + first) * 2 + 1, tl.sum(squares))
