"""All settings of a run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from stream.config.base import Settings
from stream.config.detection import DetectionSettings
from stream.config.excerpt import ExcerptSettings
from stream.config.fusion import FusionSettings
from stream.config.gain import GainSettings
from stream.config.inputs import InputSettings, ThermalInputSettings
from stream.config.live import LiveSettings
from stream.config.outputs import ControlSettings, MetricsSettings, OutputSettings, PreviewSettings
from stream.config.pairing import PairingSettings
from stream.config.registration import RegistrationSettings

Device = str
"""`auto`, `cpu`, `cuda`, or `cuda:N` for one of several GPUs."""

DEVICE_FORM = re.compile(r"auto|cpu|cuda(:\d{1,3})?")


class FuseSettings(Settings):
    """Everything that fused frames depend on."""

    visible: InputSettings
    thermal: ThermalInputSettings
    pair: Annotated[
        str | None,
        Field(
            description="address of one RTSP device with two channels, in place of VISIBLE and THERMAL: "
            "rtsp://HOST/hikvision, dahua or axis, or that of its visible channel"
        ),
    ] = None
    pairing: PairingSettings = PairingSettings()
    registration: RegistrationSettings = RegistrationSettings()
    gain: GainSettings = GainSettings()
    fusion: FusionSettings = FusionSettings()
    live: LiveSettings = LiveSettings()
    excerpt: ExcerptSettings = ExcerptSettings()
    device: Annotated[
        Device, Field(description="device of the network: auto, cpu, cuda, or cuda:1 for the second GPU")
    ] = "auto"
    duration_s: Annotated[
        float | None, Field(gt=0, le=1e9, description="end after so many seconds of wall time")
    ] = None
    allow_loss: Annotated[
        bool,
        Field(description="call a run done although more than a tenth of a recording's frames were lost"),
    ] = False

    @field_validator("device")
    @classmethod
    def _is_device(cls, device: str) -> str:
        if not DEVICE_FORM.fullmatch(device):
            raise ValueError(f"it must be auto, cpu, cuda, or cuda:N such as cuda:1, got {device!r}")
        return device


class RunSettings(FuseSettings):
    """Everything `gifnet run` needs."""

    detection: DetectionSettings = DetectionSettings()
    preview: PreviewSettings = PreviewSettings()
    metrics: MetricsSettings = MetricsSettings()
    control: ControlSettings = ControlSettings()
    takeover: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
            description="name under which this run publishes; the run that has it ends once this one "
            "has frames",
        ),
    ] = None
    logs: Annotated[Literal["text", "json"], Field(description="format of messages on standard error")] = (
        "text"
    )
    outputs: Annotated[tuple[OutputSettings, ...], Field(validate_default=True)] = ()
    report: Annotated[Path | None, Field(description="JSON file that tells what the run did")] = None

    @field_validator("outputs")
    @classmethod
    def _somewhere(cls, outputs: tuple[OutputSettings, ...], info: ValidationInfo) -> Any:
        preview = info.data.get("preview")
        if not outputs and not (preview and preview.bind):
            raise ValueError("there is none, name an output with -o, or a page with --preview")
        return outputs
