"""Joint learning for detection: the same detector, trained on each input separately, on generated scenes.

python -m benchmarks.joint --train TRAIN... --upper UPPER... --test TEST... --work WORK [--seeds 1 2 3]

The folders are written by `gifnet scenes --hard --labels` from other streets each. The packaged detector is
trained on with all fixed inputs at once. From it, for each seed, the lite network is trained on from its
packaged weights twice, with the same pictures and picture losses: jointly with the detector, and without it
(its weight is 0). Then that one detector is trained on for each input separately, and scored on the test
streets before and after.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from benchmarks.joint.common import FUSIONS, INPUTS, learn, mix_of, mixed
from benchmarks.joint.comparison import Case, Comparison, Splits, compare, parser_of
from benchmarks.joint.rows import kept
from gifnet.joint.config import JointSettings
from gifnet.joint.data import LabelledBatch
from gifnet.joint.scores import Verdicts, mean_precision_of
from gifnet.joint.tasks import start_detector
from gifnet.joint.validation import detection_score, judge_boxes
from gifnet.labels import LabelledPair
from gifnet.perception import Detector, detection_loss

FIXED = [name for name in INPUTS if name not in FUSIONS]


def main() -> None:
    parser = parser_of(__doc__, "joint")
    parser.add_argument("--common-steps", type=int, default=800, help="of the detector on all fixed inputs")
    parser.add_argument("--common-rate", type=float, default=1e-3, help="its step size")
    parser.add_argument("--rate", type=float, default=3e-4, help="step size of the detector on each input")
    parser.add_argument("--frozen-stages", type=int, default=3, help="of the detector's backbone")
    compare(Comparison("detection", with_detector, judge, score_of), parser.parse_args())


def judge(case: Case) -> dict[str, Any]:
    """Verdicts and mAP@.5 of a detector that is trained on the input, and mAP@.5 before that."""
    lower, upper, test = case.splits
    detector = start_detector(case.settings)
    found: dict[str, Any] = {"one detector": before(case)}
    pairs = mixed(lower + upper, case.mix)
    train_on(detector, case.settings, pairs, case.arguments.steps, case.arguments.rate)
    judged = judge_boxes(case.mix, detector, test, 2)
    return found | {
        "own detector": round(mean_precision_of(judged), 4),
        "judged": [[[each.scores, each.hits, each.wanted] for each in picture] for picture in judged],
    }


def before(case: Case) -> float:
    """Score of the one detector; that of a fixed input is the same for every seed."""
    arguments = case.arguments
    if case.input in FIXED and (row := kept(arguments.work, arguments.seeds[0], case.input)):
        return float(row["one detector"])
    return round(detection_score(case.mix, start_detector(case.settings), case.splits[2], 2), 4)


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
    """So many steps more."""

    def loss(batch: LabelledBatch) -> Tensor:
        return detection_loss(detector(batch.visible), batch.boxes)["total"]

    torch.manual_seed(settings.seed)
    learn(detector, settings, pairs, steps, rate, loss)


def score_of(judged: Sequence[Any]) -> float:
    """mAP@.5 of the judgements of a row."""
    return mean_precision_of([[Verdicts(*each) for each in picture] for picture in judged])


if __name__ == "__main__":
    main()
