"""Put parts and glows onto a picture of floating-point light or temperature.

Pictures are [H, W, 3] float32 light (1 is as bright as paper under a lamp) or [H, W] float32 degrees Celsius.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.synthetic.bodies import Part
from stream.synthetic.camera import SyntheticCamera, clip_near

Picture = NDArray[np.float32]
Corners = NDArray[np.int32]
SUBPIXEL_BITS = 4
SUBPIXELS = 2**SUBPIXEL_BITS


def subpixels(corners: NDArray[np.float64]) -> Corners:
    """Columns and rows in 1/16 pixel, as cv2 takes them; it overflows far outside the picture."""
    return np.asarray(np.round(np.clip(corners, -16_000, 16_000) * SUBPIXELS), np.int32)


def corners_of(parts: Sequence[Part], camera: SyntheticCamera) -> list[Corners]:
    """Project parts, [N, 2] each in 1/16 pixel; what is too near the camera is cut off, N may be 0."""
    if not parts:
        return []
    points = [clip_near(part.points) for part in parts]
    ends = np.cumsum([len(each) for each in points])
    return np.split(subpixels(camera.project(np.concatenate(points))), ends[:-1])


def polygon_mask(shape: tuple[int, ...], corners: Corners) -> tuple[Any, Any] | None:
    """Cover of a convex polygon, with smooth edges.

    Args:
        shape: rows and columns of the picture.
        corners: [N, 2] columns and rows in 1/16 pixel.

    Returns:
        Slices of the picture and the cover there, uint8 0 to 255; None where the polygon lies outside.
    """
    if len(corners) < 3:
        return None
    x, y, width, height = cv2.boundingRect(corners)
    left, top = max(x // SUBPIXELS - 1, 0), max(y // SUBPIXELS - 1, 0)
    right = min((x + width) // SUBPIXELS + 2, shape[1])
    bottom = min((y + height) // SUBPIXELS + 2, shape[0])
    if left >= right or top >= bottom:
        return None
    mask = np.zeros((bottom - top, right - left), np.uint8)
    cv2.fillConvexPoly(mask, corners - (left * SUBPIXELS, top * SUBPIXELS), 255, cv2.LINE_AA, SUBPIXEL_BITS)
    return (slice(top, bottom), slice(left, right)), mask


def paint_parts(
    picture: Picture, parts: Sequence[Part], camera: SyntheticCamera, light: Any, depth: Any = None
) -> None:
    """Paint parts one over the other, in place.

    Args:
        picture: [H, W, 3] light or [H, W] degrees above the air.
        parts: in order; what is nearer than the camera is cut off.
        camera: of the picture.
        light: [3] that falls on the parts; unused for degrees.
        depth: [H, W] distances that hide a part where they are nearer, or None.
    """
    for part, corners in zip(parts, corners_of(parts, camera), strict=True):
        found = polygon_mask(picture.shape, corners)
        if found is None:
            continue
        where, mask = found
        cover = mask * np.float32(part.alpha / 255)
        if depth is not None:
            cover *= depth[where] > part.points[:, 2].min()
        value = np.asarray(part.albedo) * light + np.asarray(part.glow) if picture.ndim == 3 else part.warm_c
        blend(picture, where, cover, value)


def blend(picture: Picture, where: Any, cover: NDArray[np.float32], value: Any) -> None:
    """Replace what `cover` (0 to 1) covers by a value, in place."""
    region = picture[where]
    if region.ndim == 3:
        cover = cover[..., None]
    region += cover * (np.asarray(value, np.float32) - region)


@lru_cache(maxsize=2)
def _halo(soft: bool) -> Picture:
    """A round glow, 1 in the middle and 0 at the rim, of 129x129 pixels; `soft` without a bright core."""
    axis = np.linspace(-1, 1, 129, dtype=np.float32)
    radius = np.hypot(axis[:, None], axis[None, :])
    if soft:
        return np.asarray(np.clip(1 - radius**2, 0, 1) ** 2, np.float32)
    inside = np.clip(1 - radius, 0, 1)
    return np.asarray((0.94 / (1 + (radius / 0.045) ** 2) + 0.06) * inside**2, np.float32)


def add_halo(
    picture: Picture, middle: Any, radius_px: tuple[float, float], light: Any, soft: bool = False
) -> None:
    """Add a soft glow, in place.

    Args:
        picture: [H, W, 3] light.
        middle: column and row.
        radius_px: of the rim, across and down.
        light: [3] added in the middle.
        soft: spread evenly, without a bright core.
    """
    across, down = max(radius_px[0], 1.0), max(radius_px[1], 1.0)
    left, right = int(max(middle[0] - across, 0)), int(min(middle[0] + across + 2, picture.shape[1]))
    top, bottom = int(max(middle[1] - down, 0)), int(min(middle[1] + down + 2, picture.shape[0]))
    if left >= right or top >= bottom:
        return
    halo = _halo(soft)
    to_halo = np.array(
        [
            [64 / across, 0, 64 + (left - middle[0]) * 64 / across],
            [0, 64 / down, 64 + (top - middle[1]) * 64 / down],
        ]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    patch = cv2.warpAffine(halo, to_halo, (right - left, bottom - top), flags=flags)
    picture[top:bottom, left:right] += patch[..., None] * np.asarray(light, np.float32)


def soften(picture: Picture, sigma_px: float) -> Picture:
    """Blur as a lens does; `sigma_px` is the standard deviation of the blur."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px), np.float32)


def develop(light: Picture, noise: Picture | None) -> NDArray[np.uint8]:
    """Light to 8 bits: compressed highlights, square-root response, noise.

    Photon noise grows with the square root of the light, so it is even after a square-root response.

    Args:
        light: [H, W, 3].
        noise: [H, W, 3] grey levels, or None.
    """
    grey = cv2.divide(light, light + np.float32(0.75), scale=285.0**2)
    cv2.sqrt(grey, dst=grey)
    if noise is None:
        return np.asarray(cv2.convertScaleAbs(grey))
    return np.asarray(cv2.add(grey, noise, dtype=cv2.CV_8U))
