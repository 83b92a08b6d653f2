"""Arguments, settings, inputs and measuring that the comparisons of joint learning share."""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from gifnet.eval import measure
from gifnet.joint.config import JointSettings
from gifnet.joint.data import load_splits
from gifnet.joint.training import Fuse, start_network
from gifnet.joint.validation import Mix
from gifnet.labels import LabelledPair
from gifnet.train import checkpoint as checkpoints
from gifnet.train.loop import train

Splits = tuple[list[LabelledPair], list[LabelledPair], list[LabelledPair]]
METRICS = "EN", "SD", "MI", "SCD", "VIF", "Qabf", "SSIM"
SHOWN = 24
FUSIONS = {"joint fusion": 1.0, "fusion without joint level": 0.0}
INPUTS = "visible", "thermal", "mean", "maximum", "fusion as packaged", *FUSIONS


def parser_of(doc: str | None) -> argparse.ArgumentParser:
    """The arguments that both comparisons have."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("train", "upper", "test"):
        parser.add_argument(
            f"--{name}", type=Path, nargs="+", required=True, help="folders of labelled scenes"
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


def mix_of(name: str, settings: JointSettings, work: Path) -> Mix:
    """The mixture that an input stands for; a fusion network is trained where the folder has none yet."""
    fixed: dict[str, Mix] = {
        "visible": lambda visible, thermal: visible,
        "thermal": lambda visible, thermal: thermal,
        "mean": lambda visible, thermal: (visible + thermal) / 2,
        "maximum": torch.maximum,
    }
    if name in fixed:
        return fixed[name]
    network = start_network(settings)
    if name in FUSIONS:
        path = work / f"{name.replace(' ', '_')}_{settings.seed}.safetensors"
        if not path.is_file():
            save_file(trained(settings), path)
        network.load_state_dict(load_file(path))
    return Fuse(network.eval(), settings.levelled)


def trained(settings: JointSettings) -> dict[str, Tensor]:
    """Weights of the fusion network after joint training."""
    with tempfile.TemporaryDirectory() as folder:
        outcome = train(
            settings.model_copy(update={"output": Path(folder)}),
            report=lambda iteration, losses: (
                print(iteration, losses, flush=True) if iteration % 50 == 0 else None
            ),
        )
        state = checkpoints.load(outcome.checkpoint).model
    return {name[7:]: part for name, part in state.items() if name.startswith("fusion.")}


@torch.no_grad()
def mixed(pairs: Sequence[LabelledPair], mix: Mix) -> list[LabelledPair]:
    """Pairs whose visible and thermal are both what the network sees."""
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


def streets(pairs: Sequence[LabelledPair]) -> list[str]:
    """Folder and seed of each pair's street, as `truth.jsonl` tells it."""
    known: dict[str, str] = {}
    for folder in {Path(pair.name).parent.parent for pair in pairs}:
        for line in (folder / "truth.jsonl").read_text(encoding="utf-8").splitlines():
            truth = json.loads(line)
            known[str(folder / truth["visible"])] = f"{folder.name} {truth['seed']}"
    return [known[pair.name] for pair in pairs]


def tensors(pair: LabelledPair) -> tuple[Tensor, Tensor]:
    visible, thermal = (
        torch.from_numpy(part)[None, None].float() / 255 for part in (pair.visible, pair.thermal)
    )
    return visible, thermal


def grey(picture: Tensor) -> Any:
    return np.asarray(np.rint(255 * picture[0, 0].clamp(0, 1).numpy()), np.uint8)


def learn(network: nn.Module, steps: int, rate: float, loss_of: Any) -> None:
    """So many steps of Adam with a cosine; `loss_of(iteration)` is the loss of a step."""
    network.train()
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for iteration in range(steps):
        loss = loss_of(iteration)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        schedule.step()
