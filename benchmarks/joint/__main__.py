"""Does joint learning help? The same detector, trained on each input separately, on generated scenes.

python -m benchmarks.joint --train TRAIN... --upper UPPER... --test TEST... --work WORK [--seeds 1 2 3]

The folders are written by `gifnet scenes --hard --labels` from other streets each. The packaged detector is
trained on with all fixed inputs at once. From it, for each seed, the lite network is trained on from its
packaged weights twice, with the same pictures and picture losses: jointly with the detector, and without it
(its weight is 0). Then that one detector is trained on for each input separately, and scored on the test
streets before and after.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from safetensors.torch import save_file

from benchmarks.joint.common import (
    FUSIONS,
    INPUTS,
    Splits,
    learn,
    metrics,
    mix_of,
    mixed,
    parser_of,
    settings_of,
    splits_of,
    streets,
)
from benchmarks.joint.rows import begin, keep, kept, write
from gifnet.joint.config import JointSettings
from gifnet.joint.data import LabelledCrops
from gifnet.joint.scores import Verdicts, mean_precision_of
from gifnet.joint.tasks import start_detector
from gifnet.joint.validation import judge_boxes
from gifnet.labels import LabelledPair
from gifnet.perception import Detector, detection_loss

FIXED = [name for name in INPUTS if name not in FUSIONS]


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--common-steps", type=int, default=800, help="of the detector on all fixed inputs")
    parser.add_argument("--common-rate", type=float, default=1e-3, help="its step size")
    parser.add_argument("--rate", type=float, default=3e-4, help="step size of the detector on each input")
    parser.add_argument("--frozen-stages", type=int, default=3, help="of the detector's backbone")
    parser.add_argument("--name", default="joint", help="of the file with the figures")
    arguments = parser.parse_args()
    begin(arguments)
    rows: list[dict[str, Any]] = []
    splits = splits_of(arguments, "detection")
    for seed in arguments.seeds:
        for name in arguments.inputs:
            rows.append(kept(arguments.work, seed, name) or row_of(arguments, splits, seed, name))
        print("written:", write(arguments.name, rows, score_of, arguments), flush=True)


def row_of(arguments: argparse.Namespace, splits: Splits, seed: int, name: str) -> dict[str, Any]:
    """Scores of one input for one seed."""
    began = time.process_time()
    weight = FUSIONS.get(name, 0) * arguments.task_weight
    settings = with_detector(settings_of(arguments, seed, "detection", weight), arguments, splits)
    lower, upper, test = splits
    mix = mix_of(name, settings, arguments.work)
    detector = start_detector(settings)
    row = {"seed": seed, "input": name, "one detector": before(arguments, settings, test, name)}
    train_on(detector, settings, mixed(lower + upper, mix), arguments.steps, arguments.rate)
    judged = judge_boxes(mix, detector, test, 2)
    row |= {
        "own detector": round(mean_precision_of(judged), 4),
        "own detector by folder": by_folder(judged, test),
        "metrics": metrics(mix, test),
        "cpu_s": round(time.process_time() - began),
        "scenes": streets(test),
        "judged": [[[each.scores, each.hits, each.wanted] for each in picture] for picture in judged],
    }
    return keep(arguments.work, row)


def before(
    arguments: argparse.Namespace, settings: JointSettings, test: Sequence[LabelledPair], name: str
) -> float:
    """Score of the one detector; that of a fixed input is the same for every seed."""
    if name in FIXED and (row := kept(arguments.work, arguments.seeds[0], name)):
        return float(row["one detector"])
    mix = mix_of(name, settings, arguments.work)
    return round(mean_precision_of(judge_boxes(mix, start_detector(settings), test, 2)), 4)


def by_folder(judged: Sequence[Sequence[Verdicts]], test: Sequence[LabelledPair]) -> dict[str, float]:
    """mAP@.5 of the pictures of each folder by itself."""
    parts: dict[str, list[Sequence[Verdicts]]] = defaultdict(list)
    for each, pair in zip(judged, test, strict=True):
        parts[pair.scene].append(each)
    return {name: round(mean_precision_of(of_folder), 4) for name, of_folder in sorted(parts.items())}


def with_detector(settings: JointSettings, arguments: argparse.Namespace, splits: Splits) -> JointSettings:
    """The settings with the detector that was trained on all fixed inputs, which is made when missing."""
    full: dict[str, Any] = {
        "detector": "full",
        "frozen_stages": arguments.frozen_stages,
        "lower_learning_rate": arguments.rate / 2,
    }
    path = arguments.work / "detector.safetensors"
    if not path.is_file():
        common = settings.model_copy(update=full | {"detector_weights": "default", "seed": 0})
        learning = [
            pair
            for name in FIXED
            for pair in mixed(splits[0] + splits[1], mix_of(name, common, arguments.work))
        ]
        detector = start_detector(common)
        train_on(detector, common, learning, arguments.common_steps, arguments.common_rate)
        save_file({name: part for name, part in detector.state_dict().items() if part.ndim}, path)
    return settings.model_copy(update=full | {"detector_weights": str(path)})


def train_on(
    detector: Detector, settings: JointSettings, pairs: Sequence[LabelledPair], steps: int, rate: float
) -> None:
    """So many steps more; the crops depend on the seed alone."""
    torch.manual_seed(settings.seed)
    crops = LabelledCrops(pairs, settings, 30)

    def loss_of(iteration: int) -> torch.Tensor:
        batch = crops.batch(iteration)
        return detection_loss(detector(batch.visible), batch.boxes)["total"]

    learn(detector, steps, rate, loss_of)


def score_of(judged: Sequence[Any]) -> float:
    """mAP@.5 of the judgements of a row."""
    return mean_precision_of([[Verdicts(*each) for each in picture] for picture in judged])


if __name__ == "__main__":
    main()
