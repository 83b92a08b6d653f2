"""Everything behind attention in a transformer block, in one pass over the map."""

from __future__ import annotations

import triton
import triton.language as tl

from gifnet.gpu.addressing import load_pixels, reflect, start_of


@triton.jit
def _vector(vectors, index, columns, WIDTH: tl.constexpr):
    return tl.load(vectors + index * WIDTH + columns)[None, :]


@triton.jit
def _local(values, attended, depthwise, vectors, row, column, place, height, width,
           CHANNELS: tl.constexpr, WIDTH: tl.constexpr, TAPS: tl.constexpr):  # fmt: skip
    """Depth-wise convolution of the values, with attention added: [pixels, WIDTH] float32."""
    columns = tl.arange(0, WIDTH)
    total = load_pixels(attended, place, columns, CHANNELS).to(tl.float32) + _vector(
        vectors, 0, columns, WIDTH
    )
    for tap in range(TAPS * TAPS):
        from_row = reflect(row + tap // TAPS - TAPS // 2, height)
        from_column = reflect(column + tap % TAPS - TAPS // 2, width)
        value = load_pixels(values, from_row * width + from_column, columns, CHANNELS)
        total += value.to(tl.float32) * tl.load(depthwise + tap * WIDTH + columns)[None, :]
    return total


@triton.jit
def _feed_forward(rows, enter, enter_bias, leave, start, CHUNK: tl.constexpr,
                  WIDTH: tl.constexpr, HIDDEN: tl.constexpr):  # fmt: skip
    """Part of the feed-forward layers that passes hidden units start..start + CHUNK: [pixels, WIDTH]."""
    columns, units = tl.arange(0, WIDTH), start + tl.arange(0, CHUNK)
    enter_weight = tl.load(enter + columns[:, None] * HIDDEN + units[None, :])
    hidden = tl.maximum(tl.dot(rows, enter_weight) + tl.load(enter_bias + units)[None, :], 0.0)
    leave_weight = tl.load(leave + units[:, None] * WIDTH + columns[None, :])
    return tl.dot(hidden.to(rows.dtype), leave_weight)


@triton.jit
def finish(
    features, values, attended, depthwise, project, enter, enter_bias, leave, vectors,
    moments, gate, partials,
    height, width, tile_columns, images, eps,
    SIDES: tl.constexpr, TILE: tl.constexpr, TAPS: tl.constexpr,
    CHANNELS: tl.constexpr, WIDTH: tl.constexpr, HIDDEN: tl.constexpr,
    CHUNK: tl.constexpr, TAIL: tl.constexpr,
):  # fmt: skip
    """Replace the main side's features by those after the block; with SIDES = 2, the gated other side's too.

    Grid: (tiles of TILE x TILE pixels, B). Maps are [SIDES, B, H, W, CHANNELS]. Weights have a side first:
    `depthwise` [TAPS**2, WIDTH] and `vectors` [7, WIDTH] float32, `project` [WIDTH, WIDTH], `enter` [WIDTH,
    HIDDEN], `enter_bias` [HIDDEN] float32, `leave` [HIDDEN, WIDTH]. The vectors are the bias of the
    depth-wise convolution, weight and bias of the norm's scale, the same of its shift, the bias of the
    projection and of the feed-forward layers. Each program leaves the sum of its numbers and of their squares
    in `partials` [B, tiles, 2].
    """
    tile, image = tl.program_id(0), tl.program_id(1)
    cells = tl.arange(0, TILE * TILE)
    row, column = (tile // tile_columns) * TILE + cells // TILE, (tile % tile_columns) * TILE + cells % TILE
    is_inside = (row < height) & (column < width)
    row, column = tl.minimum(row, height - 1), tl.minimum(column, width - 1)
    place = row * width + column
    columns = tl.arange(0, WIDTH)

    total = tl.zeros((TILE * TILE, WIDTH), tl.float32)
    for side in range(SIDES):
        index = side * images + image
        own = vectors + side * 7 * WIDTH
        local = _local(
            start_of(values, index, height, width, CHANNELS),
            start_of(attended, index, height, width, CHANNELS),
            depthwise + side * TAPS * TAPS * WIDTH, own, row, column, place, height, width,
            CHANNELS, WIDTH, TAPS,
        )  # fmt: skip
        mean, std = tl.load(moments + index * 2), tl.sqrt(tl.load(moments + index * 2 + 1) + eps)
        scale = _vector(own, 1, columns, WIDTH) * std + _vector(own, 2, columns, WIDTH)
        shift = _vector(own, 3, columns, WIDTH) * mean + _vector(own, 4, columns, WIDTH)
        own_features = start_of(features, index, height, width, CHANNELS)
        pixels = load_pixels(own_features, place, columns, CHANNELS)
        weight = tl.load(project + side * WIDTH * WIDTH + columns[:, None] * WIDTH + columns[None, :])
        projected = tl.dot(local.to(pixels.dtype), weight) + _vector(own, 5, columns, WIDTH)
        rows = pixels.to(tl.float32) + projected * scale + shift
        narrow = rows.to(pixels.dtype)
        rows += _vector(own, 6, columns, WIDTH)
        in_weight, out_weight = enter + side * WIDTH * HIDDEN, leave + side * HIDDEN * WIDTH
        in_bias = enter_bias + side * HIDDEN
        for start in range(0, HIDDEN - TAIL, CHUNK):
            rows += _feed_forward(narrow, in_weight, in_bias, out_weight, start, CHUNK, WIDTH, HIDDEN)
        if TAIL > 0:
            rows += _feed_forward(narrow, in_weight, in_bias, out_weight, HIDDEN - TAIL, TAIL, WIDTH, HIDDEN)
        total += tl.where(side == 0, 1.0, tl.load(gate)) * rows

    kept = tl.where(is_inside[:, None], total, 0.0)
    partial = partials + (image * tl.num_programs(0) + tile) * 2
    tl.store(partial, tl.sum(kept))
    tl.store(partial + 1, tl.sum(kept * kept))
    tl.store(
        start_of(features, image, height, width, CHANNELS) + place[:, None] * CHANNELS + columns[None, :],
        total.to(features.dtype.element_ty),
        mask=is_inside[:, None] & (columns[None, :] < CHANNELS),
    )
