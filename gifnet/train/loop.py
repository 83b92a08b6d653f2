"""The training loop: data, steps, log, checkpoints, pictures to look at."""

from __future__ import annotations

import copy
import math
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from gifnet.errors import TrainingError
from gifnet.joint.config import JointSettings
from gifnet.joint.training import JointTraining
from gifnet.perception.training import DetectorTraining
from gifnet.perception.training_config import DetectorSettings
from gifnet.train import checkpoint as checkpoints
from gifnet.train import journal
from gifnet.train.checkpoint import Checkpoint
from gifnet.train.config import (
    DirectSettings,
    LiteSettings,
    Settings,
    TrainSettings,
    fingerprint,
)
from gifnet.train.device import choose_device
from gifnet.train.direct import DirectTraining
from gifnet.train.fusion import FusionTraining
from gifnet.train.lite import LiteTraining
from gifnet.train.losses import GradientPyramid
from gifnet.train.matching import MatchingTraining
from gifnet.train.shared_settings import RunSettings

LOG = "log.jsonl"
PLOT = "losses.png"

Report = Callable[[int, dict[str, float]], None]


class Training(Protocol):
    """A network in training with its data, which are loaded when it is made."""

    def begin(self) -> tuple[nn.Module, torch.optim.Optimizer]:
        """The network with random weights, and what moves them."""

    def step(self, iteration: int, rate: float) -> dict[str, float]:
        """One iteration, counted from 0, with a step size; returns the losses."""

    def validate(self, model: nn.Module, sheet: Path) -> dict[str, float]:
        """Metrics of what is held out, empty where nothing is; may draw a picture."""


@dataclass(frozen=True)
class Outcome:
    """End of a run: iterations done, its last checkpoint, and whether it was asked to stop early."""

    iteration: int
    checkpoint: Path
    stopped: bool


def train(
    settings: Settings,
    resume: bool = False,
    report: Report = lambda iteration, losses: None,
    stopping: Callable[[], bool] = lambda: False,
    features: nn.Module | None = None,
) -> Outcome:
    """Train a network from scratch, or go on from the newest checkpoint of `settings.output`.

    On the CPU a continued run equals an uninterrupted one bit for bit.

    Args:
        settings: everything about the run.
        resume: go on; the settings that enter a step must be those of the checkpoint.
        report: called after each iteration with its number and losses.
        stopping: asked after each iteration; true ends the run after a checkpoint.
        features: for GIFNet: returns feature maps of a picture for the source weights; by default a pyramid.

    Raises:
        TrainingError: data, device, checkpoint or a loss that is not finite; older checkpoints stay.
    """
    run = Run(settings, features)
    if resume:
        run.restore(checkpoints.load(checkpoints.latest(settings.output)))
    elif any(settings.output.glob("checkpoint_*.pt")):
        raise TrainingError(
            f"{settings.output} already holds a run; go on with --resume or name another --output"
        )
    while run.iteration < settings.iterations:
        report(run.iteration + 1, _advance(run))
        if stopping():
            return Outcome(run.iteration, run.save(), run.iteration < settings.iterations)
    return Outcome(run.iteration, run.save(), False)


def _advance(run: Run) -> dict[str, float]:
    try:
        return run.advance()
    except (TrainingError, RuntimeError, MemoryError) as error:
        if not isinstance(error, TrainingError):
            if not _is_full_memory(error):
                raise
            error = TrainingError("the memory is full; lower batch or crop_px")
        good = sorted(run.settings.output.glob("checkpoint_*.pt"))
        last = f"the last good checkpoint is {good[-1]}" if good else "there is no checkpoint yet"
        raise TrainingError(f"{error}; {last}") from None


def _is_full_memory(error: Exception) -> bool:
    # On a CPU torch raises a plain RuntimeError.
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "allocate memory" in str(error)


