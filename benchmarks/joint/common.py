"""Inputs, learning and measuring that the comparisons of joint learning share."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from gifnet.eval import measure
from gifnet.joint.config import JointSettings
from gifnet.joint.data import LabelledBatch, LabelledCrops
from gifnet.joint.training import Fuse, start_network
from gifnet.joint.validation import FIXED_MIXES, Mix
from gifnet.labels import LabelledPair
from gifnet.train import checkpoint as checkpoints
from gifnet.train.loop import train

METRICS = "EN", "SD", "MI", "SCD", "VIF", "Qabf", "SSIM"
SHOWN = 24
FUSIONS = {"joint fusion": 1.0, "fusion without joint level": 0.0}
INPUTS = *FIXED_MIXES, "fusion as packaged", *FUSIONS


def mix_of(name: str, settings: JointSettings, work: Path) -> Mix:
    """The mixture that an input stands for; a fusion network is trained where the folder has none yet."""
    if name in FIXED_MIXES:
        return FIXED_MIXES[name]
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


def learn(
    network: nn.Module,
    settings: JointSettings,
    pairs: Sequence[LabelledPair],
    steps: int,
    rate: float,
    loss_of: Callable[[LabelledBatch], Tensor],
) -> None:
    """So many steps of Adam with a cosine; the crops depend on the seed alone."""
    crops = LabelledCrops(pairs, settings, 30)
    network.train()
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for iteration in range(steps):
        loss = loss_of(crops.batch(iteration))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # missing in torch's types
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        schedule.step()
