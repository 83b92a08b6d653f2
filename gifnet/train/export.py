"""From a checkpoint to a weight file and a model card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gifnet import weights
from gifnet.errors import TrainingError
from gifnet.model import GIFNet
from gifnet.train import checkpoint as checkpoints
from gifnet.train import journal
from gifnet.train.checkpoint import Checkpoint
from gifnet.train.loop import LOG

CARD = "MODEL_CARD.md"


def export(run: Path, path: Path, command: str) -> Path:
    """Write a run's newest weights, and `MODEL_CARD.md` beside them.

    The running mean of the weights is taken where the run kept one.

    Args:
        run: output folder of the run.
        path: safetensors file to write.
        command: how the run was started, for the card.

    Returns:
        The card's path.

    Raises:
        TrainingError: when there is no checkpoint or the files cannot be written.
    """
    checkpoint = checkpoints.load(checkpoints.latest(run))
    model = GIFNet()
    model.load_state_dict(checkpoint.average or checkpoint.model)
    facts = _facts(checkpoint, command)
    card = path.with_name(CARD)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        weights.save(path, model, facts)
        card.write_text(_card(checkpoint, facts, journal.read(run / LOG)), encoding="utf-8")
    except OSError as error:
        raise TrainingError(f"{path} cannot be written: {error.strerror}") from None
    return card


def _facts(checkpoint: Checkpoint, command: str) -> dict[str, str]:
    settings = json.loads(checkpoint.settings)
    return {
        "name": "gifnet-stream",
        "recipe": "GIFNet (Cheng et al., CVPR 2025), trained from scratch by gifnet train",
        "data": ", ".join(Path(folder).name for folder in settings["data"]),
        "command": command,
        "commit": checkpoint.commit,
        "seed": str(settings["seed"]),
        "iterations": str(checkpoint.iteration),
        "training_hours": f"{checkpoint.seconds / 3600:.2f}",
    }


def _card(checkpoint: Checkpoint, facts: dict[str, str], records: list[dict[str, Any]]) -> str:
    settings = json.loads(checkpoint.settings)
    held_out = ", ".join(settings["held_out"]) or "none"
    lines = [
        "# Weights of GIFNet, trained from scratch",
        "",
        "Fuses a visible and a registered thermal picture into one. Trained by the recipe of Cheng et al.,",
        '"One Model for ALL" (CVPR 2025), in this project\'s own code; no published weights were used.',
        "",
        "| fact | value |",
        "|---|---|",
        *(f"| {name.replace('_', ' ')} | {value} |" for name, value in facts.items() if name != "command"),
        f"| held-out scenes | {held_out} |",
        "",
        "Trained with:",
        "",
        f"    {facts['command']}",
        "",
        *_measured(records),
        "## Settings",
        "",
        "```json",
        json.dumps(
            {name: value for name, value in settings.items() if name not in ("data", "output")}, indent=2
        ),
        "```",
        "",
    ]
    return "\n".join(lines)


def _measured(records: list[dict[str, Any]]) -> list[str]:
    validated = [record for record in records if "metrics" in record]
    if not validated:
        return []
    last = validated[-1]
    return [
        f"## Metrics on held-out pairs, iteration {last['iteration']}",
        "",
        "Means over the validation pairs; definitions in `gifnet/train/metrics.py`.",
        "",
        "| " + " | ".join(last["metrics"]) + " |",
        "|---" * len(last["metrics"]) + "|",
        "| " + " | ".join(f"{value:.3f}" for value in last["metrics"].values()) + " |",
        "",
    ]
