"""Settings of live camera pairs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stream.config.base import Settings


class LiveSettings(Settings):
    """Bounds of what waits between live cameras and fusion; the freshest frames win."""

    queue_frames: Annotated[int, Field(ge=2, le=1000, description="frames of a camera that may wait")] = 32
    queue_mb: Annotated[
        float, Field(gt=0, le=1e6, description="megabytes of a camera's frames that may wait")
    ] = 256
    queue_ms: Annotated[float, Field(gt=0, le=1e6, description="longest that a live frame may wait")] = 1000
    damaged: Annotated[
        Literal["drop", "keep"],
        Field(description="drop: after lost packets, leave out pictures until the next whole one"),
    ] = "drop"
    wait: Annotated[
        bool, Field(description="wait for a camera that is not there at the start, or end the run")
    ] = True
