"""Average precision of boxes and intersection over union of masks, for validation while training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gifnet.perception import Boxes, Detections

MATCH = 0.5


def average_precision(
    found: Sequence[Detections], right: Sequence[Boxes], classes: int, match: float = MATCH
) -> list[float]:
    """Area under precision over recall of each class (COCO's 101 points); NaN where nothing is to be found.

    A box is right when it overlaps an object by `match` that no surer box has found. Boxes that lie in an
    ignored region by half or more do not count.
    """
    return [_class_precision(found, right, number, match) for number in range(classes)]


def mean_precision(values: Sequence[float]) -> float:
    """Mean over the classes that are there; 0 where there are none."""
    known = [value for value in values if value == value]
    return float(np.mean(known)) if known else 0.0


def class_overlap(confusion: Tensor) -> list[float]:
    """Intersection over union of each class of [K, K] counts, rows right and columns found; NaN if absent."""
    hits = confusion.diagonal().double()
    union = confusion.sum(0) + confusion.sum(1) - hits
    return [float(hit / both) if both else float("nan") for hit, both in zip(hits, union, strict=True)]


def confusion(found: Tensor, right: Tensor, classes: int) -> Tensor:
    """Counts [K, K] of pixels of classes, rows right and columns found; 255 is left out."""
    known = right != 255
    pairs = right[known].long() * classes + found[known].long()
    return torch.bincount(pairs, minlength=classes**2).view(classes, classes)


def _class_precision(found: Sequence[Detections], right: Sequence[Boxes], number: int, match: float) -> float:
    scores: list[float] = []
    hits: list[bool] = []
    wanted = 0
    for each, truth in zip(found, right, strict=True):
        targets = truth.corners[truth.classes == number].double().cpu().numpy()
        chosen = each.classes == number
        boxes = each.corners[chosen].double().cpu().numpy()
        wanted += len(targets)
        ignored = None if truth.ignored is None else truth.ignored.double().cpu().numpy()
        for score, hit in zip(
            each.scores[chosen].tolist(), _hits(boxes, targets, ignored, match), strict=True
        ):
            if hit is not None:
                scores.append(score)
                hits.append(hit)
    if not wanted:
        return float("nan")
    order = np.argsort(-np.asarray(scores, np.float64), kind="stable")
    right_ones = np.cumsum(np.asarray(hits, np.float64)[order])
    precision = right_ones / np.arange(1, len(right_ones) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    recall = right_ones / wanted
    places = np.searchsorted(recall, np.linspace(0, 1, 101), side="left")
    return float(np.mean([precision[place] if place < len(precision) else 0.0 for place in places]))


def _hits(
    boxes: NDArray[np.float64],
    targets: NDArray[np.float64],
    ignored: NDArray[np.float64] | None,
    match: float,
) -> list[bool | None]:
    free = np.ones(len(targets), bool)
    verdicts: list[bool | None] = []
    for box in boxes:
        shared = _shared(box, targets)
        union = _area(box[None])[0] + _area(targets) - shared
        overlap = np.where(free, shared / np.maximum(union, 1e-9), 0.0)
        best = int(overlap.argmax()) if len(overlap) else -1
        if best >= 0 and overlap[best] >= match:
            free[best] = False
            verdicts.append(True)
        elif (
            ignored is not None and len(ignored) and _shared(box, ignored).max() >= 0.5 * _area(box[None])[0]
        ):
            verdicts.append(None)
        else:
            verdicts.append(False)
    return verdicts


def _shared(box: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    return np.asarray((high - low).clip(0).prod(axis=1))


def _area(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).clip(0).prod(axis=1))
