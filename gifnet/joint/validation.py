"""Scores of perception networks on what a fusion network makes of labelled pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from gifnet.joint.scores import (
    Verdicts,
    class_overlap,
    confusion,
    judge,
    mean_precision,
    mean_precision_of,
)
from gifnet.labels import LabelledPair
from gifnet.perception import Boxes, Detections, decode
from gifnet.perception.torchvision_detector import TorchvisionDetector

LEAST_SCORE = 0.05
Mix = Callable[[Tensor, Tensor], Tensor]
"""Two pictures [1, 1, H, W] to the one that a perception network sees."""
FIXED_MIXES: dict[str, Mix] = {
    "visible": lambda visible, thermal: visible,
    "thermal": lambda visible, thermal: thermal,
    "mean": lambda visible, thermal: (visible + thermal) / 2,
    "maximum": torch.maximum,
}
"""The inputs that fusion is held against."""


@torch.no_grad()
def measure_perception(
    fuse: Mix, networks: nn.ModuleDict, pairs: Sequence[LabelledPair], classes: int
) -> dict[str, float]:
    """Scores of the detector (mAP at an overlap of 0.5) and the segmenter (mIoU), of those that are there."""
    found: dict[str, float] = {}
    if "detection" in networks and any(pair.corners is not None for pair in pairs):
        found["mAP@.5"] = detection_score(fuse, networks["detection"], pairs, classes)
    if "segmentation" in networks and any(pair.mask is not None for pair in pairs):
        found["mIoU"] = segmentation_score(fuse, networks["segmentation"], pairs, classes)
    return found


def detection_score(fuse: Mix, detector: nn.Module, pairs: Sequence[LabelledPair], classes: int) -> float:
    """Mean average precision of a detector at an overlap of 0.5."""
    return mean_precision_of(judge_boxes(fuse, detector, pairs, classes))


@torch.no_grad()
def judge_boxes(
    fuse: Mix, detector: nn.Module, pairs: Sequence[LabelledPair], classes: int
) -> list[list[Verdicts]]:
    """Verdicts on a detector, of each picture with boxes and each class."""
    detector.eval()
    judged = []
    for pair in pairs:
        if pair.corners is None:
            continue
        fused = fuse(*pictures(pair, detector)).clamp(0, 1)
        found = found_in(fused, detector)
        right = Boxes(*(torch.from_numpy(part) for part in (pair.corners, pair.classes, pair.ignored)))
        judged.append([judge(found, right, number) for number in range(classes)])
    return judged


def found_in(picture: Tensor, detector: nn.Module) -> Detections:
    """Objects that a detector of ours or torchvision's finds in a picture [1, 1, H, W]."""
    if isinstance(detector, TorchvisionDetector):
        seen: list[Detections] = detector(picture)
        return seen[0]
    return decode(detector(picture), (picture.shape[3], picture.shape[2]), least_score=LEAST_SCORE)[0]


def segmentation_score(fuse: Mix, segmenter: nn.Module, pairs: Sequence[LabelledPair], classes: int) -> float:
    """Mean intersection over union, background included."""
    counts = judge_masks(fuse, segmenter, pairs, classes)
    return mean_precision(class_overlap(torch.stack(counts).sum(0))) if counts else 0.0


@torch.no_grad()
def judge_masks(fuse: Mix, segmenter: nn.Module, pairs: Sequence[LabelledPair], classes: int) -> list[Tensor]:
    """Counts [classes + 1, classes + 1] of `confusion`, of each picture with a mask."""
    segmenter.eval()
    counts = []
    for pair in pairs:
        if pair.mask is not None:
            labels = segmenter(fuse(*pictures(pair, segmenter)).clamp(0, 1)).argmax(1)[0].cpu()
            counts.append(confusion(labels, torch.from_numpy(pair.mask), classes + 1))
    return counts


def pictures(pair: LabelledPair, network: nn.Module) -> tuple[Tensor, Tensor]:
    """Visible and thermal, [1, 1, H, W] in [0, 1], where the network is."""
    place = next(network.parameters()).device
    visible, thermal = (
        torch.from_numpy(part)[None, None].to(place).float() / 255 for part in (pair.visible, pair.thermal)
    )
    return visible, thermal
