"""Labelled pairs in memory, and splits that must not overlap."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gifnet.errors import TrainingError
from gifnet.labels.boxes import NamedBox, read_coco, read_kaist, read_voc, read_yolo
from gifnet.labels.classes import ClassNames
from gifnet.labels.layouts import Entry, Layout, find_entries
from gifnet.labels.masks import read_mask
from gifnet.train.pairs import Grey, luma, stretch

Corners = NDArray[np.float32]


@dataclass(frozen=True)
class LabelledPair:
    """A registered pair with its labels.

    Attributes:
        name: of its visible file.
        scene: pairs of one scene resemble each other.
        visible: `[H, W]` uint8 luma.
        thermal: `[H, W]` uint8 grey.
        corners: `[N, 4]` left, top, right, bottom in pixels; None where the pair has no boxes.
        classes: `[N]` int64 numbers of classes.
        ignored: `[K, 4]` regions in which it is neither right nor wrong to find something.
        mask: `[H, W]` uint8 class plus 1, 0 background, 255 unknown; None where the pair has none.
    """

    name: str
    scene: str
    visible: Grey
    thermal: Grey
    corners: Corners | None = None
    classes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    ignored: Corners = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    mask: Grey | None = None

    @cached_property
    def digest(self) -> str:
        """Of the pixels of both pictures."""
        return hashlib.sha256(self.visible.tobytes() + self.thermal.tobytes()).hexdigest()


def load_labelled(
    roots: Sequence[Path], classes: ClassNames, layout: Layout = "auto", split: str = "train"
) -> list[LabelledPair]:
    """Read all labelled pairs of some folders.

    Raises:
        TrainingError: something is missing, damaged or unlike, or a box lies outside its picture.
    """
    pairs = []
    for root in roots:
        entries = find_entries(root, layout, split)
        coco = {
            path: read_coco(path) for path in {e.boxes for e in entries if e.boxes} if path.suffix == ".json"
        }
        names = _names(root)
        pairs += [_load(entry, classes, coco, names) for entry in entries]
    return pairs


def check_apart(splits: Mapping[str, Sequence[LabelledPair]]) -> None:
    """Refuse splits that share pictures, whatever their files are called.

    Raises:
        TrainingError: names the splits and some of the pictures.
    """
    seen: dict[str, tuple[str, str]] = {}
    shared = []
    for split, pairs in splits.items():
        for pair in pairs:
            other, name = seen.setdefault(pair.digest, (split, pair.name))
            if other != split:
                shared.append(f"{name} of {other} is {pair.name} of {split}")
    if shared:
        raise TrainingError(
            f"splits must not overlap, but {len(shared)} pictures are in two: {'; '.join(shared[:3])}"
        )


def _load(
    entry: Entry, classes: ClassNames, coco: Mapping[Path, dict[str, list[NamedBox]]], names: Sequence[str]
) -> LabelledPair:
    visible, thermal = _pictures(entry)
    if visible.shape != thermal.shape:
        raise TrainingError(
            f"{entry.visible} and its thermal picture must have one size, "
            f"got {_size(visible)} and {_size(thermal)}"
        )
    mask = read_mask(entry.mask, entry.mask_names, classes) if entry.mask else None
    if mask is not None and mask.shape != visible.shape:
        raise TrainingError(f"{entry.mask} must be as large as {entry.visible}, got {_size(mask)}")
    found = LabelledPair(str(entry.visible), entry.scene, visible, thermal, mask=mask)
    if entry.boxes is None:
        return found
    boxes = _boxes(entry, coco, names, (visible.shape[1], visible.shape[0]))
    return _with_boxes(found, boxes, classes, entry.boxes)


def _with_boxes(pair: LabelledPair, boxes: list[NamedBox], classes: ClassNames, where: Path) -> LabelledPair:
    corners, numbers, ignored = [], [], []
    height, width = pair.visible.shape
    for box in boxes:
        inside = _inside(box, (width, height), where)
        if box.crowd or classes.is_ignored(box.name):
            ignored.append(inside)
        elif (number := classes.number(box.name, where)) is not None:
            corners.append(inside)
            numbers.append(number)
    return LabelledPair(
        pair.name,
        pair.scene,
        pair.visible,
        pair.thermal,
        np.asarray(corners, np.float32).reshape(-1, 4),
        np.asarray(numbers, np.int64),
        np.asarray(ignored, np.float32).reshape(-1, 4),
        pair.mask,
    )


def _inside(box: NamedBox, size: tuple[int, int], where: Path) -> tuple[float, float, float, float]:
    """The part of a box inside its picture; refused where nothing is."""
    width, height = size
    left, top, right, bottom = box.corners
    kept = max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height))
    if not (kept[0] < kept[2] and kept[1] < kept[3]):
        shown = ", ".join(f"{value:g}" for value in box.corners)
        raise TrainingError(
            f"{where}: the box {shown} (left, top, right, bottom) of a {box.name} is empty or outside the "
            f"picture of {width}x{height}; correct or remove it"
        )
    return kept


def _boxes(
    entry: Entry,
    coco: Mapping[Path, dict[str, list[NamedBox]]],
    names: Sequence[str],
    size: tuple[int, int],
) -> list[NamedBox]:
    path = entry.boxes
    assert path is not None
    if path in coco:
        table = coco[path]
        for key in (f"visible/{entry.visible.name}", entry.visible.name):
            if key in table:
                return table[key]
        raise TrainingError(
            f"{path} has no picture {entry.visible.name}; every pair needs an entry in images"
        )
    if path.suffix == ".xml":
        return read_voc(path)
    return read_kaist(path) if entry.text == "kaist" else read_yolo(path, names, size)


def _names(root: Path) -> list[str]:
    """Classes of YOLO text by number: classes.txt, or person and vehicle."""
    path = root / "classes.txt"
    if not path.is_file():
        return ["person", "vehicle"]
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _pictures(entry: Entry) -> tuple[Grey, Grey]:
    if entry.thermal is None:
        four = _read(entry.visible, cv2.IMREAD_UNCHANGED)
        if four.ndim != 3 or four.shape[2] != 4:
            raise TrainingError(
                f"{entry.visible} must have four channels, the last one thermal, got {four.shape}"
            )
        return luma(np.asarray(four[..., :3])), np.asarray(four[..., 3], np.uint8)
    visible = _read(entry.visible, cv2.IMREAD_COLOR)
    thermal = _read(entry.thermal, cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR)
    if thermal.dtype != np.uint8:
        return luma(visible), stretch(thermal[..., 0])
    return luma(visible), luma(thermal)


def _read(path: Path, flags: int) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), flags)
    if picture is None:
        raise TrainingError(f"the picture {path} cannot be read; remove or replace it")
    return np.asarray(picture)


def _size(picture: NDArray[np.uint8]) -> str:
    return f"{picture.shape[1]}x{picture.shape[0]}"
