"""Window attention from features to attended values, one window a program; queries never leave it."""

from __future__ import annotations

import triton
import triton.language as tl

from gifnet.gpu.addressing import load_pixels, reflect, start_of


@triton.jit
def _project(pixels, weight, vectors, kind, inverse_std, mean, INPUTS: tl.constexpr, HEAD: tl.constexpr):
    """Normalise and project: `inverse_std (x W - mean sum(W)) + b`, [pixels, HEAD].

    `weight` [3, INPUTS, HEAD] and `vectors` [3, 2, HEAD], the sums of W and b, of one head.
    """
    rows, columns = tl.arange(0, INPUTS), tl.arange(0, HEAD)
    weights = tl.load(weight + kind * INPUTS * HEAD + rows[:, None] * HEAD + columns[None, :])
    sums = tl.load(vectors + kind * 2 * HEAD + columns)
    bias = tl.load(vectors + (kind * 2 + 1) * HEAD + columns)
    projected = inverse_std * (tl.dot(pixels, weights) - mean * sums[None, :]) + bias[None, :]
    return projected.to(pixels.dtype)


@triton.jit
def _inverse_std(moments, image, eps):
    return tl.load(moments + image * 2), 1.0 / tl.sqrt(tl.load(moments + image * 2 + 1) + eps)


@triton.jit
def _attend_head(query, key, value, position, WINDOW: tl.constexpr):
    """[WINDOW, HEAD] of one head; `position` [WINDOW, WINDOW] is the bias of each pair of pixels."""
    rows = tl.arange(0, WINDOW)
    bias = tl.load(position + rows[:, None] * WINDOW + rows[None, :])
    scores = tl.dot(query, tl.trans(key)) + bias
    scores = tl.exp(scores - tl.max(scores, axis=1)[:, None])
    weights = scores / tl.sum(scores, axis=1)[:, None]
    return tl.dot(weights.to(value.dtype), value)


@triton.jit
def attend(
    features, weight, vectors, position, moments, values, attended,
    height, width, window_columns, images, eps,
    SIDES: tl.constexpr, SHIFT: tl.constexpr, SIDE: tl.constexpr,
    CHANNELS: tl.constexpr, INPUTS: tl.constexpr, HEADS: tl.constexpr, HEAD: tl.constexpr,
    HEAD_CHANNELS: tl.constexpr,
):  # fmt: skip
    """Values and what they are after attention, of the main side and, with SIDES = 2, of the other one.

    The other side is asked by the main side's queries. Grid: (windows, B). Maps `features`, `values` and
    `attended` are [SIDES, B, H, W, CHANNELS]; heads lie HEAD_CHANNELS apart in the last two. Windows of
    SIDE x SIDE pixels begin SHIFT pixels outside the map, which is reflected there.

    `weight` [SIDES, HEADS, 3, INPUTS, HEAD] and `vectors` [SIDES, HEADS, 3, 2, HEAD] hold query, key and
    value; `position` [HEADS, SIDE**2, SIDE**2] float32; `moments` [SIDES, B, 2] mean and variance.
    """
    window, image = tl.program_id(0), tl.program_id(1)
    WINDOW: tl.constexpr = SIDE * SIDE
    cells = tl.arange(0, WINDOW)
    row = (window // window_columns) * SIDE - SHIFT + cells // SIDE
    column = (window % window_columns) * SIDE - SHIFT + cells % SIDE
    is_inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    place = reflect(row, height) * width + reflect(column, width)
    inputs, columns = tl.arange(0, INPUTS), tl.arange(0, HEAD)
    is_kept = is_inside[:, None] & (columns[None, :] < HEAD_CHANNELS)

    for head in range(HEADS):
        query = tl.zeros((WINDOW, HEAD), features.dtype.element_ty)
        for side in tl.static_range(SIDES):
            index = side * images + image
            maps = start_of(features, index, height, width, CHANNELS)
            pixels = load_pixels(maps, place, inputs, CHANNELS)
            mean, inverse_std = _inverse_std(moments, index, eps)
            of_head = weight + (side * HEADS + head) * 3 * INPUTS * HEAD
            its_vectors = vectors + (side * HEADS + head) * 6 * HEAD
            if side == 0:
                query = _project(pixels, of_head, its_vectors, 0, inverse_std, mean, INPUTS, HEAD)
            key = _project(pixels, of_head, its_vectors, 1, inverse_std, mean, INPUTS, HEAD)
            value = _project(pixels, of_head, its_vectors, 2, inverse_std, mean, INPUTS, HEAD)
            result = _attend_head(query, key, value, position + head * WINDOW * WINDOW, WINDOW)
            offset = place[:, None] * CHANNELS + head * HEAD_CHANNELS + columns[None, :]
            tl.store(start_of(values, index, height, width, CHANNELS) + offset, value, mask=is_kept)
            tl.store(
                start_of(attended, index, height, width, CHANNELS) + offset,
                result.to(pixels.dtype),
                mask=is_kept,
            )
