"""Sizes of the lite network, by name."""

from __future__ import annotations

from dataclasses import dataclass

CELL_PX = 4
"""Side of a cell: the convolutions see each cell of 4 x 4 pixels as one position with 16 values a picture."""

CELL = CELL_PX**2
"""Pixels of a cell."""


@dataclass(frozen=True, slots=True)
class LiteConfig:
    """Sizes of `GIFNetLite`; the defaults are those of the packaged weights.

    Attributes:
        channels: of the layers at cell resolution.
        layers: 3x3 layers at cell resolution.
        context: channels of the context branch.
        context_levels: how often the context branch halves the resolution.
        calm: square of the detail, in units of white, below which details fade instead of being sharpened.
    """

    channels: int = 32
    layers: int = 4
    context: int = 24
    context_levels: int = 3
    calm: float = 1e-5

    @property
    def multiple_px(self) -> int:
        """Height and width are padded to a multiple of this."""
        return CELL_PX << self.context_levels
