"""Telemetry rows in the pictures of thermal cameras, with the state of the shutter.

FLIR Lepton: three or four rows of 80 words follow the picture. In row A, word 0 is the revision and word 3
the lower half of the status bits, of which bits 4 and 5 are the state of the flat-field correction (FLIR
Lepton Engineering Datasheet, section "Telemetry").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from stream.errors import RefusedError
from stream.frame import Frame
from stream.sources.base import Source, SourceBase

# Width of the picture -> its height without telemetry.
PICTURE_ROWS = {160: 120, 80: 60}
_REVISION_WORD, _STATUS_WORD = 0, 3
_FFC_SHIFT, _FFC_MASK = 4, 3
# Revision 8, of the first Leptons, counts the states without "imminent".
_OLD_REVISION = 8
_IN_PROGRESS, _IN_PROGRESS_OLD = 2, 1


def read_lepton(frame: Frame) -> Frame:
    """A Lepton's frame without its telemetry, and `stale` while the shutter is closed.

    Args:
        frame: `gray16le`, 160x122 or 80x63 with the telemetry below the picture.

    Returns:
        The picture, 160x120 or 80x60.

    Raises:
        RefusedError: it has another size, or no telemetry.
    """
    pixels = np.asarray(frame.pixels)
    rows = PICTURE_ROWS.get(pixels.shape[1])
    if rows is None or pixels.shape[0] <= rows or frame.pixel_format != "gray16le":
        width, height = frame.size
        raise RefusedError(
            f"a Lepton with telemetry gives raw pictures of 160x122 or 80x63, got {frame.pixel_format} of "
            f"{width}x{height}; switch telemetry on in the camera (as a footer), or take telemetry none"
        )
    words = pixels[rows:].reshape(-1)
    state = int(words[_STATUS_WORD]) >> _FFC_SHIFT & _FFC_MASK
    closed = _IN_PROGRESS_OLD if int(words[_REVISION_WORD]) == _OLD_REVISION else _IN_PROGRESS
    return replace(frame, picture=np.ascontiguousarray(pixels[:rows]), stale=state == closed)


class LeptonSource(SourceBase):
    """The frames of another source, each as a function gives it back."""

    def __init__(self, inner: Source, change: Callable[[Frame], Frame]) -> None:
        super().__init__()
        self._inner, self._change = inner, change
        self.info, self.lost = inner.info, inner.lost

    def _read(self) -> Iterator[Frame]:
        for frame in self._inner:
            yield self._change(frame)

    def close(self) -> None:
        """Close the other source; may be called twice."""
        self._end_reading()
        self._inner.close()
