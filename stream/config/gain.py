"""Settings of gain control."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from stream.config.base import Settings


class GainSettings(Settings):
    """Settings of gain control: raw thermal counts to 8-bit grey."""

    method: Annotated[
        Literal["auto", "percentile", "minmax", "plateau", "clahe", "fixed", "none"],
        Field(description="conversion of counts to grey; auto: none for 8-bit thermal, percentile above"),
    ] = "auto"
    low: Annotated[float, Field(ge=0, lt=100, description="percentile that becomes black")] = 1.0
    high: Annotated[float, Field(gt=0, le=100, description="percentile that becomes white")] = 99.5
    damping: Annotated[
        float, Field(ge=0, lt=1, description="share of the last span or curve that is kept")
    ] = 0.9
    plateau: Annotated[
        float,
        Field(gt=0, le=100, description="plateau, clahe: most pixels that one count may hold, in percent"),
    ] = 0.05
    contrast: Annotated[
        float, Field(ge=1, le=100, description="clahe: steepest curve, as a multiple of an even one")
    ] = 3.0
    span_low: Annotated[float | None, Field(ge=-1e9, le=1e9, description="fixed: what becomes black")] = None
    span_high: Annotated[float | None, Field(ge=-1e9, le=1e9, description="fixed: what becomes white")] = None
    span_unit: Annotated[
        Literal["counts", "celsius"],
        Field(description="fixed: unit of the span; celsius needs a camera whose radiometry is known"),
    ] = "counts"
    polarity: Annotated[Literal["white-hot", "black-hot"], Field(description="appearance of hot")] = (
        "white-hot"
    )
    region: Annotated[
        str | None,
        Field(description="part that is measured: LEFT,TOP,RIGHT,BOTTOM in shares of the picture"),
    ] = None
    detail: Annotated[
        float, Field(ge=0, le=10, description="gain of small details; 1 leaves them as they are")
    ] = 1.0
    bad_pixels: Annotated[
        Path | None,
        Field(description="file of bad pixels: lines of x and y, or a picture of them that is else black"),
    ] = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low must be below high, got {self.low:g} and {self.high:g}")
        if self.span_low is not None and self.span_high is not None and self.span_low >= self.span_high:
            raise ValueError(f"span_low must be below span_high, got {self.span_low:g}, {self.span_high:g}")
        if self.method == "fixed" and (self.span_low is None or self.span_high is None):
            raise ValueError("the method fixed needs span_low and span_high")
        return self

    @field_validator("region")
    @classmethod
    def _is_region(cls, region: str | None) -> str | None:
        if region is not None:
            parse_region(region)
        return region


def parse_region(text: str) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of `LEFT,TOP,RIGHT,BOTTOM`, in shares of the picture.

    Raises:
        ValueError: it is no such region.
    """
    try:
        left, top, right, bottom = (float(part) for part in text.split(","))
    except ValueError:
        left, top, right, bottom = 1.0, 1.0, 0.0, 0.0
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise ValueError(
            "a region is LEFT,TOP,RIGHT,BOTTOM in shares from 0 to 1, left below right and top below "
            f"bottom, as in 0,0.3,1,1 for all but the sky, got {text!r}"
        )
    return left, top, right, bottom
