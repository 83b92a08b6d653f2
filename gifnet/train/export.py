"""From a checkpoint to a weight file and a model card."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor, nn

from gifnet import weights
from gifnet.errors import TrainingError
from gifnet.features import FeaturePair
from gifnet.lite.model import GIFNetLite
from gifnet.model import GIFNet
from gifnet.perception import Detector
from gifnet.perception.finder import saved_state
from gifnet.train import checkpoint as checkpoints
from gifnet.train import journal
from gifnet.train.checkpoint import Checkpoint
from gifnet.train.loop import LOG


@dataclass(frozen=True)
class _Kind:
    """Description of a kind of network for its model card."""

    make: Callable[[], nn.Module]
    card: str
    name: str
    recipe: str
    title: str
    about: str
    metrics: str


# Settings that name folders of the training machine, which stay private; of files the name is kept.
_PLACES = {"data", "upper_data", "test_data", "output"}
_KINDS = {
    "gifnet": _Kind(
        GIFNet,
        "MODEL_CARD.md",
        "gifnet-stream",
        "GIFNet (Cheng et al., CVPR 2025), trained from scratch by gifnet train",
        "Weights of GIFNet, trained from scratch",
        "Fuses a visible and a registered thermal picture into one. Trained by the recipe of Cheng et al.,\n"
        '"One Model for ALL" (CVPR 2025), in this project\'s own code; no published weights were used.',
        "Means over the validation pairs; definitions in `gifnet/train/metrics.py`.",
    ),
    "direct": _Kind(
        GIFNet,
        "MODEL_CARD.md",
        "gifnet-stream",
        "GIFNet (Cheng et al., CVPR 2025); inference path trained by losses of its picture, gifnet train",
        "Weights of GIFNet, trained by losses of the fused picture",
        "Fuses a visible and a registered thermal picture into one. The network is that of Cheng et al.,\n"
        '"One Model for ALL" (CVPR 2025); code, losses and training are this project\'s own;\n'
        "no published weights were used.",
        "Means over the validation pairs; definitions in `docs/eval.md`.",
    ),
    "lite": _Kind(
        GIFNetLite,
        "LITE_CARD.md",
        "gifnet-stream lite",
        "GIFNet-lite of this project, trained from scratch by gifnet train",
        "Weights of GIFNet-lite, trained from scratch",
        "Fuses a visible and a registered thermal picture into one at camera rate on a CPU. This project's\n"
        "own network, losses, code and training; no published weights were used, not as a teacher either.",
        "Means over the validation pairs; definitions in `docs/eval.md`.",
    ),
    "joint": _Kind(
        GIFNetLite,
        "JOINT_CARD.md",
        "gifnet-stream joint",
        "bi-level joint training with perception networks (after BDLFusion), gifnet train --joint",
        "Weights of a fusion network that was trained together with what looks at its pictures",
        "Fuses a visible and a registered thermal picture into one, for people and for detectors or\n"
        "segmentation networks; see `docs/joint.md`. Networks, code and training are this project's own.",
        "Means over the pairs that were only measured on; definitions in `docs/eval.md` and `docs/joint.md`.",
    ),
    "detector": _Kind(
        Detector,
        "DETECTOR_CARD.md",
        "gifnet-stream detector",
        "FCOS-like detector of this project, gifnet train --network detector",
        "Weights of a detector of people and vehicles",
        "Finds people and vehicles in fused, visible and thermal pictures; see `docs/detect.md`. Network,\n"
        "code and training are this project's own. The backbone of packaged weights began from those of\n"
        "EfficientNet-Lite0 (Apache-2.0), and with it what was trained on from them.",
        "On the pairs that were only measured on; definitions in `docs/eval.md`.",
    ),
    "features": _Kind(
        FeaturePair,
        "FEATURES_CARD.md",
        "gifnet-stream features",
        "gifnet/train/matching.py, trained from scratch by gifnet train",
        "Features by which calibration compares two cameras",
        "Turn a visible and a thermal picture into features that are alike where the same thing is seen;\n"
        "`gifnet calibrate scene` aligns pictures by them. This project's own network, code and training.",
        "`matching` is the loss, `found` the share of pieces of 64 pixels that are found within 2 pixels\n"
        "and what the registration of the pairs is unsure by, among 33 x 33 places.",
    ),
}


def export(run: Path, path: Path, command: str) -> Path:
    """Write a run's newest weights, and a card that describes them beside them.

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
    kind = _kind(checkpoint)
    state = checkpoint.average or checkpoint.model
    joint = kind is _KINDS["joint"]
    model = _joint_fusion(checkpoint) if joint else kind.make()
    model.load_state_dict(_part(state, "fusion.") if joint else state)
    facts = _facts(checkpoint, command)
    card = path.with_name(kind.card)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(model, Detector):
            _save_half(saved_state(model), path, facts)
        else:
            weights.save(path, model, facts)
        if joint:
            _save_perception(path, state, facts)
        card.write_text(_card(checkpoint, facts, journal.read(run / LOG)), encoding="utf-8")
    except OSError as error:
        raise TrainingError(f"{path} cannot be written: {error.strerror}") from None
    return card


