"""Sums of products at every shift, by FFT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Values = NDArray[Any]


def spectrum(values: Values, shape: Sequence[int]) -> Tensor:
    """Of the last two dimensions, filled up with zeros; half of it for real values."""
    tensor = torch.from_numpy(np.ascontiguousarray(values))
    size = tuple(shape)
    made: Tensor = torch.fft.fft2(tensor, s=size) if tensor.is_complex() else torch.fft.rfft2(tensor, s=size)
    return made


def correlate(moved: Tensor, seen: Tensor, shape: Sequence[int], shifts: Sequence[int], real: bool) -> Values:
    """Real part of the sum of `moved(place + shift) * conj(seen(place))`.

    Args:
        moved: spectrum [..., rows, columns].
        seen: spectrum of the same shape.
        shape: rows and columns that both were filled up to.
        shifts: rows and columns of the result, from shift 0 on.
        real: whether both are halves, of real values.
    """
    product = moved * seen.conj()
    back = torch.fft.irfft2(product, s=tuple(shape)) if real else torch.fft.ifft2(product).real
    return np.asarray(back[..., : shifts[0], : shifts[1]])
