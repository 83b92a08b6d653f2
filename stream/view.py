"""Which picture of a fused frame is shown or written."""

from __future__ import annotations

import cv2
import numpy as np

from stream.frame import FusedFrame, Pixels, View


def render(frame: FusedFrame, view: View) -> Pixels:
    """The picture of a fused frame that a view asks for.

    Args:
        frame: a fused frame, H by W pixels.
        view: `side-by-side` is visible, thermal and fused from left to right.

    Returns:
        [H, W', 3] uint8 RGB, W' is W, or 3 W side by side; thermal is grey. May share memory with the frame.
    """
    if view == "fused":
        return frame.pixels
    if view == "visible":
        return frame.visible
    if view == "thermal":
        return _grey_as_rgb(frame.thermal)
    return np.hstack([frame.visible, _grey_as_rgb(frame.thermal), frame.pixels])


def _grey_as_rgb(grey: Pixels) -> Pixels:
    rgb: Pixels = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    return rgb
