"""Random crops for training; crop number n depends on the seed and on n alone, so that resuming is exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from gifnet.errors import TrainingError
from gifnet.train.config import TrainSettings
from gifnet.train.multifocus import focus_pair
from gifnet.train.pairs import Pair


@dataclass(frozen=True)
class Batch:
    """Crops of one step, each `[B, 1, S, S]` float32 in [0, 1].

    Attributes:
        visible: luma; what both multi-focus pictures were made from.
        thermal: the registered thermal crop.
        near: `visible`, blurred outside a mask.
        far: `visible`, blurred inside the mask.
    """

    visible: torch.Tensor
    thermal: torch.Tensor
    near: torch.Tensor
    far: torch.Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on another device."""
        parts = (self.visible, self.thermal, self.near, self.far)
        return Batch(*(part.to(device) for part in parts))


class Crops:
    """Draws crops from pairs.

    An epoch visits each pair once in random order and takes one crop of it: a random place, scale, flip and
    quarter turn, and a random multi-focus mask.
    """

    def __init__(self, pairs: Sequence[Pair], settings: TrainSettings) -> None:
        """Keep the pairs.

        Raises:
            TrainingError: when there is no pair.
        """
        if not pairs:
            raise TrainingError("no pair is left to train on; name more data, or fewer scenes in held_out")
        self._pairs = pairs
        self._settings = settings

    def batch(self, iteration: int) -> Batch:
        """The crops of one iteration, counted from 0."""
        size = self._settings.batch
        crops = [self.crop(iteration * size + index) for index in range(size)]
        return Batch(*(torch.from_numpy(np.stack(part)[:, None]) for part in zip(*crops, strict=True)))

    def crop(self, number: int) -> tuple[NDArray[np.float32], ...]:
        """Crop `number` of the run: visible, thermal, near and far, each `[S, S]` float32 in [0, 1]."""
        epoch, index = divmod(number, len(self._pairs))
        seed = self._settings.seed
        order = np.random.default_rng([seed, epoch]).permutation(len(self._pairs))
        random = np.random.default_rng([seed, epoch, index])
        visible, thermal = self._cut(self._pairs[order[index]], random)
        near, far = focus_pair(
            visible, random, self._settings.multifocus.sigma_min_px, self._settings.multifocus.sigma_max_px
        )
        return visible, thermal, near, far

    def _cut(
        self, pair: Pair, random: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        side = self._settings.crop_px
        height, width = pair.visible.shape
        scale = max(random.uniform(self._settings.scale_min, 1.0), side / min(height, width))
        source = min(round(side / scale), height, width)
        top = int(random.integers(height - source + 1))
        left = int(random.integers(width - source + 1))
        turns, flip = int(random.integers(4)), bool(random.integers(2))
        window = (slice(top, top + source), slice(left, left + source))
        visible, thermal = (
            _oriented(_sized(picture[window], side), turns, flip) for picture in (pair.visible, pair.thermal)
        )
        return visible, thermal


def _sized(picture: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    values = np.asarray(picture / np.float32(255), np.float32)
    if values.shape == (side, side):
        return values
    return np.asarray(cv2.resize(values, (side, side), interpolation=cv2.INTER_AREA), np.float32)


def _oriented(picture: NDArray[np.float32], turns: int, flip: bool) -> NDArray[np.float32]:
    turned = np.rot90(picture, turns)
    return np.ascontiguousarray(turned[:, ::-1] if flip else turned)
