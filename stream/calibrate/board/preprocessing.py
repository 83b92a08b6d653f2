"""Forms of a picture in which a detector may find a board: the plain one first, the costly ones last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from stream.frame import Pixels

# Counts below and above these percentiles are cut off before 16 bits become 8.
TAIL_PERCENT = 0.5
# Larger pictures are searched at a fraction of their size first, smaller ones enlarged too.
WIDE_PX, SMALL_PX = 1000, 400
_BLUR_PX, _TILES, _CLIP = 1.2, (8, 8), 4.0


@dataclass(frozen=True, slots=True)
class Rung:
    """A way to prepare a picture.

    Attributes:
        name: for reports.
        make: takes [H, W] uint8 that fills its range, gives uint8 of another contrast or size.
        scale: how many times as large the result is.
    """

    name: str
    make: Callable[[Pixels], Pixels]
    scale: float = 1.0


def grey(picture: Pixels) -> Pixels:
    """A picture [H, W] or [H, W, 3] RGB of 8 or 16 bits as [H, W] uint8 that fills its range."""
    plain = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    low, high = np.percentile(plain, (TAIL_PERCENT, 100 - TAIL_PERCENT))
    share = (plain.astype(np.float32) - low) / max(high - low, 1.0)
    return np.asarray(np.rint(share.clip(0, 1) * 255), np.uint8)


def ladder(size: tuple[int, int], needs_polarity: bool = True) -> tuple[Rung, ...]:
    """The rungs for pictures of a size, in the order in which they are tried.

    Args:
        size: width and height.
        needs_polarity: whether the detector wants dark on bright, as those of circles and markers do. In a
            thermal picture the paint may be the warmer part, so every form then comes inverted too.
    """
    if max(size) > WIDE_PX:
        share = 1 / -(-max(size) // WIDE_PX)
        reduced, plain = _scaled(share), Rung("plain", lambda picture: picture)
        local = Rung("reduced, local contrast", lambda p: _local(reduced(p)), share)
        rungs: tuple[Rung, ...] = Rung("reduced", reduced, share), local, plain
    else:
        rungs = (
            Rung("plain", lambda picture: picture),
            Rung("local contrast", _local),
            Rung("smoothed", _smooth),
            *((Rung("enlarged", _scaled(2.0), 2.0),) if max(size) <= SMALL_PX else ()),
            Rung("sharpened", lambda picture: _sharp(_local(picture))),
        )
    return tuple(each for rung in rungs for each in _polarities(rung, needs_polarity))


def _polarities(rung: Rung, both: bool) -> tuple[Rung, ...]:
    inverted = Rung(f"{rung.name}, inverted", lambda picture: _inverted(rung.make(picture)), rung.scale)
    return (rung, inverted) if both else (rung,)


def _inverted(picture: Pixels) -> Pixels:
    return np.asarray(255 - picture)


def _local(picture: Pixels) -> Pixels:
    """Contrast-limited adaptive histogram equalisation, smoothed a little so that noise stays noise."""
    soft = cv2.GaussianBlur(picture, (0, 0), _BLUR_PX / 2)
    return np.asarray(cv2.createCLAHE(_CLIP, _TILES).apply(soft))


def _smooth(picture: Pixels) -> Pixels:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), _BLUR_PX))


def _sharp(picture: Pixels) -> Pixels:
    """Unsharp mask."""
    return np.asarray(cv2.addWeighted(picture, 2.5, cv2.GaussianBlur(picture, (0, 0), 2 * _BLUR_PX), -1.5, 0))


def _scaled(scale: float) -> Callable[[Pixels], Pixels]:
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return lambda picture: np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=how))
