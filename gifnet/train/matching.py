"""Training of features: a visible piece has to be found in its thermal surroundings.

Features of both are correlated (as in L. Bertinetto, J. Valmadre, J. Henriques, A. Vedaldi and P. Torr,
"Fully-convolutional Siamese networks for object tracking", 2016); the shift at which they agree best, in
multiples of chance, is a classification with as many classes as shifts. Real pairs are registered to a few
pixels only, so that every shift within those counts as right; invented ones are exact.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from gifnet.errors import TrainingError
from gifnet.features import FeaturePair, agreement, chances
from gifnet.train.config import FeatureSettings
from gifnet.train.pairs import load_pairs, split
from gifnet.train.pieces import AROUND, PIECE, REACH, Pieces, PieceSource

# Sides of pieces, in turns: small ones say little, and have to say no more than they know.
SIDES = 24, 40, 64
# Right is what lies within this of the place, as a Gaussian, and chance decides a few.
EXACT_PX = 0.7
MIXED = 0.02
VALIDATED = 20


class MatchingTraining:
    """See `gifnet.train.loop.Training`."""

    def __init__(self, settings: FeatureSettings, device: torch.device) -> None:
        """Load the pairs; the network is made by `begin`."""
        pairs, held_out = split(load_pairs(settings.data, settings.clip_step, PIECE), settings.held_out)
        self._pieces = PieceSource(pairs, settings)
        real = settings.model_copy(update={"invented": 0.0})
        self._held_out = PieceSource(held_out, real) if held_out else None
        self._settings, self._device = settings, device

    def begin(self) -> tuple[nn.Module, torch.optim.Optimizer]:
        """The network with random weights, and what moves them."""
        self._model = FeaturePair().to(self._device)
        self._optimiser = torch.optim.Adam(self._model.parameters(), lr=self._settings.learning_rate)
        return self._model, self._optimiser

    def step(self, iteration: int, rate: float) -> dict[str, float]:
        """One step on new pieces, counted from 0; returns the loss."""
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        pieces = self._pieces.batch(iteration).to(self._device)
        loss = matching_loss(found(self._model, pieces, SIDES[iteration % len(SIDES)]), pieces).mean()
        if not math.isfinite(loss.item()):
            raise TrainingError(f"the loss is {loss.item()}; lower learning_rate, or look at the data")
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # missing in torch's types
        if self._settings.clip_norm:
            nn.utils.clip_grad_norm_(self._model.parameters(), self._settings.clip_norm)
        self._optimiser.step()
        return {"matching": loss.item()}

    @torch.no_grad()
    def validate(self, model: nn.Module, sheet: Path) -> dict[str, float]:
        """Loss and share of pieces of the held-out scenes that are found, none where no scene is held out."""
        if self._held_out is None:
            return {}
        assert isinstance(model, FeaturePair)
        losses, hits = [], []
        for number in range(VALIDATED):
            pieces = self._held_out.batch(number).to(self._device)
            surfaces = found(model, pieces, PIECE)
            losses.append(matching_loss(surfaces, pieces))
            hits.append(best(surfaces).sub(pieces.place).norm(dim=1) < 2 + pieces.unsure)
        return {"matching": torch.cat(losses).mean().item(), "found": torch.cat(hits).float().mean().item()}


def found(model: FeaturePair, pieces: Pieces, side: int) -> Tensor:
    """Log-likelihood of each shift up to a constant, `[B, 33, 33]`, by the middle `side` pixels."""
    cut = AROUND + (PIECE - side) // 2
    inner = (slice(None), slice(None), slice(cut, -cut), slice(cut, -cut))
    seen = (model.visible(pieces.visible) * pieces.visible_known)[inner]
    moved = (model.thermal(pieces.thermal) * pieces.thermal_known)[inner]
    sums, variance = agreement(seen, moved)
    return chances(sums, variance, side**2) * model.sharpness


def matching_loss(surfaces: Tensor, pieces: Pieces) -> Tensor:
    """Negative logarithm of how likely the right shifts are, `[B]`."""
    shifts = torch.arange(2 * REACH + 1, device=surfaces.device)
    right, down = (shifts - pieces.place[:, axis, None] for axis in (0, 1))
    away_px = torch.hypot(right[:, None, :], down[:, :, None])
    wrong_px = (away_px - pieces.unsure[:, None, None]).clamp(min=0)
    counts = torch.exp(-wrong_px.square() / (2 * EXACT_PX**2))
    likely = functional.softmax(surfaces.flatten(1), dim=1)
    mixed = (1 - MIXED) * likely + MIXED / likely.shape[1]
    return -torch.log((mixed * counts.flatten(1)).sum(1))


def best(surfaces: Tensor) -> Tensor:
    """The likeliest shift, right and down, `[B, 2]`."""
    places = surfaces.flatten(1).argmax(1)
    width = surfaces.shape[-1]
    return torch.stack((places % width, places // width), dim=1)
