"""Boxes and names of found objects on a picture."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from stream.picture import Pixels
from stream.zeromq.objects import FoundObject

# Distinct for people with defective colour vision, and on dark as on bright ground (Okabe and Ito 2008).
COLOURS = {"person": (240, 228, 66), "vehicle": (86, 180, 233)}
OTHER = (230, 159, 0)
# Height of the pictures at which lines are one pixel thick.
THIN_UP_TO_PX = 360


def draw_boxes(pixels: Pixels, objects: Iterable[FoundObject]) -> Pixels:
    """A copy of a picture with boxes, class names and scores.

    Args:
        pixels: [H, W, 3] uint8 RGB.
        objects: their boxes in pixels of the picture.
    """
    drawn = np.ascontiguousarray(pixels).copy()
    thick = max(1, round(drawn.shape[0] / THIN_UP_TO_PX))
    size = 0.4 * max(1.0, drawn.shape[0] / 480)
    for found in objects:
        left, top, right, bottom = (round(side) for side in found.box)
        colour = COLOURS.get(found.name, OTHER)
        cv2.rectangle(drawn, (left, top), (right, bottom), (0, 0, 0), thick + 2)
        cv2.rectangle(drawn, (left, top), (right, bottom), colour, thick)
        text = f"{found.name} {found.score:.2f}"
        (_, height), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, thick)
        # Above the box, or below its upper edge where the picture ends.
        place = left, top - below if top - below > height else top + height + below
        cv2.putText(drawn, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), thick + 2, cv2.LINE_AA)
        cv2.putText(drawn, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, thick, cv2.LINE_AA)
    return drawn
