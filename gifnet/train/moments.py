"""Crops for a network that fuses in one pass, and moments of clips: two frames that follow each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gifnet.errors import TrainingError
from gifnet.train.degrade import Picture, degrade
from gifnet.train.pairs import Grey, Pair, clip_pairs
from gifnet.train.shared_settings import CropSettings

_SWAPPED = 0.3  # share of crops in which the two cameras change their parts
_BRIGHT_GAMMA = (0.4, 0.8)


@dataclass(frozen=True)
class Moment:
    """Two registered pairs, one frame apart, and the scene they show."""

    scene: str
    before: Pair
    after: Pair


@dataclass(frozen=True)
class MovingCrop:
    """Crops `[1, 1, S, S]` of a moment in [0, 1].

    Attributes:
        visible: now and one frame later.
        thermal: the same.
        places: `[1, S, S, 2]`: where each pixel of the later frame was, as `grid_sample` takes it.
    """

    visible: tuple[Tensor, Tensor]
    thermal: tuple[Tensor, Tensor]
    places: Tensor

    def to(self, device: torch.device) -> MovingCrop:
        """The same on another device."""
        visible, thermal = (
            (before.to(device), after.to(device)) for before, after in (self.visible, self.thermal)
        )
        return MovingCrop(visible, thermal, self.places.to(device))


class PictureCrops:
    """Draws crops; crop number n depends on the seed and on n alone, so that resuming is exact."""

    def __init__(self, pairs: Sequence[Pair], moments: Sequence[Moment], settings: CropSettings) -> None:
        """Keep the pictures.

        Raises:
            TrainingError: when there is no pair.
        """
        if not pairs:
            raise TrainingError("no pair is left to train on; name more data, or fewer scenes in held_out")
        self._pairs, self._moments, self._settings = pairs, moments, settings

    def batch(self, iteration: int) -> tuple[Tensor, Tensor]:
        """Visible and thermal crops `[B, 1, S, S]` in [0, 1] of an iteration, counted from 0."""
        size = self._settings.batch
        crops = [self.crop(iteration * size + index) for index in range(size)]
        visible, thermal = (torch.from_numpy(np.stack(part)[:, None]) for part in zip(*crops, strict=True))
        return visible, thermal

    def crop(self, number: int) -> tuple[Picture, Picture]:
        """Crop `number`: another place, scale, turn, exposure and damage each time."""
        random = np.random.default_rng([self._settings.seed, 0, number])
        visible, thermal = self.plain(random)
        if random.random() < _SWAPPED:
            visible, thermal = thermal, visible
        visible, thermal = degrade(visible, random, True), degrade(thermal, random, False)
        # No number is drawn for a share of 0, so that recipes without it keep their crops.
        if self._settings.bright_share and random.random() < self._settings.bright_share:
            gamma = np.float32(random.uniform(*_BRIGHT_GAMMA))
            visible, thermal = visible**gamma, thermal**gamma
        return visible, thermal

    def plain(self, random: np.random.Generator) -> tuple[Picture, Picture]:
        """Some place of some pair, both sources as they are."""
        pair = self._pairs[int(random.integers(len(self._pairs)))]
        window, side = _window(pair.visible.shape, self._settings, random), self._settings.crop_px
        turns, flip = int(random.integers(4)), bool(random.integers(2))
        visible, thermal = (
            _turned(_sized(source[window], side), turns, flip) for source in (pair.visible, pair.thermal)
        )
        return visible, thermal

    def moving(self, number: int) -> MovingCrop | None:
        """Crop `number` of the moments; None where no clip is there."""
        if not self._moments:
            return None
        random = np.random.default_rng([self._settings.seed, 1, number])
        moment = self._moments[int(random.integers(len(self._moments)))]
        window, side = _window(moment.before.visible.shape, self._settings, random), self._settings.crop_px
        turns, flip = int(random.integers(4)), bool(random.integers(2))
        pairs = [
            [_turned(_sized(source[window], side), turns, flip) for source in (pair.visible, pair.thermal)]
            for pair in (moment.before, moment.after)
        ]
        places = torch.from_numpy(_places(pairs[0][0], pairs[1][0]))[None]
        before, after = ([torch.from_numpy(part)[None, None] for part in pair] for pair in pairs)
        return MovingCrop((before[0], after[0]), (before[1], after[1]), places)


def load_moments(roots: Sequence[Path], clip_step: int, held_out: Sequence[str]) -> list[Moment]:
    """Every n-th pair of frames that follow each other in the clips of the given folders."""
    return [moment for root in roots for moment in _moments(root, clip_step) if moment.scene not in held_out]


def _moments(root: Path, clip_step: int) -> Iterator[Moment]:
    before: Pair | None = None
    for index, pair in clip_pairs(root, 1):
        if before is not None and index % clip_step == 1 % clip_step and before.scene == pair.scene:
            yield Moment(pair.scene, before, pair)
        before = pair


def _window(
    shape: tuple[int, ...], settings: CropSettings, random: np.random.Generator
) -> tuple[slice, slice]:
    height, width = shape
    scale = max(random.uniform(settings.scale_min, 1.0), settings.crop_px / min(height, width))
    side = min(round(settings.crop_px / scale), height, width)
    top, left = int(random.integers(height - side + 1)), int(random.integers(width - side + 1))
    return slice(top, top + side), slice(left, left + side)


def _sized(picture: Grey, side: int) -> Picture:
    values = np.asarray(picture / np.float32(255), np.float32)
    if values.shape == (side, side):
        return values
    return np.asarray(cv2.resize(values, (side, side), interpolation=cv2.INTER_AREA), np.float32)


def _turned(picture: Picture, turns: int, flip: bool) -> Picture:
    turned = np.rot90(picture, turns)
    return np.ascontiguousarray(turned[:, ::-1] if flip else turned)


def _places(before: Picture, after: Picture) -> NDArray[np.float32]:
    """By dense inverse search (Kroeger et al. 2016), from the later frame to the earlier one."""
    search: Any = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)  # type: ignore[attr-defined]  # missing in OpenCV's types
    grey = [np.asarray(np.rint(255 * picture), np.uint8) for picture in (after, before)]
    flow = search.calc(grey[0], grey[1], None)
    side = before.shape[0]
    rows, columns = np.mgrid[:side, :side]
    places = np.stack([columns + flow[..., 0], rows + flow[..., 1]], axis=-1)
    return np.asarray((2 * places + 1) / side - 1, np.float32)
