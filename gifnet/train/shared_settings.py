"""Settings that every kind of training shares."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

# Ranges that are the same in every recipe; the defaults are those of each.
Iterations = Annotated[int, Field(ge=1, description="how many steps")]
LearningRate = Annotated[float, Field(gt=0, description="step size of Adam")]
Decay = Annotated[Literal["constant", "cosine"], Field(description="course of the learning rate")]
ClipNorm = Annotated[float | None, Field(gt=0, description="largest norm of a gradient")]
Average = Annotated[float, Field(ge=0, lt=1, description="decay of the mean of the weights; 0: none")]
Batch = Annotated[int, Field(ge=1, description="crops in one step")]
CropPx = Annotated[int, Field(ge=48, multiple_of=8, description="side of a training crop")]
ScaleMin = Annotated[float, Field(gt=0, le=1, description="smallest scale of a crop's source")]
Start = Annotated[str, Field(min_length=1, description="weights to begin from: random, default or a file")]
Levelled = Annotated[
    bool, Field(description="losses look at the picture after `gifnet.level`, as videos have it")
]
Precision = Annotated[
    Literal["auto", "float32", "bfloat16"], Field(description="number format of the network's forward pass")
]


class FrozenSettings(BaseModel):
    """Settings that refuse unknown keys and do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RunSettings(FrozenSettings):
    """Settings common to every training; a kind of network adds its own, and other defaults."""

    data: Annotated[tuple[Path, ...], Field(min_length=1, description="folders with pairs or clips")]
    output: Annotated[Path, Field(description="folder for checkpoints, log and pictures")] = Path(
        "runs/train"
    )
    held_out: Annotated[tuple[str, ...], Field(description="scenes kept for validation only")] = ()
    clip_step: Annotated[int, Field(ge=1, description="take every n-th frame of a clip")] = 10
    batch: Batch = 8
    iterations: Iterations = 5000
    learning_rate: LearningRate = 1e-3
    decay: Decay = "constant"
    clip_norm: ClipNorm = None
    average: Average = 0.0
    seed: Annotated[int, Field(ge=0, description="start of every random choice")] = 0
    device: Annotated[Literal["auto", "cpu", "cuda"], Field(description="where to compute")] = "auto"
    log_every: Annotated[int, Field(ge=1, description="iterations between two lines of the log")] = 10
    checkpoint_every: Annotated[int, Field(ge=1, description="iterations between two checkpoints")] = 100
    validate_every: Annotated[int, Field(ge=1, description="iterations between two validations")] = 200


class PictureLossSettings(FrozenSettings):
    """Weights of the losses in `gifnet.train.picture_losses`."""

    intensity: Annotated[float, Field(ge=0, description="distance from the brighter source")] = 0.2
    gradient: Annotated[float, Field(ge=0, description="distance from the stronger gradient")] = 16.0
    difference: Annotated[float, Field(ge=0, description="2 - SCD")] = 1.0
    similarity: Annotated[float, Field(ge=0, description="2 - SSIM")] = 1.0
    information: Annotated[float, Field(ge=0, description="2 - VIF, gains counted up to 1")] = 1.0
    coarse: Annotated[float, Field(ge=0, description="`gradient` at 1/4 and 1/8 size; not for lite")] = 0.0
    edges: Annotated[float, Field(ge=0, description="1 - Qabf; not for lite")] = 0.0
    level: Annotated[
        float, Field(ge=0, description="`intensity`, but by visible where thermal says nothing; not for lite")
    ] = 0.0
    range: Annotated[float, Field(ge=0, description="distance from [0, 1]")] = 5.0
    overshoot: Annotated[float, Field(ge=0, description="distance from what lies between the sources")] = 0.0
    focus: Annotated[float, Field(ge=0, description="distance from the sharp picture, multi-focus only")] = (
        2.0
    )
    unsteady: Annotated[
        float, Field(ge=0, description="change of what the lite network mixes by from cell to cell")
    ] = 4.0
    temporal: Annotated[float, Field(ge=0, description="flicker beyond that of the sources; 0: none")] = 4.0


class CropSettings(RunSettings):
    """Crops, degradation and losses of training by the fused picture, without a reference picture."""

    crop_px: CropPx = 256
    scale_min: ScaleMin = 0.4
    bright_share: Annotated[
        float, Field(ge=0, le=1, description="share of crops in which both pictures are made brighter")
    ] = 0.0
    losses: PictureLossSettings = PictureLossSettings()
