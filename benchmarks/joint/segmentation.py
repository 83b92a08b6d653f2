"""Does joint learning help segmentation? The same network, trained on each input, on generated scenes.

python -m benchmarks.joint.segmentation --train TRAIN... --upper UPPER... --test TEST... --work WORK

As `benchmarks.joint`, but for a segmentation network, which learns from fresh weights in a few hundred
steps; so there is no network that is trained on all inputs first.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

import torch

from benchmarks.joint.common import (
    FUSIONS,
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
from gifnet.joint.scores import class_overlap, mean_precision
from gifnet.joint.validation import judge_masks
from gifnet.labels import LabelledPair
from gifnet.perception import Segmenter, segmentation_loss


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--rate", type=float, default=4e-3, help="step size of the segmentation network")
    parser.add_argument("--warm-up", type=int, default=100, help="steps of it before fusion takes one")
    parser.add_argument("--name", default="joint_segmentation", help="of the file with the figures")
    arguments = parser.parse_args()
    begin(arguments)
    splits = splits_of(arguments, "segmentation")
    rows: list[dict[str, Any]] = []
    for seed in arguments.seeds:
        for name in arguments.inputs:
            rows.append(kept(arguments.work, seed, name) or row_of(arguments, splits, seed, name))
        print("written:", write(arguments.name, rows, score_of, arguments), flush=True)


def row_of(arguments: argparse.Namespace, splits: Splits, seed: int, name: str) -> dict[str, Any]:
    """Score of one input for one seed."""
    began = time.process_time()
    weight = FUSIONS.get(name, 0) * arguments.task_weight
    settings = settings_of(arguments, seed, "segmentation", weight)
    settings = settings.model_copy(
        update={
            "warm_up": arguments.warm_up,
            "iterations": settings.iterations + arguments.warm_up,
            "lower_learning_rate": arguments.rate,
        }
    )
    lower, upper, test = splits
    mix = mix_of(name, settings, arguments.work)
    network = trained_segmenter(settings, mixed(lower + upper, mix), arguments)
    judged = [counts.tolist() for counts in judge_masks(mix, network, test, 2)]
    found = {"seed": seed, "input": name, "mIoU": round(score_of(judged), 4), "metrics": metrics(mix, test)}
    found |= {"cpu_s": round(time.process_time() - began), "scenes": streets(test), "judged": judged}
    return keep(arguments.work, found)


def trained_segmenter(
    settings: JointSettings, pairs: Sequence[LabelledPair], arguments: argparse.Namespace
) -> Segmenter:
    """A fresh network after so many steps; its start and its crops depend on the seed alone."""
    torch.manual_seed(settings.seed)
    network = Segmenter(2)
    crops = LabelledCrops(pairs, settings, 30)

    def loss_of(iteration: int) -> torch.Tensor:
        batch = crops.batch(iteration)
        assert batch.masks is not None
        return segmentation_loss(network(batch.visible), batch.masks)

    learn(network, arguments.steps, arguments.rate, loss_of)
    return network


def score_of(judged: Sequence[Any]) -> float:
    """mIoU of the judgements of a row, background included."""
    return mean_precision(class_overlap(torch.tensor(judged).sum(0)))


if __name__ == "__main__":
    main()
