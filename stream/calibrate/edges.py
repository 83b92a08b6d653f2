"""Edges of two kinds of pictures, comparable: what is warm need not be bright, but its outline is the same.

Fields are the normalised gradients of E. Haber and J. Modersitzki ("Intensity gradient based registration and
fusion of multi-modal images", 2006) with the angle doubled, as in `stream.structure`, so that an edge and its
negative are the same.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.calibration import Size
from stream.frame import Pixels

Field = NDArray[np.complex64]
Grey = NDArray[np.float32]
Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]

BLUR_PX = 1.0
# Reach of the blur and of Scharr's operator: what is nearer to a border is not known.
MARGIN_PX = 3
# Warping to fewer pixels needs softening first.
SHRINKS_BELOW = 0.9


def grey_visible(pixels: Pixels) -> Grey:
    """Brightness of [H, W, 3] uint8 RGB."""
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.float32)


def grey_thermal(counts: Pixels) -> Grey:
    """Counts [H, W] stretched to about 0..200; a few hot pixels may be above."""
    if counts.ndim == 3:
        counts = np.asarray(cv2.cvtColor(counts, cv2.COLOR_RGB2GRAY))
    raw = counts.astype(np.float32)
    low, high = np.percentile(raw, (1, 99.5))
    return np.asarray(np.clip((raw - low) / max(float(high - low), 1.0), 0, 1.2) * 200, np.float32)


def field(picture: Grey, known: Mask | None = None) -> Field:
    """Directions of edges, complex, of magnitude up to 1; 0 where nothing is known."""
    soft = cv2.GaussianBlur(picture, (0, 0), BLUR_PX)
    gradient = cv2.Scharr(soft, cv2.CV_32F, 1, 0) + 1j * cv2.Scharr(soft, cv2.CV_32F, 0, 1)
    inside = np.zeros(picture.shape, np.uint8)
    inside[MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX] = 1
    if known is not None:
        around = np.ones((2 * MARGIN_PX + 1,) * 2, np.uint8)
        inside &= cv2.erode(known.astype(np.uint8), around, borderValue=0)
    strength = np.abs(gradient)
    usual = float(strength[inside > 0].mean()) if inside.any() else 0.0
    edges = gradient**2 / (strength**2 + usual**2 + 1e-6)
    return np.asarray(np.where(inside > 0, edges, 0), np.complex64)


def warp(picture: Grey, matrix: Numbers, size: Size) -> tuple[Grey, Mask]:
    """A picture brought onto another grid, and where it is known there.

    Args:
        picture: [H, W].
        matrix: [3, 3] from its pixels to those of the grid.
        size: width and height of the grid.
    """
    scale = scale_of(matrix, (picture.shape[1], picture.shape[0]))
    if scale < SHRINKS_BELOW:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.5 * (1 / scale**2 - 1) ** 0.5))
    moved = cv2.warpPerspective(picture, matrix, size)
    whole = np.full(picture.shape, 255, np.uint8)
    return np.asarray(moved), np.asarray(cv2.warpPerspective(whole, matrix, size) > 250)


def scale_of(matrix: Numbers, size: Size) -> float:
    """How much larger a pixel in the middle of a picture becomes."""
    middle = np.array((size[0] / 2, size[1] / 2, 1.0))
    depth = abs(float(matrix[2] @ middle))
    return float(np.sqrt(abs(np.linalg.det(matrix)) / max(depth, 1e-9) ** 3))


def resized(picture: Grey, size: Size) -> Grey:
    """A picture with another number of pixels."""
    smaller = size[0] < picture.shape[1]
    return np.asarray(
        cv2.resize(picture, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    )
