"""Pairing, registration, network, and what may wait."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stream.config.base import Settings

Precision = Literal["auto", "float32", "bfloat16", "float16"]


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
        float,
        Field(ge=0, le=0.95, description="share of the fused frame before kept where nothing moves; 0: none"),
    ] = 0.0
