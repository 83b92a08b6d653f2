"""Does joint learning help? The same detector, trained on each input separately, on generated scenes.

python -m benchmarks.joint --train TRAIN --upper UPPER --test TEST [--seeds 1 2 3]

The folders are written by `gifnet scenes --hard --labels` from other streets each. One detector is trained on
all inputs at once. From it, for each seed, the lite network is trained on from its packaged weights twice,
with the same pictures and picture losses: jointly with the detector, and without it (its weight is 0). Then
that one detector is trained on for each input separately, and scored on the test streets before and after.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from benchmarks.common import circumstances, save
from benchmarks.joint.common import LOWER_RATE, metrics, mixed, settings_of, trained
from gifnet.joint.config import JointSettings
from gifnet.joint.data import LabelledCrops, load_splits
from gifnet.joint.tasks import start_detector
from gifnet.joint.training import start_network
from gifnet.joint.validation import Mix, detection_score
from gifnet.labels import LabelledPair
from gifnet.perception import Detector, detection_loss

COMMON_RATE, OWN_RATE = 6e-3, LOWER_RATE


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


if __name__ == "__main__":
    main()
