"""Finding of people and vehicles in the fused pictures."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from stream.config.base import Settings


class DetectionSettings(Settings):
    """A detector beside fusion: off unless `enabled`; its boxes are drawn, published and counted."""

    enabled: Annotated[
        bool, Field(description="find people and vehicles in the fused pictures, draw and publish them")
    ] = False
    detector: Annotated[
        str,
        Field(
            min_length=1,
            description="default, a file of our weights (.safetensors), or an ONNX file of YOLOX or YOLOv8",
        ),
    ] = "default"
    rate: Annotated[
        float,
        Field(
            gt=0,
            le=1000,
            description="detections a second at most; of a recording: of its own time, and every one is made",
        ),
    ] = 5.0
    least_score: Annotated[
        float, Field(ge=0.01, le=1, description="score from which on something counts as found")
    ] = 0.4
    side_px: Annotated[
        int,
        Field(
            ge=64,
            le=2048,
            description="longer side of the picture that the detector sees; more finds smaller things",
        ),
    ] = 416
    draw: Annotated[
        bool,
        Field(description="draw the boxes on fused pictures; those published by ZeroMQ stay as they are"),
    ] = True

    @model_validator(mode="after")
    def _is_wanted(self) -> Self:
        given = sorted(self.model_fields_set - {"enabled"})
        if given and "enabled" not in self.model_fields_set:
            raise ValueError(
                f"{' and '.join(given)} is given without detection; "
                "add --detect, in a file enabled: true, or leave it out"
            )
        return self
