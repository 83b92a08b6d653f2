"""Strength of what a perception network asks of fusion, and the part of it that is chance.

python -m benchmarks.joint.gradients --train TRAIN... --upper UPPER... [--task segmentation]

The networks of the lower level learn alone for some steps. Then the fusion network's gradient is taken for
several pairs of batches, once for the pictures (the visual task) and once for the perception network: their
norms, the cosine of the two, and the mean cosine of one task's gradients of different batches, which is 1
where the batch does not matter and 0 where it is all chance.
"""

from __future__ import annotations

import argparse
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.common import circumstances, save
from gifnet.joint.config import JointSettings
from gifnet.joint.training import JointTraining

LOWER_RATE = {"detection": 1.5e-4, "segmentation": 4e-3}
"""Step sizes of the networks that see, as in the comparisons."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for split in ("train", "upper"):
        parser.add_argument(
            f"--{split}", type=Path, nargs="+", required=True, help="folders of labelled scenes"
        )
    parser.add_argument("--task", choices=("detection", "segmentation"), default="segmentation")
    parser.add_argument("--steps", type=int, default=150, help="of the lower level alone")
    parser.add_argument("--batches", type=int, default=8)
    parser.add_argument("--crops", type=int, default=4, help="in a batch")
    parser.add_argument("--name", help="of the file with the figures; joint_gradients_TASK without")
    arguments = parser.parse_args()
    torch.manual_seed(1)
    training = JointTraining(settings_of(arguments), torch.device("cpu"))
    training.begin()
    for number in range(arguments.steps):
        training.step(number, 1e-3)
    drawn = [flat(training.task_gradients(arguments.steps + number)) for number in range(arguments.batches)]
    found = summarise(drawn, arguments.task)
    print(found)
    facts = {name: getattr(arguments, name) for name in ("task", "steps", "batches", "crops")}
    result = {"summary": found, "arguments": facts, "circumstances": circumstances()}
    print("written:", save(arguments.name or f"joint_gradients_{arguments.task}", result))


def settings_of(arguments: argparse.Namespace) -> JointSettings:
    """Lite from its packaged weights, and the packaged detector or a fresh segmentation network."""
    return JointSettings.model_validate(
        {
            "joint": arguments.task,
            "data": arguments.train,
            "upper_data": arguments.upper,
            "detector": "full",
            "detector_weights": "default",
            "crop_px": 160,
            "scale_min": 0.8,
            "batch": arguments.crops,
            "levelled": True,
            "warm_up": arguments.steps,
            "upper_every": 1,
            "iterations": arguments.steps + 1,
            "learning_rate": 1e-3,
            "lower_learning_rate": LOWER_RATE[arguments.task],
            "decay": "constant",
            "clip_norm": 5.0,
        }
    )


def flat(gradients: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    """One vector for each task."""
    return {task: torch.cat([part.flatten() for part in found.values()]) for task, found in gradients.items()}


def summarise(drawn: list[dict[str, Tensor]], task: str) -> dict[str, Any]:
    """Norms and cosines of the gradients of some batches."""
    found: dict[str, Any] = {
        "cosine of the tasks": mean([cosine(each["visual"], each[task]) for each in drawn])
    }
    for name in ("visual", task):
        norms = [float(each[name].norm()) for each in drawn]
        agreement = [cosine(one[name], other[name]) for one, other in combinations(drawn, 2)]
        found[name] = {"norms": [round(norm, 3) for norm in norms], "cosine of batches": mean(agreement)}
    shares = [float(each[task].norm() / each["visual"].norm()) for each in drawn]
    return found | {"norm in units of visual, median": round(float(np.median(shares)), 3)}


def cosine(one: Tensor, other: Tensor) -> float:
    return float(torch.cosine_similarity(one, other, dim=0))


def mean(values: list[float]) -> float:
    return round(float(np.mean(values)), 3)


if __name__ == "__main__":
    main()
