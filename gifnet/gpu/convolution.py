"""3x3 convolution as a sum of matrix products, one for each tap and slice of the channels."""

from __future__ import annotations

import triton
import triton.language as tl

from gifnet.gpu.addressing import reflect, start_of


@triton.jit
def _add_slice(total, source, weight, START: tl.constexpr, WIDTH: tl.constexpr, ROW: tl.constexpr):
    """`total + source[:, START:START + WIDTH] @ weight[ROW:ROW + WIDTH]`; source are pointers to pixels."""
    BLOCK: tl.constexpr = total.shape[1]
    channels = tl.arange(0, WIDTH)
    pixels = tl.load(source[:, None] + START + channels[None, :])
    columns = tl.arange(0, BLOCK)
    weights = tl.load(weight + (ROW + channels[:, None]) * BLOCK + columns[None, :])
    return tl.dot(pixels, weights, total)


@triton.jit
def add_taps(
    total, source, row, column, weight, height, width, domain_height, domain_width, pitch,
    CHANNELS: tl.constexpr, START: tl.constexpr, WIDTH: tl.constexpr, ROW: tl.constexpr, INPUTS: tl.constexpr,
):  # fmt: skip
    """`_add_slice` for the nine pixels around each. A loop of its own for each slice takes little memory.

    Rows of the source lie `pitch` pixels apart.
    """
    BLOCK: tl.constexpr = total.shape[1]
    for tap in range(9):
        from_row = reflect(reflect(row + tap // 3 - 1, domain_height), height)
        from_column = reflect(reflect(column + tap % 3 - 1, domain_width), width)
        place = source + (from_row * pitch + from_column) * CHANNELS
        total = _add_slice(total, place, weight + tap * INPUTS * BLOCK, START, WIDTH, ROW)
    return total


@triton.jit
def convolve(
    source, centre, weight, centre_weight, bias, out, partials,
    height, width, domain_height, domain_width, out_height, out_width, images,
    CHANNELS: tl.constexpr,
    A: tl.constexpr, A_WIDTH: tl.constexpr, B: tl.constexpr, B_WIDTH: tl.constexpr,
    C: tl.constexpr, C_WIDTH: tl.constexpr,
    OUTPUTS: tl.constexpr, OUT_START: tl.constexpr, OUT_CHANNELS: tl.constexpr,
    RELU: tl.constexpr, PICTURE: tl.constexpr, CENTRE: tl.constexpr, STATISTICS: tl.constexpr,
    PIXELS: tl.constexpr, BLOCK: tl.constexpr, JOINED: tl.constexpr = 1,
):  # fmt: skip
    """Convolve [B, height, width, CHANNELS] to `out[..., OUT_START:OUT_START + OUTPUTS]`.

    The source is first reflected to `domain_height` by `domain_width`, whose border is reflected again; what
    comes out is its upper left part. Grid: (blocks of PIXELS, B, layers); layers are stacked in `weight`
    [layers, 9, inputs, BLOCK], `bias` [layers, BLOCK] and `out` [layers, B, out_height, out_width,
    OUT_CHANNELS]. With CENTRE, the pixels of a second map of as many channels are multiplied by
    `centre_weight` [inputs, BLOCK] and added, all three slices. With PICTURE, the result is tanh(x)/2 + 1/2.
    With STATISTICS, each program leaves the sum of its numbers and of their squares in `partials` [layers, B,
    blocks, 2]. JOINED layers are computed by one program, which reads their input once: their columns lie
    beside each other in a layer of the weights, BLOCK together; `out` and `partials` keep them apart.
    """
    block, image, layer = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    pixels = block * PIXELS + tl.arange(0, PIXELS)
    is_inside = pixels < out_height * out_width
    pixels = tl.minimum(pixels, out_height * out_width - 1)
    row, column = pixels // out_width, pixels % out_width
    source = start_of(source, image, height, width, CHANNELS)
    INPUTS: tl.constexpr = A_WIDTH + B_WIDTH + C_WIDTH
    weight += layer * 9 * INPUTS * BLOCK

    total = tl.zeros((PIXELS, BLOCK), tl.float32)
    total = add_taps(
        total, source, row, column, weight, height, width, domain_height, domain_width, width,
        CHANNELS, A, A_WIDTH, 0, INPUTS,
    )  # fmt: skip
    if B_WIDTH > 0:
        total = add_taps(
            total, source, row, column, weight, height, width, domain_height, domain_width, width,
            CHANNELS, B, B_WIDTH, A_WIDTH, INPUTS,
        )  # fmt: skip
    if C_WIDTH > 0:
        total = add_taps(
            total, source, row, column, weight, height, width, domain_height, domain_width, width,
            CHANNELS, C, C_WIDTH, A_WIDTH + B_WIDTH, INPUTS,
        )  # fmt: skip
    if CENTRE:
        pixel = start_of(centre, image, out_height, out_width, CHANNELS) + pixels * CHANNELS
        total = _add_slice(total, pixel, centre_weight, A, A_WIDTH, 0)
        total = _add_slice(total, pixel, centre_weight, B, B_WIDTH, A_WIDTH)
        total = _add_slice(total, pixel, centre_weight, C, C_WIDTH, A_WIDTH + B_WIDTH)

    columns = tl.arange(0, BLOCK)
    total += tl.load(bias + layer * BLOCK + columns)[None, :]
    if RELU:
        total = tl.maximum(total, 0.0)
    if PICTURE:
        total = tl.sigmoid(2.0 * total)  # tanh(x)/2 + 1/2
    OWN: tl.constexpr = BLOCK // JOINED
    member, column = columns // OWN, columns % OWN
    if STATISTICS:
        for joined in tl.static_range(JOINED):
            kept = tl.where(is_inside[:, None] & (member[None, :] == joined), total, 0.0)
            place = (((layer * JOINED + joined) * images + image) * tl.num_programs(0) + block) * 2
            tl.store(partials + place, tl.sum(kept))
            tl.store(partials + place + 1, tl.sum(kept * kept))
    out = start_of(out, layer * JOINED * images + image, out_height, out_width, OUT_CHANNELS)
    between = member.to(tl.int64) * images * out_height * out_width * OUT_CHANNELS
    tl.store(
        out + (between + OUT_START + column)[None, :] + pixels[:, None] * OUT_CHANNELS,
        total.to(out.dtype.element_ty),
        mask=is_inside[:, None] & (column[None, :] < OUTPUTS),
    )
