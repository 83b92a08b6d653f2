"""Pairing, registration, network, and what may wait."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from stream.config.base import Settings

Precision = Literal["auto", "float32", "bfloat16", "float16"]


class PairingSettings(Settings):
    """How frames of the two streams find each other."""

    tolerance_ms: Annotated[float, Field(ge=0, description="largest time between partners")] = 20.0
    offset_ms: Annotated[
        float | Literal["auto"],
        Field(description="thermal clock minus visible clock; auto: follow the clocks of live cameras"),
    ] = 0.0
    unpaired: Annotated[
        Literal["drop", "hold", "single"],
        Field(
            description="drop: leave out; hold: every visible frame, with the last thermal one; "
            "single: pass the one camera through"
        ),
    ] = "drop"
    max_age_ms: Annotated[float, Field(ge=0, description="oldest thermal frame that is held")] = 200.0
    max_wait_ms: Annotated[
        float, Field(ge=0, le=5000, description="longest that a live frame waits for its partner")
    ] = 250.0
    shutter: Annotated[
        Literal["auto", "on", "off"],
        Field(description="recognise a closed thermal shutter by repeated frames; auto: of 9 to 16 bits"),
    ] = "auto"


class RegistrationSettings(Settings):
    """How the thermal picture comes onto the visible one."""

    file: Annotated[Path | None, Field(description="calibration file; none where the sizes agree")] = None
    distance_m: Annotated[float | None, Field(gt=0, description="distance of the scene in metres")] = None
    nudge_right_px: Annotated[
        float, Field(ge=-2000, le=2000, description="visible pixels that thermal is moved to the right")
    ] = 0.0
    nudge_down_px: Annotated[
        float, Field(ge=-2000, le=2000, description="visible pixels that thermal is moved down")
    ] = 0.0
    check_every: Annotated[
        int, Field(ge=0, description="frames between looks at whether the cameras moved; 0: never")
    ] = 25
    self_align: Annotated[
        bool, Field(description="follow cameras that move a little, by at most an 80th of the width")
    ] = False

    @property
    def geometry(self) -> tuple[Path | None, float | None, float, float]:
        """What decides where thermal pixels come to lie."""
        return self.file, self.distance_m, self.nudge_right_px, self.nudge_down_px


class FusionSettings(Settings):
    """Which network fuses, and how."""

    model: Annotated[
        Literal["full", "null"],
        Field(description="full: GIFNet; null: no network, the visible picture, to try everything else"),
    ] = "full"
    weights: Annotated[str, Field(min_length=1, description="default, published or a file")] = "default"
    precision: Annotated[Precision, Field(description="number format of the network")] = "auto"
    batch: Annotated[
        int, Field(ge=1, le=64, description="pairs fused at once; more costs latency and memory")
    ] = 1


class LiveSettings(Settings):
    """Bounds of what waits between live cameras and fusion; the freshest frames win."""

    queue_frames: Annotated[int, Field(ge=2, le=1000, description="frames of a camera that may wait")] = 32
    queue_mb: Annotated[float, Field(gt=0, description="megabytes of a camera's frames that may wait")] = 256
    queue_ms: Annotated[float, Field(gt=0, description="longest that a live frame may wait")] = 1000
