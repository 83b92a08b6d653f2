"""Results in a given format, or in memory of the caller."""

from __future__ import annotations

import torch
from torch import Tensor

TensorPair = tuple[Tensor, Tensor]


def deliver(result: Tensor, out: Tensor | None, dtype: torch.dtype) -> Tensor:
    """The result in `dtype`, or written into `out`."""
    return result.to(dtype) if out is None else out.copy_(result)
