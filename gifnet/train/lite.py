"""Training of the lite network by losses of its picture against both sources."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gifnet import loading
from gifnet import weights as weight_files
from gifnet.errors import TrainingError
from gifnet.level import level, levelled
from gifnet.lite.config import CELL
from gifnet.lite.model import GIFNetLite
from gifnet.train import picture_losses as losses
from gifnet.train.config import LiteSettings
from gifnet.train.moments import MovingCrop, PictureCrops, load_moments
from gifnet.train.pairs import load_pairs, split
from gifnet.train.validation import choose, validate_pictures

_FLAT = 1e-4  # variance, of white, that is added where a picture is flat


class LiteTraining:
    """See `gifnet.train.loop.Training`."""

    def __init__(self, settings: LiteSettings, device: torch.device) -> None:
        """Load the pictures; the network is made by `begin`."""
        pairs, held_out = split(
            load_pairs(settings.data, settings.clip_step, settings.crop_px), settings.held_out
        )
        moments = (
            load_moments(settings.data, settings.clip_step, settings.held_out)
            if settings.losses.temporal
            else []
        )
        self._crops = PictureCrops(pairs, moments, settings)
        self._shown = choose(held_out)
        self._settings, self._device = settings, device
        self._teacher = Teacher(settings, self._crops, device) if settings.distil else None

    def begin(self) -> tuple[nn.Module, torch.optim.Optimizer]:
        """The network with the weights to begin from, and what moves them."""
        self._model = GIFNetLite()
        start = self._settings.start
        if start != "random":
            weight_files.load_into(self._model, weight_files.read(weight_files.resolve(start, "lite")))
        self._model.to(self._device).train()
        self._model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's types
        self._optimiser = torch.optim.Adam(self._model.parameters(), lr=self._settings.learning_rate)
        return self._model, self._optimiser

    def step(self, iteration: int, rate: float) -> dict[str, float]:
        """One step on new crops, counted from 0; returns the losses.

        Raises:
            TrainingError: the loss is not finite; no step was taken.
        """
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        visible, thermal = (part.to(self._device) for part in self._crops.batch(iteration))
        fused, coefficients = self._model.fuse(visible, thermal)
        parts = picture_parts(fused, visible, thermal, self._settings.levelled)
        parts["unsteady"] = unsteadiness(coefficients)
        weights = self._settings.losses.model_dump()
        if self._settings.losses.temporal and (moving := self._crops.moving(iteration)):
            parts["temporal"] = temporal_loss(self._model, moving.to(self._device))
        if self._teacher and iteration % self._teacher.every == 0:
            parts |= self._teacher.distances(self._model, iteration)
            weights |= self._teacher.weights
        loss = torch.stack([weights[name] * part for name, part in parts.items()]).sum()
        if not torch.isfinite(loss):
            raise TrainingError(f"the loss is {loss.item()}; lower learning_rate, or look at the data")
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # missing in torch's types
        if self._settings.clip_norm:
            nn.utils.clip_grad_norm_(self._model.parameters(), self._settings.clip_norm)
        self._optimiser.step()
        return {"private": loss.item()} | {name: part.item() for name, part in parts.items()}

    def validate(self, model: nn.Module, sheet: Path) -> dict[str, float]:
        """Metrics of the held-out pairs, none where no scene is held out; a contact sheet."""
        if not self._shown:
            return {}
        assert isinstance(model, GIFNetLite)
        return validate_pictures(model, self._shown, sheet)


class Teacher:
    """A full network that fuses a fixed set of crops, each once."""

    def __init__(self, settings: LiteSettings, crops: PictureCrops, device: torch.device) -> None:
        assert settings.distil
        distil = settings.distil
        self.every = distil.every
        self.weights = {
            "distil": distil.weight,
            "structure": distil.structure,
            "contrast": distil.contrast,
        }
        network = loading.load(distil.weights, device)
        self._network = levelled(network, float(settings.levelled))
        self._crops, self._count, self._device = crops, distil.crops, device
        self._levelled = settings.levelled
        self._fused: dict[int, Tensor] = {}

    def distances(self, model: GIFNetLite, iteration: int) -> dict[str, Tensor]:
        """Distances of the model's picture of a crop from the teacher's, by the names in `weights`."""
        number = iteration // self.every % self._count
        visible, thermal = (torch.from_numpy(part)[None, None] for part in self._crops.crop(number))
        visible, thermal = visible.to(self._device), thermal.to(self._device)
        if number not in self._fused:
            with torch.no_grad():
                self._fused[number] = self._network(visible, thermal)
        fused = model.fuse(visible, thermal)[0]
        if self._levelled:
            fused = level(fused, visible, thermal)
        return distances_from(fused, self._fused[number])


def distances_from(fused: Tensor, taught: Tensor) -> dict[str, Tensor]:
    """Distances of two pictures [1, 1, H, W] by their names in `Teacher.weights`.

    The mean distance alone is least for a picture between all that the teacher might have made, which is
    paler than any of them: correlation asks for its structure, the standard deviations for its contrast.
    """
    (own, spread), (other, asked) = (_spread(picture) for picture in (fused, taught))
    return {
        "distil": F.l1_loss(fused, taught),
        "structure": 1 - (own * other).mean() / (spread * asked),
        "contrast": (spread.log() - asked.log()).abs(),
    }


def _spread(picture: Tensor) -> tuple[Tensor, Tensor]:
    """A picture without its mean, and its standard deviation."""
    centred = picture - picture.mean()
    return centred, torch.sqrt(centred.square().mean() + _FLAT)


def picture_parts(
    fused: Tensor, visible: Tensor, thermal: Tensor, levelled: bool = False
) -> dict[str, Tensor]:
    """Each loss by the name of its weight in `PictureLossSettings`; of the picture after `level` if asked."""
    shown = level(fused, visible, thermal) if levelled else fused.clamp(0, 1)
    sources = visible, thermal
    return {
        "intensity": losses.intensity_loss(shown if levelled else fused, *sources),
        "gradient": losses.gradient_loss(shown, *sources),
        "difference": losses.difference_loss(shown, *sources),
        "similarity": losses.similarity_loss(shown, *sources),
        "information": losses.information_loss(shown, *sources),
        "range": losses.range_loss(fused),
    }


def unsteadiness(coefficients: Tensor) -> Tensor:
    """Mean change of a, b and c from cell to cell.

    A mixture that is the same over large areas holds for other cameras than those seen in training, and keeps
    brightness in order across the picture; details are left free.
    """
    mixture = torch.cat([coefficients[:, : 2 * CELL], coefficients[:, -CELL:]], dim=1)
    return mixture.diff(dim=2).abs().mean() + mixture.diff(dim=3).abs().mean()


def temporal_loss(model: GIFNetLite, moving: MovingCrop) -> Tensor:
    """Flicker of the model's picture of a crop at two moments."""
    sources = moving.visible, moving.thermal
    pictures: Tensor = model(*(torch.cat(source) for source in sources))
    return losses.temporal_loss((pictures[:1], pictures[1:]), *sources, moving.places)
