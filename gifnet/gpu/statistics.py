"""Mean and variance of a map from what each program that wrote it has summed up."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def reduce_moments(partials, moments, count, numbers, ROUNDS: tl.constexpr, BLOCK: tl.constexpr):
    """Grid: (maps,). `partials` [maps, count, 2] of sums and squares to `moments` [maps, 2].

    In float64, since the variance is the small difference of two large numbers; `numbers` is how many were
    summed up. ROUNDS times BLOCK is at least `count`.
    """
    one = tl.program_id(0)
    sums, squares = tl.zeros((BLOCK,), tl.float64), tl.zeros((BLOCK,), tl.float64)
    for number in range(ROUNDS):
        index = number * BLOCK + tl.arange(0, BLOCK)
        place = partials + (one * count + index) * 2
        sums += tl.load(place, mask=index < count, other=0.0).to(tl.float64)
        squares += tl.load(place + 1, mask=index < count, other=0.0).to(tl.float64)
    mean = tl.sum(sums) / numbers
    variance = tl.maximum(tl.sum(squares) / numbers - mean * mean, 0.0)
    tl.store(moments + one * 2, mean.to(tl.float32))
    tl.store(moments + one * 2 + 1, variance.to(tl.float32))
