"""Smoke that drifts through a generated street: it hides the visible picture alone."""

from __future__ import annotations

import cv2
import numpy as np

from stream.synthetic.layout import Light
from stream.synthetic.materials import SKY_LIGHT, noise_tile
from stream.synthetic.paint import Picture

WIND = (0.035, 0.011)


class Smoke:
    """Clouds of smoke; `density` 1 hides nearly everything."""

    def __init__(self, seed: int, density: float) -> None:
        self._density = density
        soft = cv2.GaussianBlur(np.tile(noise_tile(seed + 2, 512), (2, 2)), (0, 0), 9)[256:768, 256:768]
        self._tile = (soft - soft.min()) / (soft.max() - soft.min())

    def cover(self, picture: Picture, time_s: float, light: Light) -> None:
        """Lay the smoke over a picture, in place.

        Args:
            picture: [H, W, 3] light.
            time_s: moves the smoke.
            light: time of the day, which lights the smoke.
        """
        rows, columns = picture.shape[:2]
        thick = 0.5 * self._layer(rows, columns, time_s, 0.28) + 0.5 * self._layer(
            rows, columns, -0.6 * time_s, 0.5
        )
        # Smoke is thickest near the ground.
        height = np.linspace(0.45, 1.15, rows, dtype=np.float32)[:, None]
        cover = np.clip(self._density * (0.25 + 1.6 * thick) * height, 0, 0.97)[..., None]
        tone = {"night": 0.10, "dusk": 0.35, "day": 0.75}[light]
        air = np.asarray(SKY_LIGHT[light], np.float32)
        picture += cover * (tone * air / air.max() - picture)

    def _layer(self, rows: int, columns: int, time_s: float, share: float) -> Picture:
        """A cut of the tile that is `share` of it wide, moved by the wind."""
        size = self._tile.shape[0]
        scale = share * size / columns
        shift = np.array([[scale, 0, size * WIND[0] * time_s], [0, scale, size * WIND[1] * time_s]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(
            cv2.warpAffine(self._tile, shift, (columns, rows), flags=flags, borderMode=cv2.BORDER_WRAP)
        )
