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
        calm: square of the detail, in units of white, below which details fade instead of being sharpened.
    """

    channels: int = 32
    layers: int = 5
    calm: float = 1e-5