def _kind(checkpoint: Checkpoint) -> _Kind:
    settings = json.loads(checkpoint.settings)
    return _KINDS["joint" if "joint" in settings else settings.get("network", "gifnet")]


def _joint_fusion(checkpoint: Checkpoint) -> nn.Module:
    return GIFNetLite() if json.loads(checkpoint.settings)["network"] == "lite" else GIFNet()


def _save_perception(path: Path, state: dict[str, Tensor], facts: dict[str, str]) -> None:
    """The detector and the segmentation network beside the fusion weights, `NAME_detection.safetensors`."""
    for task in ("detection", "segmentation"):
        part = {
            name: value.half().contiguous().cpu()
            for name, value in _part(state, f"perception.{task}.").items()
            if value.is_floating_point()
        }
        if part:
            _save_half(part, path.with_name(f"{path.stem}_{task}{path.suffix}"), facts)


def _save_half(state: dict[str, Tensor], path: Path, facts: dict[str, str]) -> None:
    """Write tensors of float16; the file appears whole or not at all, and is there to be shared."""
    part = path.with_name(path.name + ".part")
    save_file(state, part, metadata=facts)
    part.chmod(0o644)
    part.replace(path)


def _part(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in state.items() if name.startswith(prefix)}


def _facts(checkpoint: Checkpoint, command: str) -> dict[str, str]:
    settings = json.loads(checkpoint.settings)
    return {
        "name": _kind(checkpoint).name,
        "recipe": _kind(checkpoint).recipe,
        "data": ", ".join(Path(folder).name for folder in settings["data"]),
        "command": command,
        "commit": checkpoint.commit,
        "seed": str(settings["seed"]),
        "iterations": str(checkpoint.iteration),
        "training_hours": f"{checkpoint.seconds / 3600:.2f}",
    }


def _card(checkpoint: Checkpoint, facts: dict[str, str], records: list[dict[str, Any]]) -> str:
    settings = json.loads(checkpoint.settings)
    shown = {name: _without_folder(value) for name, value in settings.items() if name not in _PLACES}
    held_out = ", ".join(settings["held_out"]) or "none"
    lines = [
        f"# {_kind(checkpoint).title}",
        "",
        _kind(checkpoint).about,
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
        *_measured(records, _kind(checkpoint).metrics),
        "## Settings",
        "",
        "```json",
        json.dumps(shown, indent=2),
        "```",
        "",
    ]
    return "\n".join(lines)


def _without_folder(value: Any) -> Any:
    """A setting with the paths of files in it cut to their names."""
    if isinstance(value, dict):
        return {key: _without_folder(each) for key, each in value.items()}
    return Path(value).name if isinstance(value, str) and "/" in value else value


def _measured(records: list[dict[str, Any]], explained: str) -> list[str]:
    validated = [record for record in records if "metrics" in record]
    if not validated:
        return []
    last = validated[-1]
    return [
        f"## Metrics on held-out pairs, iteration {last['iteration']}",
        "",
        explained,
        "",
        "| " + " | ".join(last["metrics"]) + " |",
        "|---" * len(last["metrics"]) + "|",
        "| " + " | ".join(f"{value:.3f}" for value in last["metrics"].values()) + " |",
        "",
    ]
