"""One iteration: a multi-modal and a multi-focus step, each with the other side frozen."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.func import functional_call

from gifnet.config import Task
from gifnet.errors import TrainingError
from gifnet.model import GIFNet
from gifnet.train.config import LossSettings
from gifnet.train.data import Batch
from gifnet.train.losses import multifocus_loss, multimodal_loss, public_loss, source_weights


class Branches(nn.Module):
    """Runs the three branches of one task: reconstruction, the task's own side, the frozen other side."""

    def __init__(self, model: GIFNet) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, task: Task, own: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Two visible-like and thermal-like pairs to the reconstruction and the fused picture."""
        features = self.model.encode(*own)
        with torch.no_grad():
            frozen = self.model.encode(*other)
        fused = self.model.decode(features, self.model.interact(features, frozen, task))
        return self.model.reconstruct(features), fused


class Stepper:
    """Owns the optimiser and takes its steps.

    With bfloat16 the parameters are rounded for each forward pass while the optimiser keeps them in float32;
    losses are float32 always.
    """

    def __init__(
        self,
        model: GIFNet,
        learning_rate: float,
        losses: LossSettings,
        features: nn.Module,
        dtype: torch.dtype,
    ) -> None:
        self.model = model
        self.optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate)
        self._branches = Branches(model)
        self._losses = losses
        self._features = features
        self._dtype = dtype

    def step(
        self, batch: Batch, iteration: int, learning_rate: float, clip_norm: float | None
    ) -> dict[str, float]:
        """Take both optimiser steps of an iteration; returns each loss by name.

        Args:
            batch: crops of this iteration.
            iteration: its number, counted from 0.
            learning_rate: step size of Adam.
            clip_norm: largest norm of a task's gradient.

        Raises:
            TrainingError: a loss or its gradient is not finite; that task's step was not taken.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate
        weights = source_weights(
            batch.visible, batch.thermal, self._features, self._losses.temperature, self._losses.weigh
        )
        pictures, focus = (batch.visible, batch.thermal), (batch.far, batch.near)

        every = self._losses.inference_every
        if every and iteration % every == every - 1:
            # Inference runs the multi-focus side as main, with both sides on the same pair. Published
            # training never shows it a thermal picture; this teaches it which intensities to keep.
            rebuilt, fused = self._forward("multi-focus", pictures, pictures)
        else:
            rebuilt, fused = self._forward("multi-modal", pictures, focus)
        report = self._descend(
            "multi-modal",
            public_loss(rebuilt, batch.visible),
            multimodal_loss(fused, batch.visible, batch.thermal, weights),
            clip_norm,
        )
        rebuilt, fused = self._forward("multi-focus", focus, pictures)
        report |= self._descend(
            "multi-focus",
            public_loss(rebuilt, batch.visible),
            multifocus_loss(fused, batch.visible),
            clip_norm,
        )
        return report | {"thermal weight": float(weights[:, 1].mean())}

    def _forward(
        self, task: Task, own: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        dtype = self._dtype
        rounded = {name: value.to(dtype) for name, value in self._branches.named_parameters()}
        inputs = [tuple(part.to(dtype) for part in pair) for pair in (own, other)]
        rebuilt, fused = functional_call(self._branches, rounded, (task, *inputs))
        return rebuilt.float(), fused.float()

    def _descend(
        self, task: Task, public: Tensor, private: Tensor, clip_norm: float | None
    ) -> dict[str, float]:
        loss = public + private
        _check_finite(loss, f"the {task} loss")
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no types here
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), clip_norm or math.inf)
        _check_finite(norm, f"the gradient of the {task} loss")
        self.optimiser.step()
        return {f"{task} public": public.item(), f"{task} private": private.item()}


def _check_finite(value: Tensor, what: str) -> None:
    if not torch.isfinite(value):
        raise TrainingError(f"{what} is {value.item()}; lower learning_rate or set clip_norm, and resume")
