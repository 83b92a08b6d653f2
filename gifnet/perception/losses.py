"""The loss of a detector: a score that equals the overlap of its box, and boxes on the right ones."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from gifnet.perception.detector import Predictions
from gifnet.perception.targets import Boxes, assign

BOX_WEIGHT = 2.0


def overlap(one: Tensor, other: Tensor) -> Tensor:
    """Intersection over union of boxes [..., 4] with those at the same place."""
    shared, union, _ = _areas(one, other)
    return shared / union.clamp(min=1e-6)


def generalised_overlap(one: Tensor, other: Tensor) -> Tensor:
    """Generalised intersection over union (Rezatofighi et al. 2019), -1 to 1, with a slope everywhere."""
    shared, union, hull = _areas(one, other)
    return shared / union.clamp(min=1e-6) - (hull - union) / hull.clamp(min=1e-6)


def detection_loss(predictions: Predictions, targets: Sequence[Boxes]) -> dict[str, Tensor]:
    """The parts of the loss and their sum.

    Args:
        predictions: of a batch.
        targets: the objects of each picture of the batch.

    Returns:
        `score` (quality focal loss, Li et al. 2020, equation 6, with beta 2), `box` (1 - generalised overlap,
        weighted by the quality) and `total`, each a scalar, for each object that is to be found.

    Raises:
        ValueError: there are more or fewer targets than pictures.
    """
    if len(targets) != len(predictions.logits):
        raise ValueError(f"{len(predictions.logits)} pictures have {len(targets)} lists of boxes")
    score = predictions.logits.new_zeros(())
    box, found = score, 0
    for logits, boxes, target in zip(predictions.logits, predictions.boxes, targets, strict=True):
        index, counts = assign(predictions.points, predictions.strides, target)
        positive = index >= 0
        right = target.corners.to(boxes)[index[positive]]
        quality = torch.zeros_like(logits)
        classes = target.classes.to(index.device)[index[positive]]
        with torch.no_grad():
            reached = overlap(boxes[positive], right).clamp(min=0)
            quality[positive.nonzero().flatten(), classes] = reached.clamp(min=0.1)
        each = F.binary_cross_entropy_with_logits(logits, quality, reduction="none")
        each = each * (quality - logits.detach().sigmoid()).abs().square()
        score = score + each[counts].sum()
        box = box + (1 - generalised_overlap(boxes[positive], right)).sum()
        found += int(positive.sum())
    parts = {"score": score / max(found, 1), "box": box / max(found, 1)}
    return {**parts, "total": parts["score"] + BOX_WEIGHT * parts["box"]}


def _areas(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Area of the intersection, of the union and of the box around both."""
    inner = torch.minimum(one[..., 2:], other[..., 2:]) - torch.maximum(one[..., :2], other[..., :2])
    outer = torch.maximum(one[..., 2:], other[..., 2:]) - torch.minimum(one[..., :2], other[..., :2])
    shared = inner.clamp(min=0).prod(dim=-1)
    areas = [(each[..., 2:] - each[..., :2]).clamp(min=0).prod(dim=-1) for each in (one, other)]
    return shared, areas[0] + areas[1] - shared, outer.prod(dim=-1)
