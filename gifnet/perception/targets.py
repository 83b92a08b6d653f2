"""The box that each point has to find: points near the middle of a box, on the level of its size."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gifnet.perception.config import LEVEL_SIZES_PX, STRIDES_PX

CENTRE_STRIDES = 1.5
"""A point belongs to a box when it is at most so many strides from its middle, and inside it (FCOS)."""


@dataclass(frozen=True, slots=True)
class Boxes:
    """The objects of one picture.

    Attributes:
        corners: [N, 4] left, top, right, bottom in pixels, right and bottom beyond left and top.
        classes: [N] int64 numbers of classes.
        ignored: [K, 4] regions in which it is not known what is there; points in them count as neither.
    """

    corners: Tensor
    classes: Tensor
    ignored: Tensor | None = None


def assign(points: Tensor, strides: Tensor, boxes: Boxes) -> tuple[Tensor, Tensor]:
    """The box of each point, and which points count.

    Args:
        points: [N, 2].
        strides: [N].
        boxes: of one picture.

    Returns:
        [N] int64 index of the box, -1 for none, the smallest where there are several; [N] bool, False where
        the point has no box and lies in an ignored region.
    """
    counts = torch.ones(len(points), dtype=torch.bool, device=points.device)
    if boxes.ignored is not None and len(boxes.ignored):
        counts = ~_inside(points, boxes.ignored).any(dim=1)
    if not len(boxes.corners):
        return torch.full((len(points),), -1, device=points.device), counts
    corners = boxes.corners.to(points)
    size = (corners[:, 2:] - corners[:, :2]).amax(dim=1)
    middle = (corners[:, :2] + corners[:, 2:]) / 2
    away = (points[:, None] - middle[None]).abs().amax(dim=2)
    near = away <= CENTRE_STRIDES * strides[:, None]
    right = _inside(points, corners) & near & _of_level(strides, size)
    # A box that is too small to hold a point is found by the nearest one.
    lonely = ~right.any(dim=0)
    if lonely.any():
        finest = strides == strides.min()
        nearest = torch.where(finest[:, None], away, torch.inf).argmin(dim=0)
        right[nearest[lonely], torch.nonzero(lonely).flatten()] = True
    area = (corners[:, 2:] - corners[:, :2]).prod(dim=1)
    cost = torch.where(right, area[None], torch.inf)
    least, index = cost.min(dim=1)
    chosen = torch.where(least.isfinite(), index, -1)
    return chosen, counts | (chosen >= 0)


def _inside(points: Tensor, corners: Tensor) -> Tensor:
    """[N, M] whether a point is in a box."""
    corners = corners.to(points)
    above = points[:, None] > corners[None, :, :2]
    below = points[:, None] < corners[None, :, 2:]
    return (above & below).all(dim=2)


def _of_level(strides: Tensor, size: Tensor) -> Tensor:
    """[N, M] whether a box is of the size that a point's level finds."""
    of_level = torch.zeros(len(strides), len(size), dtype=torch.bool, device=strides.device)
    for stride, (least, most) in zip(STRIDES_PX, LEVEL_SIZES_PX, strict=True):
        of_level |= (strides == stride)[:, None] & ((size >= least) & (size < most))[None]
    return of_level
