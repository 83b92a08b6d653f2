"""Scores of perception networks on what a fusion network makes of labelled pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from gifnet.joint.scores import average_precision, class_overlap, confusion, mean_precision
from gifnet.labels import LabelledPair
from gifnet.perception import Boxes, decode

LEAST_SCORE = 0.05
Mix = Callable[[Tensor, Tensor], Tensor]
"""Two pictures [1, 1, H, W] to the one that a perception network sees."""


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


@torch.no_grad()
def detection_score(
    fuse: Mix, detector: nn.Module, pairs: Sequence[LabelledPair], classes: int, match: float = 0.5
) -> float:
    """Mean average precision of a detector."""
    detector.eval()
    found, right = [], []
    for pair in pairs:
        if pair.corners is None:
            continue
        fused = fuse(*pictures(pair, detector)).clamp(0, 1)
        found += decode(detector(fused), (fused.shape[3], fused.shape[2]), least_score=LEAST_SCORE)
        parts = (torch.from_numpy(part) for part in (pair.corners, pair.classes, pair.ignored))
        right.append(Boxes(*parts))
    return mean_precision(average_precision(found, right, classes, match))


@torch.no_grad()
def segmentation_score(fuse: Mix, segmenter: nn.Module, pairs: Sequence[LabelledPair], classes: int) -> float:
    """Mean intersection over union, background included."""
    segmenter.eval()
    counts = torch.zeros(classes + 1, classes + 1, dtype=torch.int64)
    for pair in pairs:
        if pair.mask is None:
            continue
        labels = segmenter(fuse(*pictures(pair, segmenter)).clamp(0, 1)).argmax(1)[0].cpu()
        counts += confusion(labels, torch.from_numpy(pair.mask), classes + 1)
    return mean_precision(class_overlap(counts))


def pictures(pair: LabelledPair, network: nn.Module) -> tuple[Tensor, Tensor]:
    """Visible and thermal, [1, 1, H, W] in [0, 1], where the network is."""
    place = next(network.parameters()).device
    visible, thermal = (
        torch.from_numpy(part)[None, None].to(place).float() / 255 for part in (pair.visible, pair.thermal)
    )
    return visible, thermal
