"""Intersection over union and accuracy of a segmentation network on several kinds of pictures."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from gifnet.perception.config import CLASSES
from gifnet.perception.segmenter import IGNORED, load_segmenter
from stream.errors import SourceError

RESAMPLES = 500
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SegmentationScore:
    """Figures of one kind of pictures, 0 to 1; NaN for a class that is nowhere.

    Attributes:
        miou: mean intersection over union of the classes, background included.
        miou_interval: where it lies in 95 of 100 draws of as many pictures.
        macc: mean share of the pixels of a class that are labelled so.
        iou: of each class.
    """

    miou: float
    miou_interval: tuple[float, float]
    macc: float
    iou: dict[str, float]


class Meter:
    """Labels pictures with a network and counts how they agree with the right labels."""

    def __init__(self, segmenter: Path, masks: Path) -> None:
        """Load the network.

        Args:
            segmenter: file of `gifnet train --joint`.
            masks: folder of PNGs by the names of the pictures: 0 background, class plus 1, 255 unknown.

        Raises:
            WeightsError: the file is none.
        """
        self._network, self._masks = load_segmenter(segmenter), masks
        count = self._network.head.out_channels
        known = CLASSES if count == len(CLASSES) + 1 else tuple(f"class {n}" for n in range(1, count))
        self._names = ("background", *known)
        self._counts: dict[str, list[Counts]] = {}

    @torch.inference_mode()
    def add(self, kind: str, name: str, picture: NDArray[np.uint8]) -> None:
        """Label one picture, [H, W, 3] RGB or [H, W]; a colour picture is seen by its luma, as in training.

        Raises:
            SourceError: there are no right labels of it, or of another size.
        """
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) if picture.ndim == 3 else picture
        right = self._right(name)
        if right.shape != grey.shape:
            raise SourceError(f"the mask {name}.png is {right.shape[1]}x{right.shape[0]}, not as its picture")
        logits = self._network(torch.from_numpy(np.ascontiguousarray(grey))[None, None].float() / 255)
        found = logits.argmax(1)[0].numpy()
        known, size = right != IGNORED, len(self._names)
        pairs = right[known].astype(np.int64) * size + found[known]
        self._counts.setdefault(kind, []).append(np.bincount(pairs, minlength=size**2).reshape(size, size))

    def scores(self) -> dict[str, SegmentationScore]:
        """Figures of each kind."""
        return {kind: score(np.stack(counts), self._names) for kind, counts in self._counts.items()}

    def _right(self, name: str) -> NDArray[np.uint8]:
        path = self._masks / f"{name}.png"
        mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if mask is None or mask.ndim != 2 or mask.dtype != np.uint8:
            raise SourceError(f"{path} is not a mask: a PNG with one channel of 8 bits is needed")
        if ((mask >= len(self._names)) & (mask != IGNORED)).any():
            raise SourceError(f"{path} holds classes beyond the {len(self._names) - 1} of the network")
        return np.asarray(mask)


def score(counts: Counts, names: tuple[str, ...]) -> SegmentationScore:
    """Figures from [pictures, classes, classes] pixels, rows right and columns found."""
    whole = counts.sum(axis=0)
    each = _iou(whole)
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(counts), (RESAMPLES, len(counts)))
    means = [_mean(_iou(counts[chosen].sum(axis=0))) for chosen in drawn]
    low, high = (float(value) for value in np.percentile(means, [2.5, 97.5]))
    accuracy = np.diagonal(whole) / np.where(whole.sum(axis=1), whole.sum(axis=1), np.nan)
    return SegmentationScore(
        _mean(each), (low, high), _mean(accuracy), dict(zip(names, map(float, each), strict=True))
    )


def table(scores: dict[str, SegmentationScore]) -> str:
    """A line for each kind of pictures."""
    names = list(next(iter(scores.values())).iou)
    head = ("", "mIoU", "95 % of it", "mAcc", *names)
    rows = [head]
    for kind, one in scores.items():
        interval = "-".join(f"{value:.3f}" for value in one.miou_interval)
        rows.append((kind, f"{one.miou:.3f}", interval, f"{one.macc:.3f}", *map(_shown, one.iou.values())))
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows
    )


def as_json(scores: dict[str, SegmentationScore]) -> str:
    """The same as JSON; null where a class is nowhere."""
    plain = {kind: asdict(one) for kind, one in scores.items()}
    for one in plain.values():
        one["iou"] = {name: None if math.isnan(value) else value for name, value in one["iou"].items()}
    return json.dumps(plain, indent=2, allow_nan=False)


def _iou(whole: Counts) -> NDArray[np.float64]:
    hits = np.diagonal(whole).astype(np.float64)
    union = whole.sum(axis=0) + whole.sum(axis=1) - hits
    return np.asarray(hits / np.where(union > 0, union, np.nan))


def _mean(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else 0.0


def _shown(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"
