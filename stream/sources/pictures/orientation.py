"""Orientation of a picture, as the tag 274 of Exif and TIFF numbers it."""

from __future__ import annotations

from stream.frame import Pixels


def turned(pixels: Pixels, orientation: int) -> Pixels:
    """Pixels as an orientation says that they are seen.

    Args:
        pixels: [H, W] as stored.
        orientation: 1 to 8.

    Returns:
        A view, [W, H] from 5 on.
    """
    if orientation >= 5:
        pixels = pixels.T
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels
