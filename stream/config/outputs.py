"""Settings of outputs: files and sockets, the page, metrics, control."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator

from stream.config.base import Settings
from stream.frame import ColourMap, View

_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?")

SHORTEST_TOKEN = 16
"""Characters of a token that the user sets."""

# Options of sinks, with their ranges; each kind of sink in `stream.sinks` takes some of them.
ShownView = Annotated[View, Field(description="picture to write")]
ShownColours = Annotated[
    ColourMap, Field(description="colours of the view thermal-colour; the network never sees them")
]
EncoderName = Annotated[
    str | None, Field(description="video encoder; by default h264_nvenc on a GPU that has it, else libx264")
]
Quality = Annotated[int | None, Field(ge=0, le=63, description="constant rate factor, lower is better")]
Audio = Annotated[bool, Field(description="carry the visible file's audio over")]
SegmentLength = Annotated[
    float | None, Field(ge=1, le=1e9, description="begin a new file after so many seconds of video")
]
SegmentBytes = Annotated[
    float | None, Field(gt=0, le=1e9, description="begin a new file after so many megabytes")
]
FreeSpace = Annotated[
    float | None,
    Field(
        ge=0, le=1e12, description="pause writing while less is free on the disk; by default 200 when live"
    ),
]
WithSidecar = Annotated[
    bool, Field(description="write the pairing of every frame to a .jsonl file beside the video")
]


class OutputSettings(Settings):
    """One output as flags and YAML give it; `stream.sinks.sink_settings` checks it against its kind."""

    uri: Annotated[str, Field(min_length=1, description="path or URI of the output; repeatable")]
    view: ShownView = "fused"
    colour_map: ShownColours = "heat"
    encoder: EncoderName = None
    quality: Quality = None
    audio: Audio = True
    segment_s: SegmentLength = None
    segment_mb: SegmentBytes = None
    keep_free_mb: FreeSpace = None
    sidecar: WithSidecar = False


class PreviewSettings(Settings):
    """A page in the browser that shows the run and changes it."""

    bind: Annotated[
        str | None, Field(description="HOST:PORT where a page shows the run, for example 127.0.0.1:8080")
    ] = None
    token: Annotated[
        SecretStr | None,
        Field(
            min_length=SHORTEST_TOKEN,
            description="secret that the page asks for; made up where others reach it",
        ),
    ] = None
    hosts: Annotated[
        tuple[str, ...],
        Field(
            max_length=100,
            description="NAME or NAME:PORT that browsers show for the page, as behind a proxy; repeatable",
        ),
    ] = ()
    prefix: Annotated[
        str,
        Field(
            pattern=r"^(/[A-Za-z0-9._~-]+)*/?$",
            description="path below which a reverse proxy shows the page, for example /fused",
        ),
    ] = ""
    clips: Annotated[Path, Field(description="folder of the clips that are recorded from the page")] = Path(
        "clips"
    )

    @field_validator("hosts")
    @classmethod
    def _are_names(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if not _HOST.fullmatch(host):
                raise ValueError(
                    "each must be a name or number with or without a port, as in cam.example:8443"
                )
        return tuple(host.lower() for host in hosts)

    @field_validator("prefix")
    @classmethod
    def _without_slash(cls, prefix: str) -> str:
        return prefix.rstrip("/")


class MetricsSettings(Settings):
    """Numbers for Prometheus, and whether the run is alive and well."""

    bind: Annotated[
        str | None,
        Field(description="HOST:PORT of /metrics, /healthz and /readyz alone; the page has them too"),
    ] = None


class ControlSettings(Settings):
    """A ZeroMQ socket for the status and the settings of the run."""

    bind: Annotated[
        str | None,
        Field(description="address where programs change settings, for example tcp://127.0.0.1:5557"),
    ] = None
    keys: Annotated[Path | None, Field(description="folder of keys, made by gifnet keys")] = None
