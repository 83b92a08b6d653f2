"""Facades of a generated street: walls, windows, doors and shops."""

from __future__ import annotations

import cv2
import numpy as np

from stream.synthetic.layout import Building, Colour, Layout
from stream.synthetic.materials import Picture, Surface, noise_tile

WALLS: tuple[Colour, ...] = (
    (0.34, 0.15, 0.10),
    (0.42, 0.33, 0.23),
    (0.30, 0.30, 0.31),
    (0.48, 0.44, 0.38),
    (0.26, 0.19, 0.15),
    (0.33, 0.36, 0.40),
)
WINDOW_LIGHTS: tuple[Colour, ...] = (
    (1.00, 0.62, 0.26),
    (1.00, 0.74, 0.42),
    (1.00, 0.86, 0.66),
    (0.80, 0.92, 1.00),
    (0.35, 0.50, 1.00),
)
SIGNS: tuple[Colour, ...] = (
    (1.0, 0.08, 0.10),
    (0.10, 0.55, 1.0),
    (0.15, 0.95, 0.35),
    (1.0, 0.30, 0.75),
    (1.0, 0.75, 0.12),
)


def facade_surface(layout: Layout, building: Building, per_metre: float) -> Surface:
    """A facade: wall, windows of which some are lit, and perhaps a shop.

    Args:
        layout: the street.
        building: gives size and seed.
        per_metre: texture pixels a metre.

    Returns:
        Row 0 is the roof, column 0 the near end.
    """
    rng = np.random.default_rng(building.seed)
    rows, columns = max(8, int(building.height_m * per_metre)), max(8, int(building.length_m * per_metre))
    wall = _wall(rng, noise_tile(layout.seed), rows, columns, per_metre)
    glow = np.zeros((rows, columns, 3), np.float32)
    warm = (
        -0.5 + 1.2 * wall.mean(axis=2) + cv2.resize(noise_tile(layout.seed)[:64, :64], (columns, rows)) * 0.5
    )
    face = Surface(wall, glow, warm.astype(np.float32))
    floor_m, bay_m = rng.uniform(2.9, 3.5), rng.uniform(2.0, 3.2)
    ground_m = rng.uniform(3.4, 4.2)
    bays = max(1, int(building.length_m / bay_m))
    bay_m = building.length_m / bays
    size = rng.uniform(0.9, 1.3), rng.uniform(1.3, 1.8)
    lit_share = {"night": rng.uniform(0.15, 0.5), "dusk": rng.uniform(0.1, 0.3), "day": 0.0}[layout.light]
    shop = rng.random() < 0.55
    for storey in range(int((building.height_m - ground_m - 0.5) / floor_m)):
        for bay in range(bays):
            middle = (bay + 0.5) * bay_m, ground_m + storey * floor_m + 0.9 + size[1] / 2
            _window(face, rng, building, per_metre, middle, size, rng.random() < lit_share)
    _ground_floor(face, rng, layout, building, per_metre, bays, shop)
    return face


