"""Does joint learning help segmentation? The same network, trained on each input, on generated scenes.

python -m benchmarks.joint.segmentation --train TRAIN --upper UPPER --test TEST [--seeds 1 2 3]

As `benchmarks.joint`, but for a segmentation network, which learns from fresh weights in a few hundred
steps; so there is no network that is trained on all inputs first.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.common import circumstances, save
from benchmarks.joint.common import metrics, mixed, settings_of, trained
from gifnet.joint.config import JointSettings
from gifnet.joint.data import LabelledCrops, load_splits
from gifnet.joint.training import start_network
from gifnet.joint.validation import Mix, segmentation_score
from gifnet.labels import LabelledPair
from gifnet.perception import Segmenter, segmentation_loss

RATE = 4e-3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("train", "upper", "test"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--steps", type=int, default=300, help="of the network on each input")
    parser.add_argument("--joint-steps", type=int, default=300, help="of the lower level in joint training")
    parser.add_argument("--method", default="outer_product")
    parser.add_argument("--aggregation", default="upgrad")
    parser.add_argument("--learning-rate", type=float, default=3e-4, help="of the fusion network")
    arguments = parser.parse_args()
    arguments.detector = Path()
    rows: list[dict[str, Any]] = []
    for seed in arguments.seeds:
        rows += one_seed(arguments, seed)
        facts = {key: value for key, value in vars(arguments).items() if not isinstance(value, Path)}
        print(
            "written:",
            save("joint_segmentation", {"rows": rows, "arguments": facts, "circumstances": circumstances()}),
        )


def one_seed(arguments: argparse.Namespace, seed: int) -> list[dict[str, Any]]:
    """A row for each input."""
    settings = joint_settings(arguments, seed, 1.0)
    lower, upper, test = load_splits(settings)
    mixes: dict[str, Mix] = {
        "joint fusion": trained(settings),
        "fusion without joint level": trained(joint_settings(arguments, seed, 0.0)),
        "fusion as packaged": start_network(settings).eval(),
        "thermal": lambda visible, thermal: thermal,
        "maximum": torch.maximum,
        "visible": lambda visible, thermal: visible,
        "mean": lambda visible, thermal: (visible + thermal) / 2,
    }
    rows = []
    for name, mix in mixes.items():
        began = time.process_time()
        network = train_segmenter(settings, mixed(lower + upper, mix), arguments.steps)
        row = {"seed": seed, "input": name, "mIoU": round(segmentation_score(mix, network, test, 2), 4)}
        row |= {"metrics": metrics(mix, test), "cpu_s": round(time.process_time() - began)}
        print(json.dumps(row), flush=True)
        rows.append(row)
    return rows


def joint_settings(arguments: argparse.Namespace, seed: int, weight: float) -> JointSettings:
    return settings_of(arguments, seed, 1.0).model_copy(
        update={"joint": "segmentation", "warm_up": 120, "lower_learning_rate": RATE}
        | {
            "task_weights": JointSettings.model_fields["task_weights"].default.model_copy(
                update={"segmentation": weight}
            )
        }
    )


def train_segmenter(settings: JointSettings, pairs: Sequence[LabelledPair], steps: int) -> Segmenter:
    """A fresh network after so many steps; its start and its crops depend on the seed alone."""
    torch.manual_seed(settings.seed)
    network = Segmenter(2)
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    crops = LabelledCrops(pairs, settings, 30)
    for iteration in range(steps):
        batch = crops.batch(iteration)
        assert batch.masks is not None
        loss = segmentation_loss(network(batch.visible), batch.masks)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        schedule.step()
    return network


if __name__ == "__main__":
    main()
