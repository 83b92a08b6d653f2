"""Addresses that kernels read: maps are [H, W, C] and reflect at their borders."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def reflect(index, length):
    """Mirror indices that lie up to `length - 1` outside 0..length-1, without repeating the border."""
    index = tl.abs(index)
    return tl.where(index < length, index, 2 * (length - 1) - index)


@triton.jit
def start_of(maps, image, height, width, CHANNELS: tl.constexpr):
    """Pointer to an image of [B, H, W, C]; 64 bits wide, since batches outgrow 32."""
    return maps + image.to(tl.int64) * height * width * CHANNELS


@triton.jit
def load_pixels(maps, place, columns, CHANNELS: tl.constexpr, BEYOND: tl.constexpr = 0.0):
    """Channels of pixels, [pixels, columns]; BEYOND in columns beyond the stored ones."""
    return tl.load(
        maps + place[:, None] * CHANNELS + columns[None, :], mask=columns[None, :] < CHANNELS, other=BEYOND
    )
