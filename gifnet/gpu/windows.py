"""Window attention of one head and side a program, over many windows, its weights read once."""

from __future__ import annotations

import triton
import triton.language as tl

from gifnet.gpu.addressing import load_pixels, reflect, start_of


@triton.jit
def _weight(weight, vectors, kind, mean, std, DTYPE: tl.constexpr, CHANNELS: tl.constexpr,
            INPUTS: tl.constexpr, HEAD: tl.constexpr):  # fmt: skip
    """Weight [INPUTS, HEAD] whose product is to be divided by `std`, mean and bias taken in.

    They stand in two rows behind the channels, rounded and the rest of it, for inputs that are 1.
    """
    rows, columns = tl.arange(0, INPUTS), tl.arange(0, HEAD)
    weights = tl.load(weight + kind * INPUTS * HEAD + rows[:, None] * HEAD + columns[None, :])
    added = tl.load(vectors + (kind * 2 + 1) * HEAD + columns) * std
    added -= tl.load(vectors + kind * 2 * HEAD + columns) * mean
    rounded = added.to(DTYPE)
    rest = (added - rounded.to(tl.float32)).to(DTYPE)
    weights = tl.where(rows[:, None] == CHANNELS, rounded[None, :], weights)
    return tl.where(rows[:, None] == CHANNELS + 1, rest[None, :], weights)


@triton.jit
def _moments(moments, index, eps):
    return tl.load(moments + index * 2), tl.sqrt(tl.load(moments + index * 2 + 1) + eps)


@triton.jit
def _project(pixels, weight, std):
    return (tl.dot(pixels, weight) * (1.0 / std)).to(pixels.dtype)


@triton.jit
def attend_many(
    features, weight, vectors, position, moments, values, attended,
    height, width, windows, window_columns, images, eps,
    WINDOWS: tl.constexpr, HEADS: tl.constexpr, SHIFT: tl.constexpr, SIDE: tl.constexpr,
    SHARED_QUERY: tl.constexpr,
    CHANNELS: tl.constexpr, INPUTS: tl.constexpr, HEAD: tl.constexpr, HEAD_CHANNELS: tl.constexpr,
):  # fmt: skip
    """As `attend`, whose arguments these are. Grid: (programs, B, sides * HEADS).

    A program takes every so many groups of WINDOWS windows, which share their products: scores between two
    windows count as minus infinity. With SHARED_QUERY, which means two sides, the main side's
    queries are computed again for the other one, so that a program needs one head of one side.
    """
    image, side, head = tl.program_id(1), tl.program_id(2) // HEADS, tl.program_id(2) % HEADS
    index = side * images + image
    mean, std = _moments(moments, index, eps)
    own, main = weight + (side * HEADS + head) * 3 * INPUTS * HEAD, weight + head * 3 * INPUTS * HEAD
    its_vectors, main_vectors = vectors + (side * HEADS + head) * 6 * HEAD, vectors + head * 6 * HEAD
    DTYPE: tl.constexpr = features.dtype.element_ty
    main_mean, main_std = _moments(moments, image, eps)
    query_weight = _weight(main, main_vectors, 0, main_mean, main_std, DTYPE, CHANNELS, INPUTS, HEAD)
    key_weight = _weight(own, its_vectors, 1, mean, std, DTYPE, CHANNELS, INPUTS, HEAD)
    value_weight = _weight(own, its_vectors, 2, mean, std, DTYPE, CHANNELS, INPUTS, HEAD)
    main_features = start_of(features, image, height, width, CHANNELS)
    features = start_of(features, index, height, width, CHANNELS)
    values = start_of(values, index, height, width, CHANNELS)
    attended = start_of(attended, index, height, width, CHANNELS)

    WINDOW: tl.constexpr = SIDE * SIDE
    cells, inputs, columns = tl.arange(0, WINDOWS * WINDOW), tl.arange(0, INPUTS), tl.arange(0, HEAD)
    asks, answers = cells[:, None], cells[None, :]
    position += head * WINDOW * WINDOW + asks % WINDOW * WINDOW + answers % WINDOW
    for group in range(tl.program_id(0), tl.cdiv(windows, WINDOWS), tl.num_programs(0)):
        window = group * WINDOWS + cells // WINDOW
        row = (window // window_columns) * SIDE - SHIFT + cells % WINDOW // SIDE
        column = (window % window_columns) * SIDE - SHIFT + cells % SIDE
        is_inside = (row >= 0) & (row < height) & (column >= 0) & (column < width) & (window < windows)
        # Of a group that lacks a window, places are held inside the map.
        place = tl.where(window < windows, reflect(row, height) * width + reflect(column, width), 0)
        pixels = load_pixels(features, place, inputs, CHANNELS, 1.0)
        key, value = _project(pixels, key_weight, std), _project(pixels, value_weight, std)
        if SHARED_QUERY:
            pixels = load_pixels(main_features, place, inputs, CHANNELS, 1.0)
        query = _project(pixels, query_weight, main_std)
        bias = tl.load(position, mask=asks // WINDOW == answers // WINDOW, other=-float("inf"))
        scores = tl.dot(query, tl.trans(key)) + bias
        scores = tl.exp(scores - tl.max(scores, axis=1)[:, None])
        result = tl.dot(scores.to(DTYPE), value) / tl.sum(scores, axis=1)[:, None]
        offset = place[:, None] * CHANNELS + head * HEAD_CHANNELS + columns[None, :]
        is_kept = is_inside[:, None] & (columns[None, :] < HEAD_CHANNELS)
        tl.store(values + offset, value, mask=is_kept)
        tl.store(attended + offset, result.to(DTYPE), mask=is_kept)