def _wall(rng: np.random.Generator, tile: Picture, rows: int, columns: int, per_metre: float) -> Picture:
    colour = np.asarray(WALLS[rng.integers(len(WALLS))], np.float32)
    top, left = rng.integers(0, 400, 2)
    stains = cv2.resize(
        tile[top : top + 96, left : left + 96], (columns, rows), interpolation=cv2.INTER_LINEAR
    )
    grain = np.tile(tile, (rows // 512 + 1, columns // 512 + 1))[:rows, :columns]
    tone = 1 + 0.14 * stains + 0.10 * grain
    if rng.random() < 0.6 and per_metre > 14:
        tone *= 1 - 0.16 * _bricks(rows, columns, per_metre)
    wall = np.clip(tone, 0.3, 1.6)[..., None] * colour
    cornice = max(1, int(0.45 * per_metre))
    wall[:cornice] *= 1.35
    wall[cornice : cornice + max(1, cornice // 4)] *= 0.5
    return np.asarray(wall, np.float32)


def _bricks(rows: int, columns: int, per_metre: float) -> Picture:
    y, x = np.arange(rows)[:, None] / per_metre, np.arange(columns)[None, :] / per_metre
    course = np.floor(y / 0.16)
    joints = ((y % 0.16) < 0.03) | (((x + 0.16 * (course % 2)) % 0.32) < 0.03)
    return joints.astype(np.float32)


def _window(
    face: Surface,
    rng: np.random.Generator,
    building: Building,
    per_metre: float,
    middle: tuple[float, float],
    size: tuple[float, float],
    lit: bool,
) -> None:
    frame = _place(building, per_metre, middle, (size[0] + 0.22, size[1] + 0.22))
    pane = _place(building, per_metre, middle, size)
    face.albedo[frame] = 0.40
    face.albedo[pane] = (0.030, 0.034, 0.040)
    face.warm_c[pane] = -4.0 + rng.normal(0, 0.5)
    if lit:
        _light_pane(face, rng, pane)
    sill = _place(building, per_metre, (middle[0], middle[1] - size[1] / 2 - 0.14), (size[0] + 0.4, 0.12))
    face.albedo[sill] = 0.45
    bar = _place(building, per_metre, middle, (0.07, size[1]))
    face.albedo[bar], face.glow[bar] = 0.35, 0.0


def _light_pane(face: Surface, rng: np.random.Generator, pane: tuple[slice, slice]) -> None:
    rows = face.warm_c[pane].shape[0]
    colour = np.asarray(WINDOW_LIGHTS[rng.choice(5, p=[0.3, 0.3, 0.25, 0.1, 0.05])], np.float32)
    strength = rng.uniform(0.18, 0.75)
    # The lamp hangs at the ceiling; a blind may cover the upper part.
    falloff = np.linspace(1.1, 0.65, rows, dtype=np.float32)[:, None, None]
    if rng.random() < 0.35:
        falloff[: int(rows * rng.uniform(0.2, 0.7))] *= 0.45
    face.glow[pane] = strength * falloff * colour
    face.warm_c[pane] = rng.uniform(3.0, 6.5)


def _ground_floor(
    face: Surface,
    rng: np.random.Generator,
    layout: Layout,
    building: Building,
    per_metre: float,
    bays: int,
    shop: bool,
) -> None:
    bay_m = building.length_m / bays
    band = _place(building, per_metre, (building.length_m / 2, 1.6), (building.length_m, 3.2))
    face.albedo[band] *= 0.75
    door = int(rng.integers(bays))
    on = layout.light != "day" and rng.random() < 0.75
    colour = np.asarray(WINDOW_LIGHTS[rng.integers(1, 4)], np.float32)
    for bay in range(bays):
        middle = (bay + 0.5) * bay_m
        if bay == door:
            leaf = _place(building, per_metre, (middle, 1.1), (1.1, 2.2))
            face.albedo[leaf] = np.asarray((0.10, 0.06, 0.04), np.float32)
            face.warm_c[leaf] = 2.0
        elif shop:
            pane = _place(building, per_metre, (middle, 1.55), (bay_m * 0.86, 2.2))
            face.albedo[pane] = (0.035, 0.04, 0.045)
            face.warm_c[pane] = 1.5 if on else -2.5
            if on:
                face.glow[pane] = _shop_light(rng, face.warm_c[pane].shape) * colour
        else:
            _window(face, rng, building, per_metre, (middle, 1.9), (1.0, 1.4), on and rng.random() < 0.2)
    if shop:
        sign = _place(building, per_metre, (building.length_m / 2, 3.05), (building.length_m * 0.7, 0.45))
        tint = np.asarray(SIGNS[rng.integers(len(SIGNS))], np.float32)
        face.albedo[sign] = 0.6 * tint
        face.glow[sign] = 0.9 * tint if on else 0.0
        face.warm_c[sign] = 4.0 if on else 0.0


def _shop_light(rng: np.random.Generator, shape: tuple[int, ...]) -> Picture:
    """A lit room behind a shop window, with shelves and things on them, [rows, columns, 1]."""
    rows, columns = shape
    light = np.linspace(0.55, 0.14, rows, dtype=np.float32)[:, None] * np.ones((1, columns), np.float32)
    for _ in range(14):
        low, left = rng.uniform(0.3, 1.0) * rows, rng.uniform(0, 1) * columns
        high, right = low - rng.uniform(0.08, 0.3) * rows, left + rng.uniform(0.05, 0.16) * columns
        light[int(max(high, 0)) : int(low), int(left) : int(right)] *= rng.uniform(0.35, 0.8)
    return light[..., None]


def _place(
    building: Building, per_metre: float, middle: tuple[float, float], size: tuple[float, float]
) -> tuple[slice, slice]:
    """Texture rows and columns of a rectangle given in metres along the facade and above the ground."""
    top = (building.height_m - middle[1] - size[1] / 2) * per_metre
    left = (middle[0] - size[0] / 2) * per_metre
    rows = slice(max(0, round(top)), max(1, round(top + size[1] * per_metre)))
    return rows, slice(max(0, round(left)), max(1, round(left + size[0] * per_metre)))
