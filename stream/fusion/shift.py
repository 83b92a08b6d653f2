"""Shift of the whole picture from one frame to the next, as a panning or shaking camera makes it.

Found by the method of Lucas and Kanade (1981) from coarse to fine, with the weights of a robust fit
(Geman and McClure) so that what moves by itself counts little. A fixed number of tensor operations that wait
for nothing, so that a CUDA graph can capture them.
"""

from __future__ import annotations

import cv2
import torch
from torch import Tensor
from torch.nn import functional as F

from gifnet.cells import halved

# Coarsest first: how often the given maps are halved, and the difference in grey levels from which on a place
# counts for little, of each round there. Large at first, when edges are farthest from their places.
_LEVELS = ((3, (32, 20, 12)), (2, (16, 8)), (1, (6, 4)))
_FARTHEST = 0.1  # of the width: farther shifts are not looked for
_LEAST = 0.06  # in places; below it the camera stands, and the picture stays exactly where it is


def estimated_shift(now: Tensor, before: Tensor) -> Tensor:
    """Shift from the picture of now to the one before.

    Args:
        now: [1, C, h, w] float32 in [0, 1].
        before: the same of the frame before.

    Returns:
        [2] float32 (x, y) in places of these maps, so that `before(place + shift)` is `now(place)`; 0 where
        no shift explains the change better than none.
    """
    shift = now.new_zeros(2)
    for halvings, noises in _LEVELS:
        small, old = halved(now, halvings), halved(before, halvings)
        for noise in noises:
            shift = shift + _refinement(small, moved(old, shift / 2**halvings), noise / 255) * 2**halvings
    known = _cost(small, moved(old, shift / 2**halvings), noise / 255) < _cost(small, old, noise / 255)
    length = shift.abs().amax()
    known &= (length >= _LEAST) & (length < _FARTHEST * now.shape[-1])
    return torch.where(known, shift, 0.0)


def moved(maps: Tensor, shift: Tensor) -> Tensor:
    """`maps(place + shift)` by bilinear interpolation; beyond the border lies the border's value.

    Args:
        maps: [1, C, h, w] float32.
        shift: [2] float32 (x, y) in places.

    Returns:
        [1, C, h, w] float32.
    """
    height, width = maps.shape[-2:]
    if _by_opencv(maps):
        return _moved_by_opencv(maps, shift)
    x, y = (
        2 * (torch.arange(size, device=maps.device) + part) / max(size - 1, 1) - 1
        for size, part in ((width, shift[0]), (height, shift[1]))
    )
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)
    return F.grid_sample(maps, grid[None], "bilinear", "border", align_corners=True)


def _by_opencv(maps: Tensor) -> bool:
    return maps.device.type == "cpu"


def _moved_by_opencv(maps: Tensor, shift: Tensor) -> Tensor:
    """As `moved`, where the shift may be looked at: a fraction of the time of torch."""
    x, y = shift.tolist()
    if x == y == 0:
        return maps
    height, width = maps.shape[-2:]
    # Within a border, since getRectSubPix (5.0) takes wrong values for what lies beyond a corner.
    margin = int(max(abs(x), abs(y))) + 2
    middle = (width - 1) / 2 + x + margin, (height - 1) / 2 + y + margin
    result = torch.empty_like(maps)
    for plane, out in zip(maps[0].numpy(), result[0].numpy(), strict=True):
        wide = cv2.copyMakeBorder(plane, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
        cv2.getRectSubPix(wide, (width, height), middle, out)
    return result


def _refinement(now: Tensor, before: Tensor, noise: float) -> Tensor:
    """One step of Gauss and Newton, [2], at most one place a side."""
    along, down = _gradients(before)
    left = (now - before)[..., 1:-1, 1:-1]
    weight = (noise**2 / (noise**2 + left.square())).square_()
    wx, wy = weight * along, weight * down
    xx, xy, yy = (wx * along).sum(), (wx * down).sum(), (wy * down).sum()
    x, y = (wx * left).sum(), (wy * left).sum()
    determinant = (xx * yy - xy.square()).clamp_min(1e-9)
    return (torch.stack([yy * x - xy * y, xx * y - xy * x]) / determinant).clamp_(-1, 1)


def _gradients(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Half of the differences to both sides, of all but the outermost places."""
    along = (maps[..., 1:-1, 2:] - maps[..., 1:-1, :-2]) / 2
    down = (maps[..., 2:, 1:-1] - maps[..., :-2, 1:-1]) / 2
    return along, down


def _cost(now: Tensor, before: Tensor, noise: float) -> Tensor:
    """Robust difference of two pictures, their borders left out."""
    square = (now - before)[..., 1:-1, 1:-1].square()
    return (square / (noise**2 + square)).sum()
