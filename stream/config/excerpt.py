"""Settings of the part of a recording that is fused, and its size."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from stream.config.base import Settings


class ExcerptSettings(Settings):
    """The frames that are fused, and their size; capture times stay as they are."""

    start_s: Annotated[
        float,
        Field(ge=0, le=1e9, description="begin so many seconds after the first visible frame of a recording"),
    ] = 0.0
    frames: Annotated[int | None, Field(ge=1, le=10**9, description="end after so many fused frames")] = None
    every: Annotated[int, Field(ge=1, le=10**6, description="fuse one moment of so many")] = 1
    scale: Annotated[
        float,
        Field(ge=0.02, le=1, description="fuse pictures of so much of their width and height, for speed"),
    ] = 1.0
