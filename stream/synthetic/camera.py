"""The camera of a generated street: metres to pixels.

World axes: x to the right, y up, z along the street away from the camera, in metres; the road is y = 0.
Pixel coordinates follow OpenCV: the middle of the top left pixel is (0, 0).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
NEAR_M = 0.6


@dataclass(frozen=True, slots=True)
class SyntheticCamera:
    """A pinhole camera that looks along z; its tilt is a shift of the horizon.

    Attributes:
        width: of the picture in pixels.
        height: of the picture in pixels.
        focal: focal length as a share of the width.
        centre: column of the vanishing point as a share of the width.
        horizon: row of the horizon as a share of the height.
        x_m: position beside the middle of the road.
        height_m: above the road.
        pad_px: margin that is drawn around the picture.
        scale: pixels drawn for each pixel of the picture, in each direction.
    """

    width: int
    height: int
    focal: float
    centre: float
    horizon: float
    x_m: float
    height_m: float
    pad_px: int = 0
    scale: int = 1

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of what is drawn."""
        return (self.height + 2 * self.pad_px) * self.scale, (self.width + 2 * self.pad_px) * self.scale

    @property
    def focal_px(self) -> float:
        """Focal length in drawn pixels."""
        return self.focal * self.width * self.scale

    @property
    def middle_px(self) -> tuple[float, float]:
        """The vanishing point in drawn pixels."""
        column = (self.centre * self.width + self.pad_px) * self.scale - 0.5
        row = (self.horizon * self.height + self.pad_px) * self.scale - 0.5
        return column, row

    def project(self, points: Any) -> Points:
        """Project points in front of the camera.

        Args:
            points: [..., 3] in metres, z above 0.

        Returns:
            [..., 2] columns and rows in drawn pixels.
        """
        world = np.asarray(points, np.float64)
        column, row = self.middle_px
        per_metre = self.focal_px / world[..., 2]
        right = column + (world[..., 0] - self.x_m) * per_metre
        down = row + (self.height_m - world[..., 1]) * per_metre
        return np.stack([right, down], axis=-1)

    def ground(self) -> tuple[Points, Points]:
        """Intersections of the rays through all pixels below the horizon with the road.

        Returns:
            x and z in metres, each [rows, columns]; z is at most 2000 and negative above the horizon.
        """
        rows, columns = self.shape
        column, row = self.middle_px
        below = np.arange(rows) - row
        z = self.height_m * self.focal_px / np.where(np.abs(below) < 1e-3, 1e-3, below)
        z = np.minimum(z, 2000)[:, None]
        x = self.x_m + (np.arange(columns) - column)[None, :] * z / self.focal_px
        return x, np.broadcast_to(z, x.shape)


def clip_near(points: Points) -> Points:
    """Cut a convex polygon off at `NEAR_M` before the camera (Sutherland and Hodgman).

    Args:
        points: [N, 3] corners in order.

    Returns:
        [M, 3] corners, M may be 0.
    """
    if (points[:, 2] >= NEAR_M).all():
        return points
    kept = []
    for start, end in zip(points, np.roll(points, -1, axis=0), strict=True):
        if start[2] >= NEAR_M:
            kept.append(start)
        if (start[2] >= NEAR_M) != (end[2] >= NEAR_M):
            share = (NEAR_M - start[2]) / (end[2] - start[2])
            kept.append(start + share * (end - start))
    return np.array(kept).reshape(-1, 3)
