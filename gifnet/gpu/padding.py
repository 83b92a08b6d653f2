"""Sizes that tensor cores take, and zeros up to them."""

from __future__ import annotations

from torch import Tensor

CHANNELS = 112
"""Stored channels of a map: 98 and zeros."""
HEAD_CHANNELS = CHANNELS // 2
"""Stored channels of an attention head: 49 and zeros."""
HEAD = 64
"""Channels of a head inside a kernel; Triton's tiles have powers of two."""
WIDTH = 128
"""Channels of a map inside a kernel."""
HIDDEN = 208
"""Hidden units of the feed-forward layers: 196 and zeros."""


def by_head(values: Tensor, heads: int) -> Tensor:
    """[C, ...] with each head's part grown to HEAD_CHANNELS."""
    cut = values.reshape(heads, -1, *values.shape[1:])
    return grown(cut, heads, HEAD_CHANNELS, *values.shape[1:]).flatten(0, 1)


def grown(values: Tensor, *shape: int) -> Tensor:
    """Zeros of a shape with the values in their first corner."""
    result = values.new_zeros(shape)
    result[tuple(slice(size) for size in values.shape)] = values
    return result
