"""Joint training: perception networks learn on fused pictures, and fusion learns from how they answer."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from gifnet import weights as weight_files
from gifnet.errors import TrainingError
from gifnet.joint.aggregation import aggregate, make_aggregator
from gifnet.joint.config import JointSettings
from gifnet.joint.data import LabelledBatch, LabelledCrops, load_splits
from gifnet.joint.hypergradient import Parameters, dot, hypergradient
from gifnet.joint.tasks import Task, make_tasks
from gifnet.joint.validation import measure_perception
from gifnet.level import level
from gifnet.lite.model import GIFNetLite
from gifnet.model import GIFNet
from gifnet.train.pairs import Pair
from gifnet.train.validation import choose, validate_pictures


class JointNetwork(nn.Module):
    """The fusion network and the networks that look at its picture, by the names of their tasks."""

    def __init__(self, fusion: nn.Module, perception: dict[str, nn.Module]) -> None:
        super().__init__()
        self.fusion = fusion
        self.perception = nn.ModuleDict(perception)

    def forward(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """Fuse two pictures."""
        return cast(Tensor, self.fusion(visible, thermal))


class Fuse(nn.Module):
    """A fusion network as training sees it: lite's picture is not yet held within [0, 1], unless levelled."""

    def __init__(self, network: nn.Module, levelled: bool) -> None:
        super().__init__()
        self.network, self._levelled = network, levelled

    def forward(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """Fuse two pictures."""
        if isinstance(self.network, GIFNetLite):
            fused = self.network.fuse(visible, thermal)[0]
        else:
            fused = cast(Tensor, self.network(visible, thermal))
        return level(fused, visible, thermal) if self._levelled else fused


class JointTraining:
    """See `gifnet.train.loop.Training`.

    One Adam moves all networks: what has no gradient in a step stays, so each keeps its own count of steps.
    """

    def __init__(self, settings: JointSettings, device: torch.device) -> None:
        """Load the pairs; the networks are made by `begin`."""
        lower, upper, self._test = load_splits(settings)
        self._lower = LabelledCrops(lower, settings, 20)
        self._upper = LabelledCrops(upper, settings, 21)
        self._aggregator = make_aggregator(settings.aggregation)
        self._settings, self._device = settings, device

    def begin(self) -> tuple[nn.Module, torch.optim.Optimizer]:
        """The fusion network as it begins, fresh perception networks, and what moves them."""
        settings = self._settings
        fusion = start_network(settings)
        self._tasks = make_tasks(settings)
        model = JointNetwork(fusion, {task.name: task.network for task in self._tasks}).to(self._device)
        self._fuse = Fuse(fusion, settings.levelled)
        self._model = model
        self._optimiser = torch.optim.Adam(
            [
                {"params": [p for p in fusion.parameters() if p.requires_grad], "lr": settings.learning_rate},
                {"params": list(model.perception.parameters()), "lr": settings.lower_learning_rate},
            ]
        )
        return model, self._optimiser

    def step(self, iteration: int, rate: float) -> dict[str, float]:
        """One step of the lower level, and one of the upper level when it is time.

        Raises:
            TrainingError: a loss or gradient is not finite; that network's step was not taken.
        """
        settings = self._settings
        share = rate / settings.learning_rate
        for group, full in zip(
            self._optimiser.param_groups, (settings.learning_rate, settings.lower_learning_rate), strict=True
        ):
            group["lr"] = share * full
        batch = self._lower.batch(iteration).to(self._device)
        losses = self._lower_step(batch)
        turn = iteration - settings.warm_up
        if turn >= 0 and turn % settings.upper_every == settings.upper_every - 1:
            losses |= self._upper_step(batch, self._upper.batch(iteration).to(self._device))
        return losses

    def task_gradients(self, iteration: int) -> dict[str, dict[str, Tensor]]:
        """Hypergradient of each task with a weight, not yet weighed, on the crops of an iteration."""
        below, above = (crops.batch(iteration).to(self._device) for crops in (self._lower, self._upper))
        return self._task_gradients(below, above)[0]

    def validate(self, model: nn.Module, sheet: Path) -> dict[str, float]:
        """Metrics of the pairs that are only measured on: of the pictures, and of what sees them."""
        if not self._test:
            return {}
        assert isinstance(model, JointNetwork)
        shown = choose([Pair(pair.name, pair.scene, pair.visible, pair.thermal) for pair in self._test])
        fuse = Fuse(model.fusion, self._settings.levelled)
        found = validate_pictures(fuse, shown, sheet)
        return found | measure_perception(fuse, model.perception, self._test, len(self._settings.classes))

    def _lower_step(self, batch: LabelledBatch) -> dict[str, float]:
        with torch.no_grad():
            fused = self._fuse(batch.visible, batch.thermal)
        _check_finite(fused.sum(), "the fused picture")
        self._optimiser.zero_grad(set_to_none=True)
        losses = {}
        for task in self._tasks:
            loss = task.lower(None, fused, batch)
            _check_finite(loss, f"the {task.name} loss of the lower level")
            loss.backward()  # type: ignore[no-untyped-call]  # missing in torch's types
            self._clip(task.network.parameters(), f"the gradient of the {task.name} network")
            losses[f"{task.name} lower"] = loss.item()
        self._optimiser.step()
        return losses

    def _upper_step(self, below: LabelledBatch, above: LabelledBatch) -> dict[str, float]:
        found, losses = self._task_gradients(below, above)
        weights = self._settings.task_weights.model_dump()
        weighted = [
            {name: weights[task] * part for name, part in gradient.items()}
            for task, gradient in found.items()
        ]
        self._optimiser.zero_grad(set_to_none=True)
        upper = self._upper_parameters()
        for name, part in aggregate(weighted, self._aggregator).items():
            upper[name].grad = part
        self._clip(upper.values(), "the hypergradient")
        self._optimiser.step()
        return losses

    def _task_gradients(
        self, below: LabelledBatch, above: LabelledBatch
    ) -> tuple[dict[str, dict[str, Tensor]], dict[str, float]]:
        """Of each task with a weight, and what to log of them."""
        gradients: dict[str, dict[str, Tensor]] = {}
        losses: dict[str, float] = {}
        for task in self._tasks:
            if getattr(self._settings.task_weights, task.name):
                gradients[task.name], logged = self._hypergradient(task, below, above)
                losses |= logged
        return gradients, losses

    def _upper_parameters(self) -> dict[str, Tensor]:
        return {name: part for name, part in self._fuse.named_parameters() if part.requires_grad}

    def _hypergradient(
        self, task: Task, below: LabelledBatch, above: LabelledBatch
    ) -> tuple[dict[str, Tensor], dict[str, float]]:
        """Of one task, and what to log of it: its upper loss, and with `implicit` the share of the answer.

        That share is the norm of the answer of the lower level in units of the direct part. Conjugate
        gradients that meet negative curvature at once leave it at 0, which must not go unnoticed.
        """
        reached = []

        def fuse(parameters: Parameters, batch: LabelledBatch) -> Tensor:
            fused: Tensor = functional_call(self._fuse, dict(parameters), (batch.visible, batch.thermal))
            return fused

        def outer(above_parameters: Parameters, parameters: Parameters) -> Tensor:
            loss = task.upper(parameters, fuse(above_parameters, above), above)
            reached.append(loss.detach())
            return loss

        def inner(above_parameters: Parameters, parameters: Parameters) -> Tensor:
            return task.lower(parameters, fuse(above_parameters, below), below)

        settings = self._settings.hypergradient
        options = settings.model_dump(exclude={"method"})
        lower = {name: part for name, part in task.network.named_parameters() if part.requires_grad}
        upper = self._upper_parameters()
        found = hypergradient(outer, inner, upper, lower, settings.method, **options)
        _check_finite(reached[0], f"the {task.name} loss of the upper level")
        losses = {f"{task.name} upper": float(reached[0])}
        if settings.method == "implicit":
            direct = hypergradient(outer, inner, upper, lower, "direct")
            answer = {name: found[name] - part for name, part in direct.items()}
            losses[f"{task.name} answer"] = float((dot(answer, answer) / dot(direct, direct)).sqrt())
        return found, losses

    def _clip(self, parameters: Iterable[Tensor], what: str) -> None:
        norm = nn.utils.clip_grad_norm_(list(parameters), self._settings.clip_norm or math.inf)
        _check_finite(norm, what)


def start_network(settings: JointSettings) -> nn.Module:
    """The fusion network with the weights that the settings begin from."""
    if settings.network == "lite":
        lite = GIFNetLite()
        if settings.start != "random":
            state = weight_files.read(weight_files.resolve(settings.start, "lite"))
            weight_files.load_into(lite, state)
        return lite
    full = GIFNet()
    if settings.start != "random":
        weight_files.load_into(full, weight_files.read(weight_files.resolve(settings.start)))
    if not full.uses_auxiliary:
        full.drop_auxiliary()
    return full


def _check_finite(value: Tensor, what: str) -> None:
    if not torch.isfinite(value):
        raise TrainingError(
            f"{what} is {value.item()}; lower learning_rate or lower_learning_rate, or look at the labels"
        )
