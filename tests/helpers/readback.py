"""Reading a video file back, for tests that look at what was written."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray


def read_times(path: Path) -> list[Fraction]:
    """Times of all frames in seconds, exact."""
    with av.open(str(path)) as container:
        return [frame.pts * frame.time_base for frame in container.decode(video=0)]


def read_frames(path: Path) -> list[NDArray[Any]]:
    """All frames as [H, W, 3] uint8 RGB."""
    with av.open(str(path)) as container:
        return [np.asarray(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]


def count_frames(path: Path) -> int:
    """Number of frames that can be decoded."""
    return len(read_times(path))
