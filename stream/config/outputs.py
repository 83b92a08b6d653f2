"""What becomes of fused frames: files and sockets, a page, numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr

from stream.config.base import Settings
from stream.frame import ColourMap, View


class OutputSettings(Settings):
    """One file, folder or other sink."""

    uri: Annotated[str, Field(min_length=1, description="path or URI of the output; repeatable")]
    view: Annotated[View, Field(description="which picture is written")] = "fused"
    colour_map: Annotated[
        ColourMap, Field(description="colours of the view thermal-colour; the network never sees them")
    ] = "heat"
    encoder: Annotated[
        str | None,
        Field(description="video encoder; by default h264_nvenc on a GPU that has it, else libx264"),
    ] = None
    quality: Annotated[
        int | None, Field(ge=0, le=63, description="constant rate factor, lower is better")
    ] = None
    audio: Annotated[bool, Field(description="carry the visible file's audio over")] = True
    segment_s: Annotated[
        float | None, Field(ge=1, description="begin a new file after so many seconds of video")
    ] = None
    segment_mb: Annotated[
        float | None, Field(gt=0, description="begin a new file after so many megabytes")
    ] = None
    keep_free_mb: Annotated[
        float | None,
        Field(ge=0, description="pause writing while less is free on the disk; by default 200 when live"),
    ] = None
    sidecar: Annotated[
        bool, Field(description="write the pairing of every frame to a .jsonl file beside the video")
    ] = False


class PreviewSettings(Settings):
    """A page in the browser that shows the run and changes it."""

    bind: Annotated[
        str | None, Field(description="HOST:PORT where a page shows the run, for example 127.0.0.1:8080")
    ] = None
    token: Annotated[
        SecretStr | None,
        Field(min_length=16, description="secret that the page asks for; made up where others reach it"),
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
