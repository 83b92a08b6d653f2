"""The two cameras."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from stream.config.base import Settings
from stream.config.crop import parse_crop
from stream.config.thermal_layout import (
    CAMERAS,
    CameraName,
    CountLayout,
    PaletteName,
    parse_layout,
    stated_radiometry,
)
from stream.radiometry import Linear, Radiometry

_WITH_PASSWORD = re.compile(r"\s*(chaos://[^!]*!)?(rtsps?|https?)://", re.IGNORECASE)

Decoder = Literal["auto", "cpu", "cuda"]
Deinterlace = Literal["auto", "on", "off"]


def takes_password(uri: str) -> bool:
    """True for a camera that may ask for a user name and password."""
    return bool(_WITH_PASSWORD.match(uri))


class InputSettings(Settings):
    """One camera, file or folder."""

    uri: Annotated[str, Field(min_length=1, description="path or URI of the stream")]
    name: Annotated[str | None, Field(description="name in reports")] = None
    bits: Annotated[int | None, Field(ge=8, le=16, description="significant bits of a grey count")] = None
    rate: Annotated[float | None, Field(gt=0, le=1e6, description="frames a second of an image folder")] = (
        None
    )
    track: Annotated[
        str | None, Field(description="video track of a file: its number from 0, its language or its title")
    ] = None
    crop: Annotated[
        str | None,
        Field(description="part of each picture: left, right, top, bottom or X,Y,WIDTH,HEIGHT in pixels"),
    ] = None
    deinterlace: Annotated[
        Deinterlace,
        Field(
            description="half pictures of interlaced video files become whole ones; auto: where frames are "
            "marked as interlaced"
        ),
    ] = "auto"
    user: Annotated[
        str | None, Field(max_length=100, description="user name of an RTSP or HTTP camera; also in its URI")
    ] = None
    password: Annotated[
        SecretStr | None,
        Field(description="password of that user, any characters; better from the environment or the file"),
    ] = None
    decoder: Annotated[
        Decoder,
        Field(description="device that decodes video; auto: NVDEC on a GPU that runs the network, if it can"),
    ] = "auto"
    transport: Annotated[
        Literal["tcp", "udp"], Field(description="transport of an RTSP camera's pictures")
    ] = "tcp"
    timeout_s: Annotated[
        float, Field(ge=0.2, le=60, description="silence after which a camera is reconnected")
    ] = 3.0

    @model_validator(mode="after")
    def _of_a_camera(self) -> Self:
        if self.user is None and self.password is None:
            return self
        if not takes_password(self.uri):
            raise ValueError("user and password are for rtsp:// and http:// cameras; leave them out")
        if self.user is not None and ":" in self.user:
            raise ValueError("a user name of a camera has no colon")
        if self.password is not None and set(self.password.get_secret_value()) == {"*"}:
            raise ValueError("the password is only stars, as --print-config hides one; give the real one")
        if self.user is None and "@" not in self.uri:
            raise ValueError("a password needs its user, as in user: admin")
        return self

    @field_validator("crop")
    @classmethod
    def _is_crop(cls, crop: str | None) -> str | None:
        if crop is not None:
            parse_crop(crop)
        return crop

    @property
    def radiometry(self) -> Radiometry | None:
        """Degrees Celsius of a count that travels, as far as the user states it."""
        return None

    @property
    def unit(self) -> Linear | None:
        """Degrees Celsius of a number as it is stored, as far as the user states it."""
        return None

    @property
    def colours(self) -> PaletteName:
        """The palette of a thermal picture, as far as the user states it."""
        return "auto"

    @property
    def count_layout(self) -> CountLayout:
        """The layout of counts, as far as the user states it."""
        return CountLayout()

    @property
    def count_bits(self) -> int | None:
        """Significant bits of a grey count, as far as the user states them."""
        return self.bits or self.count_layout.bits


class ThermalInputSettings(InputSettings):
    """The thermal camera, file or folder."""

    telemetry: Annotated[
        Literal["none", "lepton"],
        Field(description="rows below a live thermal picture that tell of its shutter; they are cut off"),
    ] = "none"
    cut_top: Annotated[
        int, Field(ge=0, le=1000, description="rows above the thermal picture that hold other data")
    ] = 0
    cut_bottom: Annotated[
        int, Field(ge=0, le=1000, description="rows below the thermal picture that hold other data")
    ] = 0
    camera: Annotated[
        CameraName | None, Field(description="camera by name; stands for the layout of its counts")
    ] = None
    layout: Annotated[
        str | None,
        Field(description="layout of counts in words, as in 'int16 C*10', 'float32 K', 'yuyv lower K*64'"),
    ] = None
    palette: Annotated[
        PaletteName,
        Field(description="colours of an 8-bit thermal picture; auto: found out, none: brightness is taken"),
    ] = "auto"
    celsius_per_count: Annotated[
        float | None,
        Field(
            ge=-1e6, le=1e6, description="degrees Celsius of one thermal count, if the camera counts linearly"
        ),
    ] = None
    celsius_at_zero: Annotated[
        float | None,
        Field(ge=-1e6, le=1e6, description="degrees Celsius of thermal count 0, with celsius-per-count"),
    ] = None

    @field_validator("layout")
    @classmethod
    def _is_layout(cls, layout: str | None) -> str | None:
        if layout is not None:
            parse_layout(layout)
        return layout

    @model_validator(mode="after")
    def _gain_with_offset(self) -> Self:
        if (self.celsius_per_count is None) != (self.celsius_at_zero is None):
            raise ValueError("celsius_per_count and celsius_at_zero belong together; give both or neither")
        if self.celsius_per_count == 0:
            raise ValueError("celsius_per_count must not be 0")
        return self

    @model_validator(mode="after")
    def _one_statement(self) -> Self:
        if self.camera and self.layout:
            raise ValueError(f"camera {self.camera} stands for a layout; give camera or layout, not both")
        bits = self.count_layout.bits
        if bits is not None and self.bits is not None and bits != self.bits:
            raise ValueError(f"bits says {self.bits} and the layout of counts {bits}; give one of them")
        return self

    @property
    def colours(self) -> PaletteName:
        """The palette of a thermal picture, as far as the user states it."""
        return self.palette

    @property
    def count_layout(self) -> CountLayout:
        """The layout of counts, as far as the user states it."""
        text = self.layout or (CAMERAS[self.camera] if self.camera else None)
        return parse_layout(text) if text else CountLayout()

    @property
    def unit(self) -> Linear | None:
        """Degrees Celsius of a number as it is stored; a stated gain and offset go before the layout's."""
        if self.celsius_per_count is None or self.celsius_at_zero is None:
            return self.count_layout.unit
        return Linear(self.celsius_per_count, self.celsius_at_zero)

    @property
    def radiometry(self) -> Radiometry | None:
        """Degrees Celsius of a count that travels, as far as the user states it."""
        return stated_radiometry(self.count_layout, self.unit)
