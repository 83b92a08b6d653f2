"""Settings of a fleet: live pairs of cameras, each with a configuration of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from stream.config.base import Settings

PAIR_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""Names of pairs: they become names of units and folders."""

_LABEL_WORD = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
LABEL = rf"^{_LABEL_WORD}={_LABEL_WORD}$"
"""A label of a Ray node, KEY=VALUE."""


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
    cpus: Annotated[
        float,
        Field(gt=0, le=1024, description="cores that Ray sets aside, and threads that it computes with"),
    ] = 1.0
    gpus: Annotated[
        float, Field(ge=0, le=64, description="GPUs that Ray sets aside, 0.25 for a quarter of one")
    ] = 0.0
    label: Annotated[
        str | None, Field(pattern=LABEL, description="KEY=VALUE, a label that its node must have")
    ] = None


class FleetPageSettings(Settings):
    """The page and the numbers of the whole fleet, served by the head node of a cluster."""

    bind: Annotated[
        str, Field(description="HOST:PORT; reached by others only with the token in GIFNET_FLEET_TOKEN")
    ] = "127.0.0.1:9150"
    hosts: Annotated[
        tuple[str, ...], Field(description="names that browsers show for the page, as behind a proxy")
    ] = ()


class FleetSettings(Settings):
    """The pairs of a fleet, and what they have in common."""

    name: Annotated[
        str, Field(pattern=rf"^{PAIR_NAME}$", description="of the fleet; each on a cluster has its own")
    ] = "fleet"
    ray: Annotated[
        str | None, Field(description="cluster that it runs on: HOST:PORT of the head node, or auto")
    ] = None
    folder: Annotated[
        Path | None,
        Field(
            description="folder on every node, with one for each pair: its outputs with relative paths, its "
            "log; by default gifnet/NAME below $XDG_STATE_HOME or ~/.local/state"
        ),
    ] = None
    page: FleetPageSettings = FleetPageSettings()
    quick_starts: Annotated[
        bool,
        Field(
            description="runs start as forks of a process of their node that has loaded their modules, which "
            "is quick and shares memory; false for a new Python each"
        ),
    ] = True
    options: Annotated[
        dict[str, Any], Field(default_factory=dict, description="options of `gifnet run` for every pair")
    ]
    pairs: Annotated[dict[str, Any], Field(min_length=1, description="pairs by name")]
