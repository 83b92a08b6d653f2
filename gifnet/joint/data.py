"""Labelled crops; crop number n depends on the seed and on n alone, so that resuming is exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gifnet.errors import TrainingError
from gifnet.joint.config import JointSettings
from gifnet.labels import ClassNames, LabelledPair, check_apart, load_labelled
from gifnet.perception import Boxes
from gifnet.perception.training_config import DetectorSettings
from gifnet.train.pairs import split

LEAST_SEEN = 0.4
"""Share of a box that a crop must show; less becomes a region in which it is not known what is there."""
LEAST_SIDE_PX = 3.0


@dataclass(frozen=True)
class LabelledBatch:
    """Crops of one step.

    Attributes:
        visible: [B, 1, S, S] float32 in [0, 1].
        thermal: the same.
        boxes: of each crop; empty where boxes are not asked for.
        masks: [B, S, S] int64 classes, 0 background, 255 unknown; None where masks are not asked for.
    """

    visible: Tensor
    thermal: Tensor
    boxes: list[Boxes]
    masks: Tensor | None

    def to(self, device: torch.device) -> LabelledBatch:
        """The same on another device; boxes are moved when they are compared."""
        masks = None if self.masks is None else self.masks.to(device)
        return LabelledBatch(self.visible.to(device), self.thermal.to(device), self.boxes, masks)


class LabelledCrops:
    """Draws crops from labelled pairs: another place, scale and side each time."""

    def __init__(
        self, pairs: Sequence[LabelledPair], settings: JointSettings | DetectorSettings, stream: int
    ) -> None:
        """Keep the pairs; `stream` sets the crops of one level apart from those of another."""
        self._pairs, self._settings, self._stream = pairs, settings, stream

    def batch(self, iteration: int) -> LabelledBatch:
        """The crops of an iteration, counted from 0."""
        size = self._settings.batch
        crops = [self._crop(iteration * size + index) for index in range(size)]
        visible, thermal, boxes, masks = zip(*crops, strict=True)
        known = [mask for mask in masks if mask is not None]
        return LabelledBatch(
            torch.from_numpy(np.stack(visible)[:, None]),
            torch.from_numpy(np.stack(thermal)[:, None]),
            list(boxes),
            torch.from_numpy(np.stack(known)).long() if len(known) == size else None,
        )

    def _crop(
        self, number: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], Boxes, NDArray[np.uint8] | None]:
        random = np.random.default_rng([self._settings.seed, self._stream, number])
        pair = self._pairs[int(random.integers(len(self._pairs)))]
        side = self._settings.crop_px
        height, width = pair.visible.shape
        scale = max(random.uniform(self._settings.scale_min, 1.0), side / min(height, width))
        source = min(round(side / scale), height, width)
        left, top = int(random.integers(width - source + 1)), int(random.integers(height - source + 1))
        window = slice(top, top + source), slice(left, left + source)
        flip = bool(random.integers(2))
        visible, thermal = (_sized(part[window], side, flip) for part in (pair.visible, pair.thermal))
        mask = None
        if pair.mask is not None:
            resized = cv2.resize(pair.mask[window], (side, side), interpolation=cv2.INTER_NEAREST)
            mask = np.ascontiguousarray(resized[:, ::-1] if flip else resized)
        return visible, thermal, _boxes(pair, (left, top, source), side, flip), mask


def load_splits(settings: JointSettings) -> tuple[list[LabelledPair], list[LabelledPair], list[LabelledPair]]:
    """Pairs of the lower level, of the upper level, and pairs that are only measured on.

    Raises:
        TrainingError: data are missing or damaged, splits overlap, or labels that are needed are not there.
    """
    classes = ClassNames(settings.classes, settings.background, settings.ignored)
    # Data named for both levels come from different splits of it.
    split_above = "train" if set(settings.upper_data) - set(settings.data) else "val"
    lower = load_labelled(settings.data, classes, settings.layout)
    upper = load_labelled(settings.upper_data, classes, settings.layout, split_above)
    test = load_labelled(settings.test_data, classes, settings.layout, "test")
    _, held_out = split([*lower, *upper], settings.held_out)
    lower, upper = (
        [pair for pair in pairs if pair.scene not in settings.held_out] for pairs in (lower, upper)
    )
    test += held_out
    if not settings.upper_data:
        lower, upper = _shared_out(lower, settings)
    check_apart({"data": lower, "upper_data": upper, "test_data": test})
    for name, pairs in (("data", lower), ("upper_data", upper)):
        if not pairs:
            raise TrainingError(f"no pair is left in {name}; name more data, or another upper_share")
        _check(pairs, settings, name)
    return lower, upper, test


def _shared_out(
    pairs: list[LabelledPair], settings: JointSettings
) -> tuple[list[LabelledPair], list[LabelledPair]]:
    """Whole scenes where there are several, else pairs; the same ones for a seed each time."""
    scenes = sorted({pair.scene for pair in pairs})
    keys = scenes if len(scenes) > 1 else sorted(pair.name for pair in pairs)
    order = np.random.default_rng([settings.seed, 77]).permutation(len(keys))
    count = max(1, round(settings.upper_share * len(keys)))
    chosen = {keys[index] for index in order[:count]}
    above = [(pair.scene if len(scenes) > 1 else pair.name) in chosen for pair in pairs]
    lower = [pair for pair, is_above in zip(pairs, above, strict=True) if not is_above]
    return lower, [pair for pair, is_above in zip(pairs, above, strict=True) if is_above]


def check_sizes(pairs: Sequence[LabelledPair], crop_px: int) -> None:
    """Refuse pictures that are smaller than a crop.

    Raises:
        TrainingError: names the first one.
    """
    small = [pair.name for pair in pairs if min(pair.visible.shape) < crop_px]
    if small:
        raise TrainingError(f"pictures must be at least crop_px = {crop_px} wide and high: {small[0]}")


def _check(pairs: Sequence[LabelledPair], settings: JointSettings, name: str) -> None:
    check_sizes(pairs, settings.crop_px)
    if "detection" in settings.tasks:
        bare = [pair.name for pair in pairs if pair.corners is None]
        if bare:
            raise TrainingError(f"joint detection needs boxes, but {bare[0]} of {name} has no labels")
        if not any(len(pair.classes) for pair in pairs):
            raise TrainingError(f"not one box is in {name}; nothing could be learned from empty labels")
    if "segmentation" in settings.tasks:
        bare = [pair.name for pair in pairs if pair.mask is None]
        if bare:
            raise TrainingError(f"joint segmentation needs label PNGs, but {bare[0]} of {name} has none")


def _boxes(pair: LabelledPair, place: tuple[int, int, int], side: int, flip: bool) -> Boxes:
    left, top, source = place
    corners = np.zeros((0, 4), np.float32) if pair.corners is None else pair.corners
    cut, shown = _cut(corners, left, top, source, side, flip)
    ignored, _ = _cut(pair.ignored, left, top, source, side, flip)
    sides = (cut[:, 2:] - cut[:, :2]).min(axis=1, initial=np.inf) if len(cut) else np.zeros(0)
    kept = (shown >= LEAST_SEEN) & (sides >= LEAST_SIDE_PX)
    partly = (shown > 0) & ~kept
    known = ignored[(ignored[:, 2:] > ignored[:, :2]).all(axis=1)]
    return Boxes(
        torch.from_numpy(cut[kept]),
        torch.from_numpy(pair.classes[kept]),
        torch.from_numpy(np.concatenate([cut[partly], known])),
    )


def _cut(
    corners: NDArray[np.float32], left: int, top: int, source: int, side: int, flip: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Boxes in pixels of the crop, and the share of each that it shows."""
    moved = (corners - np.array([left, top, left, top], np.float32)) * np.float32(side / source)
    inside = moved.clip(0, side)
    area = (moved[:, 2:] - moved[:, :2]).clip(1e-6).prod(axis=1)
    shown = (inside[:, 2:] - inside[:, :2]).clip(0).prod(axis=1) / area
    if flip:
        inside = np.stack([side - inside[:, 2], inside[:, 1], side - inside[:, 0], inside[:, 3]], axis=1)
    return np.ascontiguousarray(inside, np.float32), shown


def _sized(picture: NDArray[np.uint8], side: int, flip: bool) -> NDArray[np.float32]:
    values = np.asarray(picture / np.float32(255), np.float32)
    if values.shape != (side, side):
        values = np.asarray(cv2.resize(values, (side, side), interpolation=cv2.INTER_AREA), np.float32)
    return np.ascontiguousarray(values[:, ::-1] if flip else values)
