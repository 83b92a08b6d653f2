"""Settings of a training run: each default and range stands here once."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from gifnet.errors import TrainingError
from gifnet.joint.config import JointSettings
from gifnet.perception.training_config import DetectorSettings
from gifnet.train.shared_settings import (
    Average,
    Batch,
    ClipNorm,
    CropPx,
    CropSettings,
    Decay,
    FrozenSettings,
    Iterations,
    LearningRate,
    Levelled,
    Precision,
    RunSettings,
    ScaleMin,
    Start,
)

# Settings that may change between a checkpoint and its continuation: none of them affects a single step.
_FREE_TO_CHANGE = {
    "iterations",
    "output",
    "checkpoint_every",
    "validate_every",
    "log_every",
    "device",
    "data",
    "upper_data",
    "test_data",
    "network",
}


class MultifocusSettings(FrozenSettings):
    """Settings by which a near and a far focused picture are made from one sharp picture."""

    sigma_min_px: Annotated[float, Field(gt=0, description="weakest blur")] = 0.8
    sigma_max_px: Annotated[float, Field(gt=0, description="strongest blur")] = 4.0


class LossSettings(FrozenSettings):
    """The choices that the losses leave open."""

    temperature: Annotated[float, Field(gt=0, description="grey levels squared; divides the gradients")] = 1.0
    weigh: Annotated[
        Literal["batch", "pair"], Field(description="one pair of weights for a batch, or one for each pair")
    ] = "batch"
    inference_every: Annotated[
        int,
        Field(
            ge=0, description="every n-th multi-modal step goes through the side that inference runs; 0: none"
        ),
    ] = 0


class TrainSettings(RunSettings):
    """Everything `gifnet train` needs for GIFNet; the defaults are the published recipe."""

    network: Literal["gifnet"] = "gifnet"
    crop_px: CropPx = 128
    scale_min: ScaleMin = 1.0
    precision: Precision = "auto"
    multifocus: MultifocusSettings = MultifocusSettings()
    losses: LossSettings = LossSettings()


class FeatureSettings(RunSettings):
    """Everything `gifnet train` needs for the features that calibration compares pictures by."""

    network: Literal["features"]
    batch: Annotated[int, Field(ge=1, description="pieces in one step")] = 12
    iterations: Iterations = 4000
    learning_rate: LearningRate = 3e-3
    decay: Decay = "cosine"
    clip_norm: ClipNorm = 1.0
    average: Average = 0.998
    unsure_px: Annotated[
        float, Field(ge=0, description="pixels of the pictures by which their registration may be off")
    ] = 2.0
    invented: Annotated[
        float, Field(ge=0, le=1, description="share of pieces whose thermal side is made from the visible")
    ] = 0.25


class DistilSettings(FrozenSettings):
    """A larger network whose pictures are to be met as well."""

    weights: Annotated[str, Field(min_length=1, description="of the full network: default or a file")]
    weight: Annotated[float, Field(gt=0, description="of the mean distance from its picture")] = 2.0
    structure: Annotated[float, Field(ge=0, description="of 1 - the correlation with its picture")] = 0.0
    contrast: Annotated[
        float, Field(ge=0, description="of the distance between the logarithms of both standard deviations")
    ] = 0.0
    crops: Annotated[int, Field(ge=1, description="crops that it fuses; they come again and again")] = 300
    every: Annotated[int, Field(ge=1, description="every n-th iteration takes one of those crops")] = 4


class DirectSettings(CropSettings):
    """Everything `gifnet train` needs to train GIFNet's inference path by losses of its picture."""

    network: Literal["direct"]
    start: Start = "default"
    auxiliary: Annotated[
        bool, Field(description="keep the multi-modal side in inference; a third more arithmetic")
    ] = False
    levelled: Levelled = False
    crop_px: CropPx = 128
    batch: Batch = 4
    iterations: Iterations = 4000
    learning_rate: LearningRate = 7e-4
    decay: Decay = "cosine"
    clip_norm: ClipNorm = 1.0
    average: Average = 0.995
    precision: Precision = "auto"
    multifocus: MultifocusSettings = MultifocusSettings()
    multifocus_share: Annotated[
        float, Field(ge=0, le=1, description="share of crops that are multi-focus pairs")
    ] = 0.2
    exposure_share: Annotated[
        float, Field(ge=0, le=1, description="share of crops that show one picture in two exposures")
    ] = 0.06
    moving_every: Annotated[
        int, Field(ge=0, description="every n-th step takes one crop at two moments; 0: none")
    ] = 3


class LiteSettings(CropSettings):
    """Everything `gifnet train` needs for the lite network."""

    network: Literal["lite"]
    start: Start = "random"
    levelled: Levelled = False
    batch: Batch = 2
    iterations: Iterations = 4000
    learning_rate: LearningRate = 1.5e-3
    decay: Decay = "cosine"
    clip_norm: ClipNorm = 0.5
    average: Average = 0.995
    distil: Annotated[DistilSettings | None, Field(description="none: by the losses alone")] = None


_Alone: TypeAlias = TrainSettings | FeatureSettings | LiteSettings | DirectSettings | DetectorSettings
Settings: TypeAlias = _Alone | JointSettings
_ALONE: TypeAdapter[_Alone] = TypeAdapter(Annotated[_Alone, Field(discriminator="network")])


def validate(values: dict[str, Any], where: str) -> Settings:
    """Check a nested mapping against the settings of its `network`, GIFNet where none is named.

    With `joint` they are those of joint training.

    Args:
        values: the settings as nested dictionaries.
        where: what to call their origin in messages.

    Raises:
        TrainingError: lists every problem with its path.
    """
    try:
        if values.get("joint") is not None:
            return JointSettings.model_validate(values)
        settings = _ALONE.validate_python({"network": "gifnet"} | values)
    except ValidationError as error:
        # For a setting of several kinds, the first part of a path names the kind.
        skipped = int(error.title != JointSettings.__name__)
        problems = "; ".join(_sentence(problem, skipped) for problem in error.errors())
        raise TrainingError(f"{where}: {problems}") from None
    if not isinstance(settings, TrainSettings | DirectSettings):
        return settings
    if settings.multifocus.sigma_min_px > settings.multifocus.sigma_max_px:
        raise TrainingError(f"{where}: multifocus.sigma_min_px must not exceed multifocus.sigma_max_px")
    return settings


def fingerprint(settings: Settings) -> str:
    """SHA-256 of all settings that a continued run must share with its checkpoint."""
    kept = settings.model_dump(mode="json", exclude=_FREE_TO_CHANGE)
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def _sentence(problem: Any, skipped: int) -> str:
    path = ".".join(str(part) for part in problem["loc"][skipped:]) or "the settings"
    if problem["type"] == "extra_forbidden":
        return f"{path} is not a known key"
    if problem["type"] == "missing":
        return f"{path} is missing"
    return f"{path}: {problem['msg'][0].lower()}{problem['msg'][1:]}, got {_shown(problem['input'])}"


def _shown(value: Any) -> str:
    try:
        return repr(value)[:100]
    except ValueError:  # Python prints no integer of more than some thousand digits
        return "a number too long to print"
