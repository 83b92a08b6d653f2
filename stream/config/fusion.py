"""Pairing, registration, network, and what may wait."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stream.config.base import Settings

Precision = Literal["auto", "float32", "bfloat16", "float16"]

_PACKAGED = ("default", "lite")


class FusionSettings(Settings):
    """The network that fuses, and its precision."""

    model: Annotated[
        Literal["auto", "full", "lite", "null"],
        Field(
            description="full: GIFNet; lite: a small network for camera rate on a CPU; auto: full for "
            "recordings, and for cameras lite where full does not hold their rate; "
            "null: no network, the visible picture, to try everything else"
        ),
    ] = "auto"
    weights: Annotated[
        str, Field(min_length=1, description="default, published or a file; default is that of the model")
    ] = "default"
    precision: Annotated[Precision, Field(description="number format of the network")] = "auto"
    batch: Annotated[
        int, Field(ge=1, le=64, description="pairs fused at once; more costs latency and memory")
    ] = 1
    steady: Annotated[
        float | None,
        Field(
            ge=0,
            le=0.95,
            description="share of the fused frame before kept where nothing moves, against flicker; "
            "default: 0.5 with the packaged weights, 0 with others",
        ),
    ] = None
    level: Annotated[
        float | None,
        Field(
            ge=0,
            le=1,
            description="strength by which detail, skies, dark places and people are brought to those of "
            "the better source after the network; default: 1 with the packaged weights, 0 with others",
        ),
    ] = None

    @model_validator(mode="after")
    def _level_needs_a_network(self) -> Self:
        if self.level and self.model == "null":
            raise ValueError("level corrects what a network fused; the model null has no network")
        return self

    @property
    def used_level(self) -> float:
        """`level`, or what stands for None."""
        return self._or_packaged(self.level, 1.0)

    @property
    def used_steady(self) -> float:
        """`steady`, or what stands for None."""
        return self._or_packaged(self.steady, 0.5)

    def _or_packaged(self, value: float | None, packaged: float) -> float:
        if value is not None:
            return value
        return packaged if self.weights in _PACKAGED and self.model != "null" else 0.0
