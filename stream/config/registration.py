"""Settings of registration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from stream.config.base import Settings


class RegistrationSettings(Settings):
    """Mapping of the thermal picture onto the visible one."""

    file: Annotated[Path | None, Field(description="calibration file; none where the sizes agree")] = None
    distance_m: Annotated[
        float | None, Field(gt=0, le=1e9, description="distance of the scene in metres")
    ] = None
    nudge_right_px: Annotated[
        float, Field(ge=-2000, le=2000, description="visible pixels that thermal is moved to the right")
    ] = 0.0
    nudge_down_px: Annotated[
        float, Field(ge=-2000, le=2000, description="visible pixels that thermal is moved down")
    ] = 0.0
    check_every: Annotated[
        int, Field(ge=0, le=10**9, description="frames between looks at whether the cameras moved; 0: never")
    ] = 25
    self_align: Annotated[
        bool, Field(description="follow cameras that move a little, by at most an 80th of the width")
    ] = False

    @property
    def geometry(self) -> tuple[Path | None, float | None, float, float]:
        """The settings that determine the position of thermal pixels."""
        return self.file, self.distance_m, self.nudge_right_px, self.nudge_down_px
