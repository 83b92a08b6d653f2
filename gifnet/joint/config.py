"""Settings of joint training: each default and range stands here once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gifnet.joint.hypergradient import EPSILON, Method
from gifnet.labels.settings import LabelledSettings
from gifnet.train.shared_settings import (
    Batch,
    ClipNorm,
    FrozenSettings,
    Iterations,
    LearningRate,
    Levelled,
    PictureLossSettings,
)

Policy = Literal["random", "uniform", "mgda", "upgrad", "pcgrad"]


class HypergradientSettings(FrozenSettings):
    """The hypergradient, see `gifnet.joint.hypergradient`."""

    method: Annotated[Method, Field(description="its formula")] = "outer_product"
    epsilon: Annotated[float, Field(gt=0, description="of outer_product")] = EPSILON
    rate: Annotated[float, Field(gt=0, description="step size of unrolled")] = 1e-2
    steps: Annotated[int, Field(ge=1, description="of conjugate gradients, for implicit")] = 5
    damping: Annotated[float, Field(ge=0, description="added to the curvature, for implicit")] = 100.0


class TaskWeights(FrozenSettings):
    """Factors of the tasks' gradients before they are put together."""

    visual: Annotated[float, Field(ge=0)] = 1.0
    detection: Annotated[float, Field(ge=0)] = 1.0
    segmentation: Annotated[float, Field(ge=0)] = 1.0


class JointSettings(LabelledSettings):
    """Everything `gifnet train --joint` needs."""

    joint: Annotated[
        Literal["detection", "segmentation", "both"], Field(description="what looks at the fused picture")
    ]
    network: Annotated[Literal["gifnet", "lite"], Field(description="what fuses")] = "lite"
    upper_data: Annotated[
        tuple[Path, ...], Field(description="folders that the fusion network learns from; none: some of data")
    ] = ()
    upper_share: Annotated[
        float, Field(gt=0, lt=1, description="of the scenes of data, where upper_data names none")
    ] = 0.3
    detector: Annotated[
        Literal["small", "full", "torchvision"],
        Field(description="ours with a quarter of the packaged one's channels, ours, or torchvision's FCOS"),
    ] = "small"
    detector_weights: Annotated[
        str,
        Field(min_length=1, description="to begin from: random, default (the packaged ones) or a file"),
    ] = "random"
    frozen_stages: Annotated[
        int, Field(ge=0, description="of the detector's backbone that keep their weights; 0: none")
    ] = 0
    hypergradient: HypergradientSettings = HypergradientSettings()
    aggregation: Annotated[Policy, Field(description="how the tasks' gradients are put together")] = "random"
    task_weights: TaskWeights = TaskWeights()
    levelled: Levelled = False
    upper_every: Annotated[int, Field(ge=1, description="steps of the lower level for one of fusion")] = 10
    warm_up: Annotated[int, Field(ge=0, description="steps of the lower level alone, at first")] = 0
    lower_learning_rate: Annotated[float, Field(gt=0, description="step size of the lower level")] = 1e-3
    adversarial: Annotated[float, Field(ge=0, description="weight of the discriminator's opinion")] = 0.25
    composite: Annotated[
        float, Field(ge=0, description="weight of the distance from the saliency composite")
    ] = 0.0
    contrast: Annotated[float, Field(ge=0, description="weight of coupled contrastive constraints")] = 0.0
    losses: PictureLossSettings = PictureLossSettings()
    batch: Batch = 4
    iterations: Iterations = 2000
    learning_rate: LearningRate = 2e-4
    clip_norm: ClipNorm = 1.0

    @property
    def tasks(self) -> tuple[str, ...]:
        """The perception tasks in order."""
        return ("detection", "segmentation") if self.joint == "both" else (self.joint,)

    @model_validator(mode="after")
    def _fusion_learns(self) -> Self:
        counted = ("visual", *self.tasks)
        if not any(getattr(self.task_weights, task) for task in counted):
            raise ValueError(
                f"one weight must be above 0 in task_weights, of {', '.join(counted)}, or fusion learns "
                "nothing"
            )
        if self.iterations < self.warm_up + self.upper_every:
            raise ValueError(
                f"iterations must be at least warm_up + upper_every = {self.warm_up + self.upper_every}, "
                f"or fusion takes no step, got {self.iterations}"
            )
        return self
