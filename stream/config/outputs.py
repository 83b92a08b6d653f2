"""Settings of outputs: files and sockets, the page, metrics, control."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr

from stream.config.base import Settings
from stream.frame import ColourMap, View

SHORTEST_TOKEN = 16
"""Characters of a token that the user sets."""

# Options of sinks, with their ranges; each kind of sink in `stream.sinks` takes some of them.
ShownView = Annotated[View, Field(description="which picture is written")]
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
    clips: Annotated[Path, Field(description="folder of the clips that are recorded from the page")] = Path(
        "clips"
    )


class MetricsSettings(Settings):
    """Numbers for Prometheus, and whether the run is alive and well."""

    bind: Annotated[
        str | None,
        Field(description="HOST:PORT of /metrics, /healthz and /readyz alone; the page has them too"),
    ] = None


class ControlSettings(Settings):
    """A ZeroMQ socket that tells of the run and changes it."""

    bind: Annotated[
        str | None, Field(description="where programs change settings, for example tcp://127.0.0.1:5557")
    ] = None
    keys: Annotated[Path | None, Field(description="folder of keys, made by gifnet keys")] = None