class Run:
    """The state of a run, and what one iteration does to it."""

    def __init__(self, settings: Settings, features: nn.Module | None = None) -> None:
        self.settings = settings
        self.iteration = 0
        self.seconds = 0.0
        self.commit = _commit()
        self._training = _training(settings, choose_device(settings.device), features)
        _make_folder(settings.output)
        torch.manual_seed(settings.seed)
        self.model, self.optimiser = self._training.begin()
        self.average = copy.deepcopy(self.model.state_dict()) if settings.average else {}

    def advance(self) -> dict[str, float]:
        """Do one iteration; log, save and validate when it is time. Returns the losses."""
        began = time.perf_counter()
        rate = learning_rate(self.settings, self.iteration)
        losses = self._training.step(self.iteration, rate)
        self._update_average()
        self.iteration += 1
        self.seconds += time.perf_counter() - began
        self._keep_records(losses, rate)
        return losses

    def save(self) -> Path:
        """Write a checkpoint of the present state and draw the losses."""
        journal.plot(journal.read(self._log), self.settings.output / PLOT)
        return checkpoints.save(
            self.settings.output,
            Checkpoint(
                iteration=self.iteration,
                model=self.model.state_dict(),
                average=self.average,
                optimiser=self.optimiser.state_dict(),
                random=torch.get_rng_state(),
                fingerprint=fingerprint(self.settings),
                settings=self.settings.model_dump_json(),
                commit=self.commit,
                seconds=self.seconds,
            ),
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take over a checkpoint's state.

        Raises:
            TrainingError: when it was made with other settings.
        """
        if checkpoint.fingerprint != fingerprint(self.settings):
            raise TrainingError(
                f"the checkpoint in {self.settings.output} was made with other settings; "
                "only output, data place, device, iterations and the intervals may change"
            )
        self.model.load_state_dict(checkpoint.model)
        device = next(self.model.parameters()).device
        self.average = {name: value.to(device) for name, value in checkpoint.average.items()}
        self.optimiser.load_state_dict(checkpoint.optimiser)
        torch.set_rng_state(checkpoint.random)
        self.iteration, self.seconds = checkpoint.iteration, checkpoint.seconds
        self.commit = checkpoint.commit
        journal.cut(self._log, self.iteration)

    @property
    def _log(self) -> Path:
        return self.settings.output / LOG

    def _keep_records(self, losses: dict[str, float], rate: float) -> None:
        if self.iteration % self.settings.log_every == 0:
            journal.append(self._log, self._record() | {"learning_rate": rate, "losses": losses})
        if self.iteration % self.settings.validate_every == 0 and (metrics := self._validate()):
            journal.append(self._log, self._record() | {"metrics": metrics})
        if self.iteration % self.settings.checkpoint_every == 0:
            self.save()

    def _record(self) -> dict[str, object]:
        return {"iteration": self.iteration, "seconds": round(self.seconds, 2)}

    def _validate(self) -> dict[str, float]:
        model = copy.deepcopy(self.model).eval()
        if self.average:
            model.load_state_dict(self.average)
        sheet = self.settings.output / f"fused_{self.iteration:07d}.png"
        return self._training.validate(model, sheet)

    def _update_average(self) -> None:
        if not self.average:
            return
        # Early on the mean follows closely, so that it forgets the random start.
        decay = min(self.settings.average, (1 + self.iteration) / (10 + self.iteration))
        current: dict[str, Tensor] = self.model.state_dict()
        for name, value in self.average.items():
            if value.is_floating_point():
                value.lerp_(current[name], 1 - decay)
            else:  # counters of batch norm have no mean
                value.copy_(current[name])


def learning_rate(settings: RunSettings, iteration: int) -> float:
    """Step size of an iteration counted from 0; the cosine reaches 1 % of the first at the end."""
    if settings.decay == "constant":
        return settings.learning_rate
    progress = min(iteration / settings.iterations, 1.0)
    return settings.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))


def _training(settings: Settings, device: torch.device, features: nn.Module | None) -> Training:
    if isinstance(settings, TrainSettings):
        return FusionTraining(settings, device, features or GradientPyramid())
    if isinstance(settings, LiteSettings):
        return LiteTraining(settings, device)
    if isinstance(settings, DirectSettings):
        return DirectTraining(settings, device)
    if isinstance(settings, JointSettings):
        return JointTraining(settings, device)
    if isinstance(settings, DetectorSettings):
        return DetectorTraining(settings, device)
    return MatchingTraining(settings, device)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"the output folder {folder} cannot be made: {error.strerror}") from None


def _commit() -> str:
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
