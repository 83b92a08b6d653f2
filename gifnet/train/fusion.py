"""Training of GIFNet: both tasks in each iteration, and fused pictures to look at."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from gifnet.model import GIFNet
from gifnet.train.config import TrainSettings
from gifnet.train.data import Crops
from gifnet.train.device import choose_dtype
from gifnet.train.pairs import Pair, load_pairs, split
from gifnet.train.step import Stepper
from gifnet.train.validation import choose, validate


class FusionTraining:
    """See `gifnet.train.loop.Training`."""

    def __init__(self, settings: TrainSettings, device: torch.device, features: nn.Module) -> None:
        """Load the pairs; the network is made by `begin`."""
        pairs, held_out = split(
            load_pairs(settings.data, settings.clip_step, settings.crop_px), settings.held_out
        )
        self._crops = Crops(pairs, settings)
        self._shown: list[Pair] = choose(held_out)
        self._settings, self._device = settings, device
        self._dtype, self._features = choose_dtype(settings.precision, device), features.to(device)

    def begin(self) -> tuple[nn.Module, torch.optim.Optimizer]:
        """The network with random weights, and what moves them."""
        model = GIFNet().to(self._device)
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's types
        settings = self._settings
        self._stepper = Stepper(model, settings.learning_rate, settings.losses, self._features, self._dtype)
        return model, self._stepper.optimiser

    def step(self, iteration: int, rate: float) -> dict[str, float]:
        """Both steps of an iteration, counted from 0; returns the losses."""
        batch = self._crops.batch(iteration).to(self._device)
        return self._stepper.step(batch, iteration, rate, self._settings.clip_norm)

    def validate(self, model: nn.Module, sheet: Path) -> dict[str, float]:
        """Metrics of the held-out pairs, none where no scene is held out; a contact sheet."""
        if not self._shown:
            return {}
        assert isinstance(model, GIFNet)
        return validate(model.to(self._dtype), self._shown, sheet)
