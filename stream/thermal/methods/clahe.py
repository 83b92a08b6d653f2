"""`clahe`: contrast-limited equalisation tile by tile. Settings: those of `plateau`, and `contrast`.

It works on what the plateau made of the counts, so that nothing takes the levels of the rest, however hot.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cuda_kernels.reference.equalise import LEVELS, TILES
from stream.config import GainSettings
from stream.device.context import Operations
from stream.thermal.methods.base import Span
from stream.thermal.methods.curve import DampedCurve
from stream.thermal.methods.plateau import Plateau


class Clahe(Plateau):
    """The curve of the whole picture, then damped curves of its tiles."""

    planes = 2

    def __init__(
        self, settings: GainSettings, span: Span, operations: Operations, device: torch.device | str
    ) -> None:
        """Begin with empty curves; the first frame replaces them."""
        super().__init__(settings, span, operations, device)
        self._tiles = DampedCurve(TILES * TILES * LEVELS, operations, device)

    def apply(self, counts: Tensor, ema_weight: Tensor, planes: Sequence[Tensor]) -> Tensor:
        """The plateau's brightness, whose tiles are measured here, looked up on their curves."""
        even = super().apply(counts, ema_weight, planes[:1])
        contrast, measured = self.settings.contrast, self._tiles.measured.view(-1, LEVELS)
        self._operations.tile_curves(even, self._unit, contrast, out=measured)
        self._tiles.follow(ema_weight)
        curves = self._tiles.now.view(-1, LEVELS)
        return self._operations.equalise_tiles(even, self._unit, curves, out=planes[1])


METHOD = Clahe
