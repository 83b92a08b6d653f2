"""Settings of several pairs in one process: what they share, beside what each has of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from stream.config.base import Settings
from stream.config.outputs import MetricsSettings


class SharingSettings(Settings):
    """Sharing of one network by several pairs."""

    batch: Annotated[
        int | None,
        Field(
            ge=1,
            le=32,
            description="frames of different pairs that the network fuses at once, 1 for one after another; "
            "default: 8 on a GPU, on a CPU as many as cores with lite and 1 with full",
        ),
    ] = None
    wait_ms: Annotated[
        float,
        Field(
            ge=0, le=1000, description="longest that a frame is held for those of other pairs to make a batch"
        ),
    ] = 2.0


class PairsSettings(Settings):
    """Settings that a process of several pairs has once; all others belong to a pair."""

    pairs: Annotated[
        dict[str, Any],
        Field(min_length=1, description="pairs by name, each with settings of `gifnet run`"),
    ]
    sharing: SharingSettings = SharingSettings()
    metrics: MetricsSettings = MetricsSettings()
    logs: Literal["text", "json"] = "text"
    report: Annotated[Path | None, Field(description="JSON file with the reports of all pairs")] = None


OF_PROCESS = tuple(PairsSettings.model_fields)
"""Keys that a pair cannot have."""
