"""Detection of flat-field correction (FFC): the shutter of a thermal camera is closed, its frames repeat."""

from __future__ import annotations

from collections import deque
from statistics import median

import numpy as np

from stream.frame import Frame, Pixels

# Runs of equal frames that are remembered to know what is usual for a camera.
_RUNS = 32


class FfcDetector:
    """Recognises frames that repeat because the shutter is closed.

    Raw counts carry noise, so no two frames are equal; while the shutter is closed, cameras send the last
    one again and again. Some cameras repeat every frame in ordinary service, 9 pictures a second sent as 27,
    so a frame is stale only when it repeats more often than is usual for the camera.
    """

    def __init__(self) -> None:
        self._last: Pixels | None = None
        self._repeats = 0
        self._runs: deque[int] = deque([0], maxlen=_RUNS)

    def is_stale(self, frame: Frame) -> bool:
        """True for a frame that shows nothing new; to be called once for every frame, in order."""
        pixels = np.asarray(frame.pixels)
        same = self._last is not None and np.array_equal(pixels, self._last)
        self._last = pixels
        if not same:
            self._runs.append(self._repeats)
            self._repeats = 0
            return False
        self._repeats += 1
        return self._repeats > median(self._runs) + 1
