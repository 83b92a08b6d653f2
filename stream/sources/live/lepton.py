"""What thermal cameras write into their own pictures: rows of telemetry, which tell of the shutter.

FLIR Lepton: three or four rows of 80 words follow the picture. In row A, word 0 is the revision and word 3
the lower half of the status bits, of which bits 4 and 5 are the state of the flat-field correction (FLIR
Lepton Engineering Datasheet, section "Telemetry").
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stream.errors import RefusedError
from stream.frame import Frame

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
    return replace(frame, pixels=np.ascontiguousarray(pixels[:rows]), stale=state == closed)
