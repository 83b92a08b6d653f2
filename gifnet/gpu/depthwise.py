"""Depth-wise 5x5 convolution added to what attention gave, as a pass of its own over four rows at once."""

from __future__ import annotations

import triton
import triton.language as tl

from gifnet.gpu.addressing import load_pixels, reflect, start_of


@triton.jit
def _add_row(total, value, weights, TAP: tl.constexpr):
    """`total` with a row's values by the weight of the kernel's row TAP, if the kernel has one."""
    if TAP >= 0 and TAP < 5:
        total += value * weights[TAP]
    return total


@triton.jit
def _add_bias(attended, place, columns, bias, CHANNELS: tl.constexpr):
    return load_pixels(attended, place, columns, CHANNELS).to(tl.float32) + bias


@triton.jit
def _store(attended, place, columns, total, is_inside, CHANNELS: tl.constexpr):
    tl.store(
        attended + place[:, None] * CHANNELS + columns[None, :],
        total.to(attended.dtype.element_ty),
        mask=is_inside[:, None] & (columns[None, :] < CHANNELS),
    )


@triton.jit
def add_local(
    values, attended, depthwise, vectors,
    height, width, strip_columns, images,
    COLUMNS: tl.constexpr, CHANNELS: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    """Add the convolution of `values`, and its bias, to `attended`, in place.

    Grid: (strips of 4 x COLUMNS pixels, B, sides). Maps are [sides, B, H, W, CHANNELS]; `depthwise` [sides,
    25, WIDTH] and `vectors` [sides, 7, WIDTH] float32, whose first one is the bias. A value that is loaded
    serves all four rows of the strip, and a weight all its columns. Sums are float32.
    """
    strip, image, side = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    row = (strip // strip_columns) * 4
    column = (strip % strip_columns) * COLUMNS + tl.arange(0, COLUMNS)
    is_inside = column < width
    column = tl.minimum(column, width - 1)
    columns = tl.arange(0, WIDTH)
    index = side * images + image
    values = start_of(values, index, height, width, CHANNELS)
    attended = start_of(attended, index, height, width, CHANNELS)
    bias = tl.load(vectors + side * 7 * WIDTH + columns)[None, :]

    last = height - 1
    first_place = row * width + column
    second_place = tl.minimum(row + 1, last) * width + column
    third_place = tl.minimum(row + 2, last) * width + column
    fourth_place = tl.minimum(row + 3, last) * width + column
    first = _add_bias(attended, first_place, columns, bias, CHANNELS)
    second = _add_bias(attended, second_place, columns, bias, CHANNELS)
    third = _add_bias(attended, third_place, columns, bias, CHANNELS)
    fourth = _add_bias(attended, fourth_place, columns, bias, CHANNELS)
    for tap in range(5):
        own = depthwise + (side * 25 + tap) * WIDTH + columns
        weights = (
            tl.load(own)[None, :],
            tl.load(own + 5 * WIDTH)[None, :],
            tl.load(own + 10 * WIDTH)[None, :],
            tl.load(own + 15 * WIDTH)[None, :],
            tl.load(own + 20 * WIDTH)[None, :],
        )
        from_column = reflect(column + tap - 2, width)
        for line in tl.static_range(8):
            # Rows beyond the map that no row of the map asks for are held inside it.
            from_row = tl.maximum(reflect(row + line - 2, height), 0)
            value = load_pixels(values, from_row * width + from_column, columns, CHANNELS).to(tl.float32)
            first = _add_row(first, value, weights, line)
            second = _add_row(second, value, weights, line - 1)
            third = _add_row(third, value, weights, line - 2)
            fourth = _add_row(fourth, value, weights, line - 3)

    _store(attended, first_place, columns, first, is_inside, CHANNELS)
    _store(attended, second_place, columns, second, is_inside & (row + 1 < height), CHANNELS)
    _store(attended, third_place, columns, third, is_inside & (row + 2 < height), CHANNELS)
    _store(attended, fourth_place, columns, fourth, is_inside & (row + 3 < height), CHANNELS)
