"""Crops for every task of GIFNet at once: two cameras, two focal planes, two exposures, two moments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gifnet.train.config import DirectSettings
from gifnet.train.degrade import Picture, degrade
from gifnet.train.moments import MovingCrop, PictureCrops
from gifnet.train.multifocus import focus_pair

_KNOWN_SHIFT_PX = 6
_FRESH_NOISE = 0.02  # standard deviation of what two frames of a camera do not share, at most
_FRESH_GAIN = 0.01


@dataclass(frozen=True)
class Mixture:
    """Crops of one step, `[B, 1, S, S]` float32 in [0, 1].

    Attributes:
        first: visible, or sharp in front.
        second: thermal, or sharp behind, or another exposure.
        sharp: what a multi-focus pair was made from; `first` elsewhere.
        is_focus: `[B]` bool.
    """

    first: Tensor
    second: Tensor
    sharp: Tensor
    is_focus: Tensor

    def to(self, device: torch.device) -> Mixture:
        """The same on another device."""
        return Mixture(*(getattr(self, name).to(device) for name in self.__dataclass_fields__))


class MixedCrops:
    """Draws crops; those of step n depend on the seed and on n alone, so that resuming is exact."""

    def __init__(self, crops: PictureCrops, settings: DirectSettings) -> None:
        """Keep where pairs of pictures come from."""
        self._crops, self._settings = crops, settings

    def batch(self, iteration: int) -> Mixture:
        """The crops of one step, counted from 0."""
        size = self._settings.batch
        drawn = [self._crop(iteration * size + index) for index in range(size)]
        first, second, sharp = (
            torch.from_numpy(np.stack([crop[part] for crop in drawn])[:, None]) for part in range(3)
        )
        return Mixture(first, second, sharp, torch.tensor([crop[3] for crop in drawn]))

    def moving(self, iteration: int) -> MovingCrop:
        """One crop at two moments: of a clip, with estimated motion, or of a pair, with known motion."""
        moment = self._crops.moving(iteration) if iteration % 2 else None
        return moment or self._shifted(iteration)

    def _crop(self, number: int) -> tuple[Picture, Picture, Picture, bool]:
        settings = self._settings
        random = np.random.default_rng([settings.seed, 2, number])
        chosen = random.random()
        if chosen >= settings.multifocus_share + settings.exposure_share:
            first, second = self._crops.crop(number)
            return first, second, first, False
        visible, _ = self._crops.plain(random)
        if chosen >= settings.multifocus_share:
            first, second = (degrade(visible, random, True) for _ in range(2))
            return first, second, first, False
        sharp = degrade(visible, random, False)
        blur = settings.multifocus
        near, far = focus_pair(sharp, random, blur.sigma_min_px, blur.sigma_max_px)
        return near, far, sharp, True

    def _shifted(self, number: int) -> MovingCrop:
        """A still pair, moved by whole pixels; noise and brightness are those of another moment."""
        random = np.random.default_rng([self._settings.seed, 3, number])
        down, right = (int(shift) for shift in random.integers(-_KNOWN_SHIFT_PX, _KNOWN_SHIFT_PX + 1, 2))
        noise = random.uniform(0, _FRESH_NOISE)
        sources = []
        for picture in self._crops.plain(random):
            moved = np.roll(picture, (down, right), axis=(0, 1))
            moments = [self._disturbed(part, noise, random) for part in (picture, moved)]
            sources.append((moments[0], moments[1]))
        side = self._settings.crop_px
        rows, columns = np.mgrid[:side, :side]
        came_from = np.stack([(columns - right) % side, (rows - down) % side], axis=-1)
        places = torch.from_numpy(((2 * came_from + 1) / side - 1).astype(np.float32))[None]
        return MovingCrop(sources[0], sources[1], places)

    def _disturbed(self, picture: Picture, noise: float, random: np.random.Generator) -> Tensor:
        gained = picture * (1 + random.normal(0, _FRESH_GAIN)) + random.normal(0, noise, picture.shape)
        return torch.from_numpy(np.clip(gained, 0, 1).astype(np.float32))[None, None]
