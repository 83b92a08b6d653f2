"""Pictures for people to look at."""

from __future__ import annotations

import torch
from torch import Tensor

from cuda_kernels.reference.results import deliver


def side_by_side(visible: Tensor, thermal: Tensor, fused: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Visible, thermal in grey, and fused, from left to right.

    Args:
        visible: [H, W, 3] uint8 RGB.
        thermal: [H, W] uint8.
        fused: [H, W, 3] uint8 RGB.
        out: [H, 3 W, 3] uint8 to write into.

    Returns:
        [H, 3 W, 3] uint8 RGB.
    """
    return deliver(torch.cat((visible, _grey(thermal), fused), dim=1), out, torch.uint8)


def checkerboard(visible: Tensor, thermal: Tensor, square_px: int, *, out: Tensor | None = None) -> Tensor:
    """Squares of visible and of thermal in turn, on which edges show how well the two lie on each other.

    Args:
        visible: [H, W, 3] uint8 RGB.
        thermal: [H, W] uint8.
        square_px: side of a square; the first one, at the top left, is visible.
        out: [H, W, 3] uint8 to write into.

    Returns:
        [H, W, 3] uint8 RGB.
    """
    height, width = thermal.shape
    rows = torch.arange(height, device=thermal.device) // square_px
    columns = torch.arange(width, device=thermal.device) // square_px
    is_thermal = (rows[:, None] + columns[None, :]) % 2 == 1
    return deliver(torch.where(is_thermal[..., None], _grey(thermal), visible), out, torch.uint8)


def colour_map(grey: Tensor, table: Tensor, *, out: Tensor | None = None) -> Tensor:
    """A grey picture in the colours of a table; for people, never for the network.

    Args:
        grey: [H, W] uint8.
        table: [256, 3] uint8 RGB.
        out: [H, W, 3] uint8 to write into.

    Returns:
        [H, W, 3] uint8 RGB.
    """
    return deliver(table[grey.to(torch.int64)], out, torch.uint8)


def _grey(thermal: Tensor) -> Tensor:
    return thermal[..., None].expand(*thermal.shape, 3)
