"""Joint learning for segmentation: the same network, trained on each input, on generated scenes.

python -m benchmarks.joint.segmentation --train TRAIN... --upper UPPER... --test TEST... --work WORK

As `benchmarks.joint`, but for a segmentation network, which learns from fresh weights in a few hundred
steps; so there is no network that is trained on all inputs first.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from benchmarks.joint.common import learn, mixed
from benchmarks.joint.comparison import Case, Comparison, Splits, compare, parser_of
from gifnet.joint.config import JointSettings
from gifnet.joint.data import LabelledBatch
from gifnet.joint.scores import class_overlap, mean_precision
from gifnet.joint.validation import judge_masks
from gifnet.perception import Segmenter, segmentation_loss


def main() -> None:
    parser = parser_of(__doc__, "joint_segmentation")
    parser.add_argument("--rate", type=float, default=4e-3, help="step size of the segmentation network")
    parser.add_argument("--warm-up", type=int, default=100, help="steps of it before fusion takes one")
    compare(Comparison("segmentation", prepare, judge, score_of), parser.parse_args())


def prepare(settings: JointSettings, arguments: argparse.Namespace, splits: Splits) -> JointSettings:
    """Settings whose fresh segmentation network learns alone at first."""
    return settings.model_copy(
        update={
            "warm_up": arguments.warm_up,
            "iterations": settings.iterations + arguments.warm_up,
            "lower_learning_rate": arguments.rate,
        }
    )


def judge(case: Case) -> dict[str, Any]:
    """Confusion counts and mIoU of a fresh network that is trained on the input."""
    lower, upper, test = case.splits
    torch.manual_seed(case.settings.seed)
    network = Segmenter(2)
    pairs = mixed(lower + upper, case.mix)
    learn(network, case.settings, pairs, case.arguments.steps, case.arguments.rate, loss_of(network))
    judged = [counts.tolist() for counts in judge_masks(case.mix, network, test, 2)]
    return {"mIoU": round(score_of(judged), 4), "judged": judged}


def loss_of(network: Segmenter) -> Callable[[LabelledBatch], Tensor]:
    """Loss of the network on a batch."""

    def loss(batch: LabelledBatch) -> Tensor:
        assert batch.masks is not None
        return segmentation_loss(network(batch.visible), batch.masks)

    return loss


def score_of(judged: Sequence[Any]) -> float:
    """mIoU of the judgements of a row, background included."""
    return mean_precision(class_overlap(torch.tensor(judged).sum(0)))


if __name__ == "__main__":
    main()
