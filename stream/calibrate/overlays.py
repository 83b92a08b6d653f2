"""Two registered pictures on each other, to judge by eye."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.frame import Pixels

SQUARE_PX = 40
LOW, HIGH = 1.0, 99.5

Mask = NDArray[np.bool_]


def stretched(counts: Pixels) -> Pixels:
    """Counts to 8 bits by percentiles, to look at."""
    if counts.ndim == 3:
        counts = np.asarray(cv2.cvtColor(counts, cv2.COLOR_RGB2GRAY))
    low, high = np.percentile(counts, (LOW, HIGH))
    scaled = (counts.astype(np.float32) - low) / max(float(high - low), 1.0)
    return np.asarray(np.clip(scaled * 255 + 0.5, 0, 255).astype(np.uint8))


def blended(visible: Pixels, thermal: Pixels, seen: Mask) -> Pixels:
    """Visible as grey, thermal as its red and its missing blue.

    Args:
        visible: [H, W, 3] uint8.
        thermal: [H, W] uint8, registered.
        seen: [H, W] bool, where the thermal camera sees.
    """
    grey = np.asarray(cv2.cvtColor(visible, cv2.COLOR_RGB2GRAY))
    half = cv2.addWeighted(grey, 0.6, thermal, 0.4, 0)
    mixed = np.stack((cv2.addWeighted(grey, 0.4, thermal, 0.6, 0), half, grey), axis=-1)
    return np.where(seen[..., None], mixed, visible)


def checkered(visible: Pixels, thermal: Pixels, seen: Mask) -> Pixels:
    """Squares of visible and thermal in turn."""
    rows, columns = np.indices(thermal.shape) // SQUARE_PX
    turn = ((rows + columns) % 2 == 0) & seen
    return np.where(turn[..., None], thermal[..., None], visible)


def edged(visible: Pixels, thermal: Pixels, seen: Mask) -> Pixels:
    """Thermal edges in orange over the visible picture."""
    smooth = cv2.GaussianBlur(thermal, (0, 0), 1.2)
    edges = (cv2.Canny(smooth, 40, 90) > 0) & seen
    picture = visible // 2 + 40
    picture[edges] = (255, 150, 30)
    return np.asarray(picture)
