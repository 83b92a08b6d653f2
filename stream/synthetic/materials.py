"""Materials of a generated street: ground, light and noise.

Light is in units where 1 is as bright as paper under a lamp; temperatures are degrees Celsius above the air.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.synthetic.camera import Points
from stream.synthetic.layout import Colour, Lamp, Layout

Picture = NDArray[np.float32]
LAMP_POWER = 16.0
SKY_LIGHT: dict[str, Colour] = {
    "night": (0.010, 0.012, 0.019),
    "dusk": (0.085, 0.080, 0.105),
    "day": (0.80, 0.84, 0.90),
}


@dataclass(frozen=True, slots=True)
class Surface:
    """A textured surface.

    Attributes:
        albedo: [H, W, 3] share of light scattered back.
        glow: [H, W, 3] light of its own.
        warm_c: [H, W] degrees above the air.
    """

    albedo: Picture
    glow: Picture
    warm_c: Picture


@lru_cache(maxsize=4)
def noise_tile(seed: int, size: int = 512) -> Picture:
    """Cloudy noise that repeats, [size, size], mean 0 and about -1 to 1; do not write into it."""
    rng = np.random.default_rng([seed, 2])
    total = np.zeros((size, size), np.float32)
    for cells, weight in ((8, 0.4), (32, 0.3), (128, 0.3), (512, 0.35)):
        grid = rng.standard_normal((cells, cells), np.float32)
        wrapped = np.pad(grid, 2, mode="wrap")
        zoom = size // cells
        wide = cv2.resize(wrapped, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
        total += weight * wide[2 * zoom : 2 * zoom + size, 2 * zoom : 2 * zoom + size]
    return total


def received_light(layout: Layout, points: Points, normal: tuple[float, float, float]) -> Picture:
    """Light that falls on a surface: of the sky, and of each lamp by its angle and squared distance.

    Args:
        layout: the street; by day its lamps are off.
        points: [..., 3] in metres.
        normal: of the surface.

    Returns:
        [..., 3] light.
    """
    light = np.empty((*points.shape[:-1], 3), np.float32)
    light[:] = SKY_LIGHT[layout.light]
    if layout.light == "day":
        return light
    points = points.astype(np.float32)
    for head, colour in lamp_heads(layout.lamps):
        away = head - points
        square = np.maximum(np.einsum("...i,...i", away, away), np.float32(0.5))
        cosine = np.maximum(away @ np.asarray(normal, np.float32), 0)
        # Lamps shine downwards.
        downward = np.maximum(away[..., 1], 0)
        power = LAMP_POWER * cosine * np.sqrt(downward) / square**1.75
        light += power[..., None] * colour
    return light


@lru_cache(maxsize=4)
def lamp_heads(lamps: tuple[Lamp, ...]) -> list[tuple[Picture, Picture]]:
    """Position and colour of each lamp as arrays."""
    return [(np.asarray(lamp.head, np.float32), np.asarray(lamp.colour, np.float32)) for lamp in lamps]


def ground_surface(layout: Layout, x: Points, z: Points) -> Surface:
    """Road, markings and pavement.

    Args:
        layout: the street.
        x: [H, W] metres, one for each pixel.
        z: [H, W] metres.
    """
    tile = noise_tile(layout.seed)
    # Far grain is finer than a pixel.
    fade = np.clip(18 / np.maximum(z, 1), 0.1, 1).astype(np.float32)
    coarse, fine = _sample(tile, x, z, 24), _sample(tile, x, z, 150) * fade
    left, right = layout.road_m
    on_road = _band(x, left, right, z)
    kerb = _band(x, left - 0.18, left, z) + _band(x, right, right + 0.18, z)
    marks = _markings(layout, x, z) * (0.85 + 0.25 * fine)
    slabs = _grooves(x, z, 0.6) * fade
    asphalt = 0.075 * (1 + 0.22 * coarse + 0.5 * fine)
    pavement = 0.17 * (1 + 0.18 * coarse + 0.25 * fine) * (1 - 0.35 * slabs)
    grey = pavement + on_road * (asphalt - pavement)
    grey += on_road * np.clip(marks, 0, 1) * (0.50 - grey) + kerb * 0.12
    albedo = np.clip(grey, 0.01, 0.8)[..., None] * np.array([1.0, 0.985, 0.96], np.float32)
    tracks = sum(np.exp(-(((x - centre) / 0.35) ** 2)) for centre in (-2.4, -0.9, 0.9, 2.4))
    warm = 0.6 * coarse + 0.25 * fine + on_road * (1.6 + 0.9 * tracks - 1.3 * marks) - 0.8 * kerb
    if layout.light == "day":
        warm = warm + 4 * on_road + 2
    return Surface(albedo.astype(np.float32), np.zeros_like(albedo, np.float32), warm.astype(np.float32))


def _markings(layout: Layout, x: Points, z: Points) -> Points:
    dashes = _band(x, -0.07, 0.07, z) * ((z % 6.0) < 3.0)
    left, right = layout.road_m
    edges = _band(x, left + 0.15, left + 0.27, z) + _band(x, right - 0.27, right - 0.15, z)
    along = np.abs(z - layout.crossing_z_m)
    crossing = (along < 1.6) * _band((x - left) % 1.0, 0.25, 0.75, z)
    free = along > 3.2
    stop = (np.abs(z - layout.crossing_z_m + 2.6) < 0.2) * _band(x, 0.1, 3.1, z)
    return np.asarray(free * (dashes + edges) + crossing + stop)


def _band(x: Points, low: float, high: float, z: Points) -> Points:
    """1 between two values of x, with edges that are soft over about a pixel."""
    soft = np.maximum(0.0012 * z, 0.004)
    return np.asarray(np.clip((x - low) / soft + 0.5, 0, 1) * np.clip((high - x) / soft + 0.5, 0, 1))


def _grooves(x: Points, z: Points, size: float) -> Points:
    return np.asarray(((x % size) < 0.04) | ((z % size) < 0.04), np.float64)


def _sample(tile: Picture, x: Points, z: Points, per_metre: float) -> Picture:
    columns = ((x * per_metre) % tile.shape[1]).astype(np.float32)
    rows = ((z * per_metre) % tile.shape[0]).astype(np.float32)
    return np.asarray(cv2.remap(tile, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP))
