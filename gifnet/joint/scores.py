"""Average precision of boxes and intersection over union of masks, for validation while training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gifnet.perception import Boxes, Detections

MATCH = 0.5


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Boxes of one class in one picture.

    Attributes:
        scores: of those that count.
        hits: whether each is right.
        wanted: objects that are there.
    """

    scores: tuple[float, ...]
    hits: tuple[bool, ...]
    wanted: int


def mean_precision_of(pictures: Sequence[Sequence[Verdicts]]) -> float:
    """Mean average precision of pictures with verdicts of each class; 0 where nothing is to be found."""
    return mean_precision([precision_of(of_class) for of_class in zip(*pictures, strict=True)])


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


def judge(found: Detections, right: Boxes, number: int, match: float = MATCH) -> Verdicts:
    """The boxes that are found of one class in one picture, held against those that are there.

    A box is right when it overlaps an object by `match` that no surer box has found. Boxes that lie in an
    ignored region by half or more do not count.
    """
    targets = right.corners[right.classes == number].double().cpu().numpy()
    chosen = found.classes == number
    boxes = found.corners[chosen].double().cpu().numpy()
    ignored = None if right.ignored is None else right.ignored.double().cpu().numpy()
    counted = [
        (score, hit)
        for score, hit in zip(
            found.scores[chosen].tolist(), _hits(boxes, targets, ignored, match), strict=True
        )
        if hit is not None
    ]
    return Verdicts(tuple(score for score, _ in counted), tuple(hit for _, hit in counted), len(targets))


def precision_of(verdicts: Sequence[Verdicts]) -> float:
    """Area under precision over recall of pictures together, by COCO's 101 points; NaN without objects."""
    wanted = sum(each.wanted for each in verdicts)
    if not wanted:
        return float("nan")
    scores = np.asarray([score for each in verdicts for score in each.scores], np.float64)
    hits = np.asarray([hit for each in verdicts for hit in each.hits], np.float64)
    right_ones = np.cumsum(hits[np.argsort(-scores, kind="stable")])
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
