"""Settings of a run: each default and range stands here once; the command line reads them from here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stream.errors import ConfigError
from stream.frame import View

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]


class Settings(BaseModel):
    """Base of all settings: frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class InputSettings(Settings):
    """One camera, file or folder."""

    uri: Annotated[str, Field(min_length=1, description="path or URI of the stream")]
    name: Annotated[str | None, Field(description="name in reports")] = None
    bits: Annotated[int | None, Field(ge=8, le=16, description="significant bits of a grey count")] = None
    rate: Annotated[float | None, Field(gt=0, description="frames a second of an image folder")] = None


class PairingSettings(Settings):
    """How frames of the two streams find each other."""

    tolerance_ms: Annotated[float, Field(ge=0, description="largest time between partners")] = 20.0
    offset_ms: Annotated[float, Field(description="thermal clock minus visible clock")] = 0.0
    unpaired: Annotated[
        Literal["drop", "hold"],
        Field(description="drop: leave out; hold: every visible frame, with the last thermal one"),
    ] = "drop"
    max_age_ms: Annotated[float, Field(ge=0, description="oldest thermal frame that is held")] = 200.0


class RegistrationSettings(Settings):
    """How the thermal picture comes onto the visible one."""

    file: Annotated[Path | None, Field(description="calibration file; none where the sizes agree")] = None
    distance_m: Annotated[float | None, Field(gt=0, description="distance of the scene in metres")] = None


class GainSettings(Settings):
    """How raw thermal counts become 8 bits."""

    method: Annotated[
        Literal["auto", "percentile", "minmax", "none"],
        Field(description="auto: none for 8-bit thermal, percentile above"),
    ] = "auto"
    low: Annotated[float, Field(ge=0, lt=100, description="percentile that becomes black")] = 1.0
    high: Annotated[float, Field(gt=0, le=100, description="percentile that becomes white")] = 99.5
    damping: Annotated[float, Field(ge=0, lt=1, description="share of the last span that is kept")] = 0.9


class FusionSettings(Settings):
    """Which network fuses, and how."""

    weights: Annotated[str, Field(description="default, published or a file")] = "default"
    precision: Annotated[Precision, Field(description="number format of the network")] = "auto"


class OutputSettings(Settings):
    """One file, folder or other sink."""

    uri: Annotated[str, Field(min_length=1, description="path or URI of the output")]
    view: Annotated[View, Field(description="which picture is written")] = "fused"
    encoder: Annotated[str | None, Field(description="video encoder, libx264 by default")] = None
    quality: Annotated[int | None, Field(ge=0, le=63, description="constant rate factor, lower is better")] = None
    audio: Annotated[bool, Field(description="carry the visible file's audio over")] = True


class RunSettings(Settings):
    """Everything `gifnet run` needs."""

    visible: InputSettings
    thermal: InputSettings
    outputs: Annotated[tuple[OutputSettings, ...], Field(min_length=1)]
    pairing: PairingSettings = PairingSettings()
    registration: RegistrationSettings = RegistrationSettings()
    gain: GainSettings = GainSettings()
    fusion: FusionSettings = FusionSettings()
    device: Device = "auto"
    report: Path | None = None


def validate(values: dict[str, Any], where: str) -> RunSettings:
    """Check a nested mapping against `RunSettings`.

    Args:
        values: the settings as nested dictionaries.
        where: what to call their origin in messages.

    Raises:
        ConfigError: lists every problem with its path.
    """
    try:
        return RunSettings.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{where}: " + "; ".join(_sentence(problem) for problem in error.errors())) from None


def load_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping with the safe loader.

    Raises:
        ConfigError: when the file cannot be read or is no mapping.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"the configuration {path} cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        line = f" in line {place.line + 1}" if place else ""
        raise ConfigError(f"the configuration {path} is not YAML{line}: {getattr(error, 'problem', error)}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"the configuration {path} must be a mapping of settings, got {type(values).__name__}")
    return values


def _sentence(problem: Any) -> str:
    path = ".".join(str(part) for part in problem["loc"]) or "the settings"
    if problem["type"] == "extra_forbidden":
        return f"{path} is not a known key"
    if problem["type"] == "missing":
        return f"{path} is missing"
    return f"{path}: {problem['msg'][0].lower()}{problem['msg'][1:]}, got {problem['input']!r}"
