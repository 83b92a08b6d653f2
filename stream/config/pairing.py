"""Settings of pairing."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from stream.config.base import Settings

# A hundred days: no two frames further apart belong together.
LONGEST_MS = 1e10
# Three hundred years: the clock of a camera may count from its start, and the other's from 1970.
LARGEST_OFFSET_MS = 1e13


class PairingSettings(Settings):
    """Settings by which frames of the two streams are paired."""

    tolerance_ms: Annotated[
        float | Literal["auto"],
        Field(
            description="largest time between partners; auto: 0.6 of the time between frames of the faster "
            "camera, 20 at least, by the rates as they are"
        ),
    ] = "auto"
    offset_ms: Annotated[
        float | Literal["auto"],
        Field(description="thermal clock minus visible clock; auto: follow the clocks of live cameras"),
    ] = 0.0
    unpaired: Annotated[
        Literal["drop", "hold", "single"],
        Field(
            description="drop: leave out; hold: every visible frame, with the last thermal one; "
            "single: pass the one camera through"
        ),
    ] = "drop"
    max_age_ms: Annotated[
        float, Field(ge=0, le=LONGEST_MS, description="oldest thermal frame that is held")
    ] = 200.0
    max_wait_ms: Annotated[
        float, Field(ge=0, le=5000, description="longest that a live frame waits for its partner")
    ] = 250.0
    shutter: Annotated[
        Literal["auto", "on", "off"],
        Field(description="recognise a closed thermal shutter by repeated frames; auto: of 9 to 16 bits"),
    ] = "auto"

    @field_validator("tolerance_ms")
    @classmethod
    def _check_tolerance(cls, value: float | str) -> float | str:
        # A bound on the field would be compared with the word too.
        if isinstance(value, float) and value < 0:
            raise PydanticCustomError("greater_than_equal", "Input should be greater than or equal to 0")
        return _at_most(value, LONGEST_MS)

    @field_validator("offset_ms")
    @classmethod
    def _check_offset(cls, value: float | str) -> float | str:
        return _at_most(value, LARGEST_OFFSET_MS)


def _at_most(value: float | str, largest: float) -> float | str:
    if isinstance(value, float) and abs(value) > largest:
        raise PydanticCustomError("too_far", f"Input should be at most {largest:g} in size")
    return value
