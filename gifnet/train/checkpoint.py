"""Checkpoints: written whole or not at all, the last two kept, refused where settings differ."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gifnet.errors import TrainingError

_PATTERN = "checkpoint_*.pt"
_KEPT = 2
_KEYS = {
    "iteration",
    "model",
    "average",
    "optimiser",
    "random",
    "fingerprint",
    "settings",
    "commit",
    "seconds",
}


@dataclass(frozen=True)
class Checkpoint:
    """State after a number of iterations.

    Attributes:
        iteration: iterations done.
        model: state dictionary of the network.
        average: running mean of the weights; empty where none is kept.
        optimiser: state dictionary of Adam.
        random: state of torch's generator on the CPU.
        fingerprint: of the settings that must not change.
        settings: all settings as JSON.
        commit: of the code that the run began with; "unknown" outside a repository.
        seconds: training time so far.
    """

    iteration: int
    model: dict[str, Tensor]
    average: dict[str, Tensor]
    optimiser: dict[str, Any]
    random: Tensor
    fingerprint: str
    settings: str
    commit: str
    seconds: float


def save(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint and remove all but the last two.

    Raises:
        TrainingError: when the file cannot be written.
    """
    path = folder / f"checkpoint_{checkpoint.iteration:07d}.pt"
    part = path.with_name(path.name + ".part")
    try:
        torch.save(dict(vars(checkpoint)), part)
        part.replace(path)
        for old in sorted(folder.glob(_PATTERN))[:-_KEPT]:
            old.unlink()
    except (OSError, RuntimeError) as error:
        part.unlink(missing_ok=True)
        raise TrainingError(f"the checkpoint {path} cannot be written: {error}; free some space") from None
    return path


def latest(folder: Path) -> Path:
    """The newest checkpoint in a folder.

    Raises:
        TrainingError: when there is none.
    """
    found = sorted(folder.glob(_PATTERN))
    if not found:
        raise TrainingError(f"there is no checkpoint in {folder}; start without --resume")
    return found[-1]


def load(path: Path) -> Checkpoint:
    """Read a checkpoint; nothing in the file is executed.

    Raises:
        TrainingError: when it is damaged or something else.
    """
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError):
        raise TrainingError(f"the checkpoint {path} is damaged; remove it to use the one before") from None
    if not isinstance(values, dict) or set(values) != {field.name for field in fields(Checkpoint)}:
        raise TrainingError(f"{path} is not a training checkpoint")
    return Checkpoint(**values)
