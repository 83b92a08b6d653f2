"""A row of what `gifnet doctor` shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Standing = Literal["ok", "missing", "problem"]


DECODERS = ("h264", "hevc", "av1", "vp9", "mjpeg", "ffv1", "mpeg4", "png", "tiff")


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was looked at.

    Attributes:
        name: of the thing.
        standing: `ok`; `missing`: not needed, but something would be better or possible with it; `problem`:
            runs fail.
        found: what there is.
        remedy: one sentence on what to do, empty where nothing is to be done.
    """

    name: str
    standing: Standing
    found: str
    remedy: str = ""
