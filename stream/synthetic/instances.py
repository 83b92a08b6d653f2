"""Exact masks of people and cars: which pixel of the visible picture shows which of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.synthetic.bodies import Part
from stream.synthetic.camera import SyntheticCamera
from stream.synthetic.paint import corners_of, polygon_mask

Mask = NDArray[np.uint8]
RING_PX = 5
"""Width of what is around a thing, for its contrast."""
STEADY_GREY = 3.0
"""Grey levels added to the spread around a thing: flat surroundings must not make any contrast large."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A person or a car, as far as it is seen.

    Attributes:
        kind: "person" or "car".
        name: the same at all times.
        number: of its pixels in the map of instances, from 1.
        box: left, top, right, bottom of its pixels; right and bottom lie beyond them.
        area_px: how many pixels.
        hidden: share of its outline that others or the street hide.
    """

    kind: str
    name: str
    number: int
    box: tuple[int, int, int, int]
    area_px: int
    hidden: float


def outline(parts: Iterable[Part], camera: SyntheticCamera) -> NDArray[np.bool_]:
    """[H, W] pixels that the solid parts cover by half or more."""
    half, whole = np.zeros(camera.shape, np.uint8), np.zeros(camera.shape, np.uint8)
    solid = [part for part in parts if part.alpha == 1]
    for corners in corners_of(solid, camera):
        if (found := polygon_mask(half.shape, corners)) is not None:
            where, mask = found
            half[where] |= (mask > 127).astype(np.uint8)
            whole[where] = cv2.add(whole[where], mask)
    # Two parts that meet within a pixel cover less than half of it each.
    seams = cv2.morphologyEx(half, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)) & (whole > 127)
    return np.asarray((half | seams) > 0)


def contrast(picture: NDArray[Any], mask: NDArray[np.bool_]) -> float:
    """Distance of the mean grey level of a mask from that around it, in spreads of what is around it."""
    wide = cv2.dilate(mask.astype(np.uint8), np.ones((2 * RING_PX + 1,) * 2, np.uint8)) > 0
    ring = wide & ~mask
    if not ring.any():
        return 0.0
    around = picture[ring].astype(np.float32)
    return float(abs(picture[mask].mean() - around.mean()) / (around.std() + STEADY_GREY))


def bounds(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a mask that is not empty."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
