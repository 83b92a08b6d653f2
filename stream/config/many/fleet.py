"""Settings of a fleet: live pairs of cameras, each with a configuration of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from stream.config.base import Settings

PAIR_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""Names of pairs: they become names of units and folders."""


class FleetPairSettings(Settings):
    """One pair of cameras."""

    config: Annotated[
        Path, Field(description="configuration file of its `gifnet run`; relative to the fleet's own file")
    ]
    options: Annotated[
        dict[str, Any],
        Field(
            default_factory=dict,
            description="options of its `gifnet run` by name, over its configuration and the fleet's options",
        ),
    ]


class FleetSettings(Settings):
    """The pairs of a fleet, and what they have in common."""

    options: Annotated[
        dict[str, Any], Field(default_factory=dict, description="options of `gifnet run` for every pair")
    ]
    pairs: Annotated[dict[str, Any], Field(min_length=1, description="pairs by name")]
