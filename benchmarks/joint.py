"""Does joint learning help? The same detector, trained on each input separately, on generated scenes.

python -m benchmarks.joint --train TRAIN --upper UPPER --test TEST [--seeds 1 2 3]

The folders are written by `gifnet scenes --hard --labels` from other streets each. One detector is trained on
all inputs at once. From it, for each seed, the lite network is trained on from its packaged weights twice,
with the same pictures and picture losses: jointly with the detector, and without it (its weight is 0). Then
that one detector is trained on for each input separately, and scored on the test streets before and after.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from benchmarks.common import circumstances, save
from gifnet.eval import measure
from gifnet.joint.config import JointSettings
from gifnet.joint.data import LabelledCrops, load_splits
from gifnet.joint.tasks import start_detector
from gifnet.joint.training import start_network
from gifnet.joint.validation import Mix, detection_score
from gifnet.labels import LabelledPair
from gifnet.perception import Detector, detection_loss
from gifnet.train import checkpoint as checkpoints
from gifnet.train.loop import train

COMMON_RATE, OWN_RATE = 6e-3, 2e-3
METRICS = "EN", "SD", "MI", "SCD", "VIF", "Qabf", "SSIM"
SHOWN = 24


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("train", "upper", "test"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--common-steps", type=int, default=1500, help="of the detector on all inputs")
    parser.add_argument("--steps", type=int, default=250, help="of the detector on each input")
    parser.add_argument("--joint-steps", type=int, default=240, help="of the lower level in joint training")
    parser.add_argument("--detector", type=Path, help="file of the detector on all inputs, made when missing")
    parser.add_argument("--method", default="outer_product")
    parser.add_argument("--aggregation", default="upgrad")
    parser.add_argument("--learning-rate", type=float, default=3e-4, help="of the fusion network")
    parser.add_argument("--detection-weight", type=float, default=1.0)
    parser.add_argument("--inputs", nargs="+", help="only these; by default all")
    parser.add_argument("--name", default="joint", help="of the file with the figures")
    arguments = parser.parse_args()
    if arguments.detector is None:
        arguments.detector = Path(tempfile.mkdtemp()) / "detector.safetensors"
    rows: list[dict[str, Any]] = []
    for seed in arguments.seeds:
        rows += one_seed(arguments, seed)
        facts = {
            key: value.name if isinstance(value, Path) else value for key, value in vars(arguments).items()
        }
        print(
            "written:",
            save(arguments.name, {"rows": rows, "arguments": facts, "circumstances": circumstances()}),
        )


def one_seed(arguments: argparse.Namespace, seed: int) -> list[dict[str, Any]]:
    """A row for each input."""
    settings = settings_of(arguments, seed, arguments.detection_weight)
    lower, upper, test = load_splits(settings)
    learning = lower + upper
    fixed: dict[str, Mix] = {
        "visible": lambda visible, thermal: visible,
        "thermal": lambda visible, thermal: thermal,
        "mean": lambda visible, thermal: (visible + thermal) / 2,
        "maximum": torch.maximum,
        "fusion as packaged": start_network(settings).eval(),
    }
    if not arguments.detector.is_file():
        # Each picture of every input, so that the detector knows them all.
        everything = [pair for mix in fixed.values() for pair in mixed(learning, mix)]
        common = train_detector(settings, everything, arguments.common_steps, COMMON_RATE)
        save_file({name: part for name, part in common.state_dict().items() if part.ndim}, arguments.detector)
        settings = settings_of(arguments, seed, arguments.detection_weight)
    mixes = dict(fixed)
    wanted = arguments.inputs or [*fixed, "fusion without joint level", "joint fusion"]
    if "joint fusion" in wanted:
        mixes["joint fusion"] = trained(settings)
    if "fusion without joint level" in wanted:
        mixes["fusion without joint level"] = trained(settings_of(arguments, seed, 0.0))
    rows = []
    for name in wanted:
        began = time.process_time()
        before = detection_score(mixes[name], start_detector(settings), test, 2)
        detector = train_detector(settings, mixed(learning, mixes[name]), arguments.steps, OWN_RATE)
        after = detection_score(mixes[name], detector, test, 2)
        row = {"seed": seed, "input": name, "one detector": round(before, 4), "own detector": round(after, 4)}
        row |= {"metrics": metrics(mixes[name], test), "cpu_s": round(time.process_time() - began)}
        print(json.dumps(row), flush=True)
        rows.append(row)
    return rows


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
            "lower_learning_rate": OWN_RATE,
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


def train_detector(
    settings: JointSettings, pairs: Sequence[LabelledPair], steps: int, rate: float
) -> Detector:
    """The settings' detector after so many steps more; its crops depend on the seed alone."""
    torch.manual_seed(settings.seed)
    detector = start_detector(settings)
    optimiser = torch.optim.Adam(detector.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    crops = LabelledCrops(pairs, settings, 30)
    for iteration in range(steps):
        batch = crops.batch(iteration)
        loss = detection_loss(detector(batch.visible), batch.boxes)["total"]
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(detector.parameters(), 5.0)
        optimiser.step()
        schedule.step()
    return detector


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


if __name__ == "__main__":
    main()
