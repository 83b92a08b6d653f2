"""Conditions under which one of the two cameras sees little: glare, rain, camouflage, heat.

Each has a strength from 0 to 1. Smoke, which hides the visible street, is in `smoke.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from stream.synthetic.bodies import Part
from stream.synthetic.paint import Picture, add_halo

GLARE_LIGHT = (5.0, 4.8, 4.2)
HOT_SPOTS = 14
HOT_C = 14.0
"""Of the hottest spot, in degrees above the air: that of a warm jacket."""
WET_SHARE = 0.75
"""Of thermal contrast that the heaviest rain takes away."""
KINDS = "glare", "rain", "camouflage", "heat"


@dataclass(frozen=True, slots=True)
class Conditions:
    """Strengths from 0 to 1.

    Attributes:
        glare: of a low sun or a searchlight that shines into the visible camera.
        rain: streaks and haze in the visible picture, less contrast in the thermal one.
        camouflage: share by which half of all people and cars take on the colours behind them.
        heat: share of their warmth by which people and cars do not stand out, and of hot spots around them.
        seed: decides the places, and who is camouflaged.
    """

    glare: float = 0.0
    rain: float = 0.0
    camouflage: float = 0.0
    heat: float = 0.0
    seed: int = 0

    def seen(self, parts: list[Part], name: str) -> list[Part]:
        """Parts of a thing as the visible camera sees them; lights stay."""
        if not self.camouflage or _random(self.seed, 11, *name.encode()).random() < 0.5:
            return parts
        share = 1 - 0.9 * self.camouflage
        return [part if any(part.glow) else replace(part, alpha=share * part.alpha) for part in parts]

    def felt(self, parts: list[Part]) -> list[Part]:
        """Parts of a thing as the thermal camera sees them."""
        share = 1 - 0.92 * self.heat
        return [replace(part, warm_c=share * part.warm_c) for part in parts] if self.heat else parts

    def dazzle(self, picture: Picture) -> None:
        """Lay glare and rain over a visible picture of light, in place."""
        rows, columns = picture.shape[:2]
        if self.glare:
            random = _random(self.seed, 12)
            middle = random.uniform(0.1, 0.9) * columns, random.uniform(0.2, 0.7) * rows
            across = random.uniform(0.45, 0.8) * columns
            light = self.glare * np.array(GLARE_LIGHT)
            add_halo(picture, middle, (across, 0.8 * across), light, soft=True)
        if self.rain:
            grey = picture.mean(axis=(0, 1), dtype=np.float32)
            picture += 0.45 * self.rain * (grey - picture)

    def streaks(self, picture: Picture, time_s: float) -> None:
        """Draw falling drops on a visible picture of light, in place."""
        if not self.rain:
            return
        rows, columns = picture.shape[:2]
        random = _random(self.seed, 13, round(time_s * 1000) % 2**31)
        drops = np.zeros((rows, columns), np.uint8)
        for _ in range(int(self.rain * rows * columns / 900)):
            column, row = int(random.integers(columns)), int(random.integers(rows))
            length = int(random.uniform(0.02, 0.06) * rows) + 2
            cv2.line(drops, (column, row), (column - length // 6, row + length), 255, 1, cv2.LINE_AA)
        shine = np.float32(0.25 * (float(picture.mean()) + 0.05) / 255)
        picture += cv2.GaussianBlur(drops, (0, 0), 0.7)[..., None] * shine

    def warm(self, warm_c: Picture, horizon: float) -> None:
        """Lay hot spots over a thermal backdrop of degrees above the air, in place.

        Args:
            warm_c: [H, W].
            horizon: its row; the spots lie about it and below.
        """
        rows, columns = warm_c.shape
        random = _random(self.seed, 14)
        for _ in range(round(self.heat * HOT_SPOTS)):
            row = random.uniform(0.85 * horizon, rows)
            tall = random.uniform(0.05, 0.28) * rows * max(row / rows, 0.3)
            middle = random.uniform(0, columns), row
            wide = tall * random.uniform(0.25, 1.1)
            spot = np.zeros((rows, columns), np.float32)
            box = (middle, (wide, tall), random.uniform(-12, 12))
            cv2.fillConvexPoly(spot, np.rint(cv2.boxPoints(box)).astype(np.int32), 1.0)
            spot = cv2.GaussianBlur(spot, (0, 0), max(0.02 * tall, 0.6))
            warm_c += spot * (random.uniform(0.4, 1.0) * HOT_C - warm_c) * np.float32(self.heat)

    def cool(self, warm_c: Picture) -> None:
        """Take away contrast of a whole thermal picture that is wet, in place."""
        if self.rain:
            warm_c *= np.float32(1 - WET_SHARE * self.rain)


def draw_conditions(seed: int) -> dict[str, Any]:
    """Options of a street under hard conditions, drawn from its seed: some are strong, most are none."""
    random = _random(seed, 15)
    options: dict[str, Any] = {"light": str(random.choice(["night", "night", "dusk", "day", "day"]))}
    kinds = [kind for kind in ("smoke", *KINDS) if random.random() < (0.5 if kind == "heat" else 0.3)]
    return options | {kind: round(float(random.uniform(0.4, 1.0)), 2) for kind in kinds}


def _random(*numbers: int) -> np.random.Generator:
    return np.random.default_rng(numbers)
