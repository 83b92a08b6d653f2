"""Curves from counts to brightness that follow the measured ones slowly."""

from __future__ import annotations

import torch
from torch import Tensor

from stream.device.context import Operations


class DampedCurve:
    """A curve and its exponential moving average.

    Attributes:
        now: [N] float32, the curve of this frame.
        measured: [N] float32, to be written before `follow`.
    """

    def __init__(self, points: int, operations: Operations, device: torch.device | str) -> None:
        self.now, self.measured, self._last = torch.zeros(3, points, device=device).unbind()
        self._operations = operations

    def follow(self, ema_weight: Tensor) -> None:
        """Move `now` towards `measured`; [1] float32 is the weight of the last curve."""
        self._last.copy_(self.now)
        self._operations.ema(self.measured, self._last, ema_weight, out=self.now)
