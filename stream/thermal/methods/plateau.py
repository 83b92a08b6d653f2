"""`plateau`: brightness by a histogram whose bins are cut off. Settings: `plateau`, `damping`.

`low` and `high` bound the span that details are measured against, where `detail` is not 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cuda_kernels.reference.thermal import COUNTS
from stream.config import GainSettings
from stream.device.context import Operations
from stream.thermal.methods.base import GainMethod, Span
from stream.thermal.methods.curve import DampedCurve


class Plateau(GainMethod):
    """A damped curve from counts to brightness over the whole picture."""

    planes = 1

    def __init__(
        self, settings: GainSettings, span: Span, operations: Operations, device: torch.device | str
    ) -> None:
        """Begin with an empty curve; the first frame replaces it."""
        super().__init__(settings, span, operations, device)
        self._unit = torch.tensor((0.0, 1.0), device=device)
        self._curve = DampedCurve(COUNTS, operations, device)

    @property
    def shares(self) -> tuple[float, float] | None:
        """`low` and `high`, where details are brought out; brightness itself needs no span."""
        return (self.settings.low, self.settings.high) if self.settings.detail != 1 else None

    @property
    def ends(self) -> Tensor:
        """0 and 1: the curve gives brightness."""
        return self._unit

    def measure(self, counts: Tensor, ema_weight: Tensor) -> None:
        """The span where it is needed, and the curve."""
        super().measure(counts, ema_weight)
        self._operations.plateau_curve(counts, self.settings.plateau, out=self._curve.measured)
        self._curve.follow(ema_weight)

    def apply(self, counts: Tensor, ema_weight: Tensor, planes: Sequence[Tensor]) -> Tensor:
        """Counts looked up on the curve."""
        return self._operations.equalise(counts, self._curve.now, out=planes[0])


METHOD = Plateau
