"""From what the points say to a few boxes: scores above a threshold, one box for each object."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gifnet.perception.detector import Predictions

MOST_CANDIDATES = 400
"""Points with the highest scores that are looked at; more would only cost time."""


@dataclass(frozen=True, slots=True)
class Detections:
    """Objects found in one picture, the surest first.

    Attributes:
        corners: [N, 4] left, top, right, bottom in pixels, inside the picture.
        scores: [N] 0 to 1.
        classes: [N] int64 numbers of classes.
    """

    corners: Tensor
    scores: Tensor
    classes: Tensor


def decode(
    predictions: Predictions,
    size: tuple[int, int],
    least_score: float = 0.3,
    most_overlap: float = 0.5,
    most: int = 100,
) -> list[Detections]:
    """The objects of each picture of a batch.

    Args:
        predictions: of the detector.
        size: width and height of the pictures.
        least_score: of what is kept.
        most_overlap: of two boxes of a class that are two objects.
        most: objects of a picture.
    """
    width, height = size
    limits = predictions.boxes.new_tensor([width, height, width, height])
    found = []
    for logits, boxes in zip(predictions.logits, predictions.boxes, strict=True):
        scores, classes = logits.sigmoid().max(dim=1)
        scores, order = scores.sort(descending=True, stable=True)
        order = order[scores >= least_score][:MOST_CANDIDATES]
        corners = torch.minimum(boxes[order].clamp(min=0), limits)
        kept = suppress(corners, classes[order], most_overlap)[:most]
        found.append(Detections(corners[kept], scores[: len(order)][kept], classes[order][kept]))
    return found


def suppress(corners: Tensor, classes: Tensor, most_overlap: float) -> Tensor:
    """Positions of boxes that are left when each removes the lesser ones of its class that overlap it.

    Args:
        corners: [N, 4], the surest first.
        classes: [N].
        most_overlap: intersection over union of two that are both kept.
    """
    low = torch.maximum(corners[:, None, :2], corners[None, :, :2])
    high = torch.minimum(corners[:, None, 2:], corners[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(dim=2)
    area = (corners[:, 2:] - corners[:, :2]).clamp(min=0).prod(dim=1)
    union = (area[:, None] + area[None] - shared).clamp(min=1e-6)
    clash = ((shared / union > most_overlap) & (classes[:, None] == classes[None])).cpu().numpy()
    alive = (area > 0).cpu().numpy()
    for index in range(len(alive)):
        if alive[index]:
            alive[index + 1 :] &= ~clash[index, index + 1 :]
    return torch.from_numpy(alive.nonzero()[0]).to(corners.device)
