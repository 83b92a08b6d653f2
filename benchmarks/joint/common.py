"""Settings, joint training and measuring that the comparisons of joint learning share."""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gifnet.eval import measure
from gifnet.joint.config import JointSettings
from gifnet.joint.training import start_network
from gifnet.joint.validation import Mix
from gifnet.labels import LabelledPair
from gifnet.train import checkpoint as checkpoints
from gifnet.train.loop import train

LOWER_RATE = 2e-3
METRICS = "EN", "SD", "MI", "SCD", "VIF", "Qabf", "SSIM"
SHOWN = 24


def settings_of(arguments: argparse.Namespace, seed: int, weight: float) -> JointSettings:
    return JointSettings.model_validate(
        {
            "joint": "detection",
            "data": [arguments.train],
            "upper_data": [arguments.upper],
            "test_data": [arguments.test],
            "crop_px": 160,
            "scale_min": 0.8,
            "batch": 4,
            "iterations": arguments.joint_steps,
            "detector_weights": str(arguments.detector) if arguments.detector.is_file() else "random",
            "upper_every": 3,
            "learning_rate": arguments.learning_rate,
            "lower_learning_rate": LOWER_RATE,
            "hypergradient": {"method": arguments.method},
            "aggregation": arguments.aggregation,
            "task_weights": {"detection": weight},
            "clip_norm": 5.0,
            "seed": seed,
            "log_every": 10,
            "checkpoint_every": 100000,
            "validate_every": 100000,
        }
    )


def trained(settings: JointSettings) -> nn.Module:
    """The fusion network after joint training."""
    with tempfile.TemporaryDirectory() as folder:
        outcome = train(
            settings.model_copy(update={"output": Path(folder)}),
            report=lambda iteration, losses: (
                print(iteration, losses, flush=True) if iteration % 100 == 0 else None
            ),
        )
        state = checkpoints.load(outcome.checkpoint).model
    network = start_network(settings)
    network.load_state_dict({name[7:]: part for name, part in state.items() if name.startswith("fusion.")})
    return network.eval()


@torch.no_grad()
def mixed(pairs: Sequence[LabelledPair], mix: Mix) -> list[LabelledPair]:
    """Pairs whose visible and thermal are both what the detector sees."""
    found = []
    for pair in pairs:
        seen = grey(mix(*tensors(pair)))
        found.append(dataclasses.replace(pair, visible=seen, thermal=seen))
    return found


@torch.no_grad()
def metrics(mix: Mix, pairs: Sequence[LabelledPair]) -> dict[str, float]:
    """Means over some test pairs."""
    chosen = pairs[:: max(1, len(pairs) // SHOWN)]
    measured = [measure(grey(mix(*tensors(pair))), pair.visible, pair.thermal) for pair in chosen]
    return {name: round(float(np.mean([each[name] for each in measured])), 3) for name in METRICS}


def tensors(pair: LabelledPair) -> tuple[Tensor, Tensor]:
    visible, thermal = (
        torch.from_numpy(part)[None, None].float() / 255 for part in (pair.visible, pair.thermal)
    )
    return visible, thermal


def grey(picture: Tensor) -> Any:
    return np.asarray(np.rint(255 * picture[0, 0].clamp(0, 1).numpy()), np.uint8)
