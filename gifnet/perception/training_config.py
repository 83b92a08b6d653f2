"""Settings of the training of a detector: each default and range stands here once."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gifnet.labels.classes import DEFAULT_CLASSES
from gifnet.labels.settings import LabelledCropPx, LabelledSettings
from gifnet.train.shared_settings import Average, ClipNorm, FrozenSettings, Iterations, ScaleMin

Share = Annotated[float, Field(ge=0)]


class KindSettings(FrozenSettings):
    """Shares of the kinds of picture that the detector is shown, relative to each other."""

    fused: Share = 0.5
    visible: Share = 0.2
    thermal: Share = 0.2
    mean: Share = 0.05
    maximum: Share = 0.05

    @model_validator(mode="after")
    def _one_is_shown(self) -> Self:
        if not sum(self.model_dump().values()):
            raise ValueError("one share must be above 0, or the detector sees nothing")
        return self


class DetectorSettings(LabelledSettings):
    """Everything `gifnet train` needs for a detector; the defaults train the packaged kind."""

    network: Literal["detector"]
    classes: Annotated[
        dict[str, tuple[str, ...]],
        Field(min_length=2, max_length=2, description="spellings of person and vehicle, by these names"),
    ] = DEFAULT_CLASSES
    frozen_stages: Annotated[
        int, Field(ge=0, le=6, description="of the backbone that keep their weights; 0: none")
    ] = 3
    kinds: KindSettings = KindSettings()
    fusion_weights: Annotated[
        str, Field(min_length=1, description="of the lite network that fuses: default or a file")
    ] = "default"
    degraded: Annotated[
        float, Field(ge=0, le=1, description="share of crops that are darkened, blurred, noisy, in smoke")
    ] = 0.5
    crop_px: LabelledCropPx = 288
    scale_min: ScaleMin = 0.5
    iterations: Iterations = 1500
    clip_norm: ClipNorm = 5.0
    average: Average = 0.998

    @model_validator(mode="after")
    def _classes_are_those_of_the_detector(self) -> Self:
        if tuple(self.classes) != tuple(DEFAULT_CLASSES):
            raise ValueError(f"classes must be {' and '.join(DEFAULT_CLASSES)}, in this order")
        return self
