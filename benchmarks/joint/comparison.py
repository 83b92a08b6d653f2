"""A comparison of joint learning: its arguments, and a row of figures for each input and seed."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.joint.common import FUSIONS, INPUTS, metrics, mix_of, streets
from benchmarks.joint.rows import Score, begin, keep, kept, write
from gifnet.joint.config import JointSettings
from gifnet.joint.data import load_splits
from gifnet.joint.validation import Mix
from gifnet.labels import LabelledPair

Splits = tuple[list[LabelledPair], list[LabelledPair], list[LabelledPair]]
"""Pairs of the lower level, of the upper level, and those that are scored."""


@dataclass(frozen=True)
class Case:
    """One input and one seed.

    Attributes:
        input: one of `INPUTS`.
        mix: makes the input of a visible and a thermal picture.
        settings: of the joint training, with the seed.
    """

    input: str
    mix: Mix
    settings: JointSettings
    splits: Splits
    arguments: argparse.Namespace


@dataclass(frozen=True)
class Comparison:
    """Task of a comparison, with its training and its scores.

    Attributes:
        task: as in `joint:`.
        prepare: fits the settings to the task, and makes what all rows need.
        judge: trains the task's network on the input; returns scores, and under "judged" the judgement of
            every test picture.
        score: of judgements.
    """

    task: str
    prepare: Callable[[JointSettings, argparse.Namespace, Splits], JointSettings]
    judge: Callable[[Case], dict[str, Any]]
    score: Score


def compare(comparison: Comparison, arguments: argparse.Namespace) -> None:
    """Rows of all seeds and inputs that the folder lacks, and after each seed the record of all so far."""
    begin(arguments)
    splits = splits_of(arguments, comparison.task)
    rows: list[dict[str, Any]] = []
    for seed in arguments.seeds:
        for name in arguments.inputs:
            row = kept(arguments.work, seed, name)
            rows.append(row or _row_of(comparison, arguments, splits, seed, name))
        print("written:", write(arguments.name, rows, comparison.score, arguments), flush=True)


def _row_of(
    comparison: Comparison, arguments: argparse.Namespace, splits: Splits, seed: int, name: str
) -> dict[str, Any]:
    began = time.process_time()
    weight = FUSIONS.get(name, 0) * arguments.task_weight
    settings = settings_of(arguments, seed, comparison.task, weight)
    settings = comparison.prepare(settings, arguments, splits)
    mix = mix_of(name, settings, arguments.work)
    row = {"seed": seed, "input": name} | comparison.judge(Case(name, mix, settings, splits, arguments))
    row |= {"metrics": metrics(mix, splits[2]), "scenes": streets(splits[2])}
    return keep(arguments.work, row | {"cpu_s": round(time.process_time() - began)})


def parser_of(doc: str | None, name: str) -> argparse.ArgumentParser:
    """The arguments that all comparisons have; `name` is the default of the record's."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    for split in ("train", "upper", "test"):
        parser.add_argument(
            f"--{split}", type=Path, nargs="+", required=True, help="folders of labelled scenes"
        )
    parser.add_argument("--work", type=Path, required=True, help="folder for what is done; a new run goes on")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--steps", type=int, default=250, help="of the network on each input")
    parser.add_argument("--upper-steps", type=int, default=200, help="of the fusion network")
    parser.add_argument(
        "--upper-every", type=int, default=2, help="steps of the lower level for one of those"
    )
    parser.add_argument("--method", default="outer_product")
    parser.add_argument("--aggregation", default="upgrad")
    parser.add_argument("--learning-rate", type=float, default=1e-3, help="of the fusion network")
    parser.add_argument("--task-weight", type=float, default=1.0, help="of the detector or segmenter")
    parser.add_argument("--crop", type=int, default=160)
    parser.add_argument("--test-step", type=int, default=1, help="score every n-th test picture")
    parser.add_argument("--no-level", action="store_true", help="look at pictures before `gifnet.level`")
    parser.add_argument("--inputs", nargs="+", choices=INPUTS, default=list(INPUTS))
    parser.add_argument("--name", default=name, help="of the file with the figures")
    return parser


def settings_of(arguments: argparse.Namespace, seed: int, task: str, weight: float) -> JointSettings:
    """Of a joint training with a weight of the task's gradient."""
    return JointSettings.model_validate(
        {
            "joint": task,
            "data": arguments.train,
            "upper_data": arguments.upper,
            "test_data": arguments.test,
            "crop_px": arguments.crop,
            "scale_min": 0.8,
            "batch": 4,
            "iterations": arguments.upper_steps * arguments.upper_every,
            "upper_every": arguments.upper_every,
            "levelled": not arguments.no_level,
            "learning_rate": arguments.learning_rate,
            "hypergradient": {"method": arguments.method},
            "aggregation": arguments.aggregation,
            "task_weights": {task: weight},
            "clip_norm": 5.0,
            "seed": seed,
            "log_every": 10,
            "checkpoint_every": 100000,
            "validate_every": 100000,
        }
    )


def splits_of(arguments: argparse.Namespace, task: str) -> Splits:
    """Pairs of the lower level, of the upper level, and those that are scored."""
    lower, upper, test = load_splits(settings_of(arguments, 0, task, 1.0))
    return lower, upper, test[:: arguments.test_step]
