"""Training of GIFNet's inference path by losses of the fused picture itself.

The published recipe trains each task's side with the other one frozen, and what inference puts out is a
by-product. Here the path that inference runs is trained by losses that say what a fused picture should be, on
pairs of every kind.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.func import functional_call

from gifnet import weights as weight_files
from gifnet.errors import TrainingError
from gifnet.level import level
from gifnet.model import GIFNet
from gifnet.train import picture_losses as losses
from gifnet.train.config import DirectSettings
from gifnet.train.device import choose_dtype
from gifnet.train.mixed import MixedCrops, Mixture
from gifnet.train.moments import PictureCrops, load_moments
from gifnet.train.pairs import load_pairs, split
from gifnet.train.validation import choose, validate_pictures


class DirectTraining:
    """See `gifnet.train.loop.Training`."""

    def __init__(self, settings: DirectSettings, device: torch.device) -> None:
        """Load the pictures; the network is made by `begin`."""
        pairs, held_out = split(
            load_pairs(settings.data, settings.clip_step, settings.crop_px), settings.held_out
        )
        moments = (
            load_moments(settings.data, settings.clip_step, settings.held_out)
            if settings.moving_every
            else []
        )
        self._crops = MixedCrops(PictureCrops(pairs, moments, settings), settings)
        self._shown = choose(held_out)
        self._settings, self._device = settings, device
        self._dtype = choose_dtype(settings.precision, device)

    def begin(self) -> tuple[nn.Module, torch.optim.Optimizer]:
        """The network with the weights to begin from, and what moves them."""
        model = GIFNet()
        if self._settings.start != "random":
            weight_files.load_into(model, weight_files.read(weight_files.resolve(self._settings.start)))
        if not self._settings.auxiliary:
            model.drop_auxiliary()
        model.to(self._device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's types
        self._model = model
        self._optimiser = torch.optim.Adam(model.parameters(), lr=self._settings.learning_rate)
        return model, self._optimiser

    def step(self, iteration: int, rate: float) -> dict[str, float]:
        """One step, counted from 0; returns the losses.

        Raises:
            TrainingError: the loss or its gradient is not finite; no step was taken.
        """
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        every = self._settings.moving_every
        moving = bool(every) and iteration % every == every - 1
        parts = self._moving(iteration) if moving else self._still(iteration)
        loss = torch.stack(list(parts.values())).sum()
        _check_finite(loss, "the loss")
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # missing in torch's types
        norm = nn.utils.clip_grad_norm_(self._model.parameters(), self._settings.clip_norm or math.inf)
        _check_finite(norm, "the gradient")
        self._optimiser.step()
        return {"private": loss.item()} | {name: part.item() for name, part in parts.items()}

    def validate(self, model: nn.Module, sheet: Path) -> dict[str, float]:
        """Metrics of the held-out pairs, none where no scene is held out; a contact sheet."""
        if not self._shown:
            return {}
        assert isinstance(model, GIFNet)
        return validate_pictures(model, self._shown, sheet)

    def _still(self, iteration: int) -> dict[str, Tensor]:
        batch = self._crops.batch(iteration).to(self._device)
        fused = self._fuse(batch.first, batch.second)
        if self._settings.levelled:
            finished = level(fused, batch.first, batch.second)
            # Levels are those of a visible and a thermal picture.
            fused = torch.where(batch.is_focus[:, None, None, None], fused, finished)
        return mixture_parts(fused, batch, self._settings)

    def _moving(self, iteration: int) -> dict[str, Tensor]:
        crop = self._crops.moving(iteration).to(self._device)
        visible, thermal = torch.cat(crop.visible), torch.cat(crop.thermal)
        fused = self._fuse(visible, thermal)
        if self._settings.levelled:
            fused = level(fused, visible, thermal)
        parts = fusion_parts(fused, visible, thermal, self._settings)
        flicker = losses.temporal_loss((fused[:1], fused[1:]), crop.visible, crop.thermal, crop.places)
        return parts | {"temporal": self._settings.losses.temporal * flicker}

    def _fuse(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """With bfloat16, parameters are rounded for the forward pass; Adam keeps them in float32."""
        rounded = {name: value.to(self._dtype) for name, value in self._model.named_parameters()}
        fused: Tensor = functional_call(
            self._model, rounded, (visible.to(self._dtype), thermal.to(self._dtype))
        )
        return fused.float()


def fusion_parts(
    fused: Tensor, visible: Tensor, thermal: Tensor, settings: DirectSettings
) -> dict[str, Tensor]:
    """Each loss of a fused picture, times its weight."""
    weights, sources = settings.losses, (visible, thermal)
    return {
        "intensity": weights.intensity * losses.intensity_loss(fused, *sources),
        "gradient": weights.gradient * losses.gradient_loss(fused, *sources),
        "difference": weights.difference * losses.difference_loss(fused, *sources),
        "similarity": weights.similarity * losses.similarity_loss(fused, *sources),
        "information": weights.information * losses.information_loss(fused, *sources),
        "coarse": weights.coarse * losses.coarse_loss(fused, *sources),
        "edges": weights.edges * losses.edge_loss(fused, *sources),
        "level": weights.level * losses.level_loss(fused, *sources),
        "overshoot": weights.overshoot * losses.overshoot_loss(fused, *sources),
    }


def mixture_parts(fused: Tensor, batch: Mixture, settings: DirectSettings) -> dict[str, Tensor]:
    """The losses of a batch, in which each crop counts the same.

    Multi-focus pairs are held against the sharp picture that they were made from.
    """
    parts: dict[str, Tensor] = {}
    focus, other = batch.is_focus, ~batch.is_focus
    if other.any():
        share = other.float().mean()
        of_sources = fusion_parts(fused[other], batch.first[other], batch.second[other], settings)
        parts = {name: share * part for name, part in of_sources.items()}
    if focus.any():
        sharp, weights = batch.sharp[focus], settings.losses
        distance = (
            weights.focus * losses.intensity_loss(fused[focus], sharp, sharp)
            + weights.gradient * losses.gradient_loss(fused[focus], sharp, sharp)
            + weights.similarity * losses.similarity_loss(fused[focus], sharp, sharp)
        )
        parts["focus"] = focus.float().mean() * distance
    return parts


def _check_finite(value: Tensor, what: str) -> None:
    if not torch.isfinite(value):
        raise TrainingError(f"{what} is {value.item()}; lower learning_rate or set clip_norm, and resume")
