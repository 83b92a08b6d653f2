"""Colours of the palettes that thermal cameras and their software use, cold first."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.config.thermal_layout import PaletteName
from stream.render.colour_maps import colour_table

Table = NDArray[np.uint8]

# The usual iron palette (ironbow) of cameras: black, blue, violet, red, orange, yellow, white.
_IRONBOW = (
    *((0, 0, 10), (0, 0, 82), (32, 0, 140), (71, 0, 150), (111, 0, 156), (145, 0, 156), (174, 1, 152)),
    *((195, 10, 142), (211, 29, 116), (224, 57, 52), (234, 78, 12), (241, 104, 2), (247, 138, 0)),
    *((252, 168, 4), (255, 200, 20), (255, 224, 70), (255, 242, 140), (255, 255, 246)),
)
# The iron palette of a FLIR E40, as its pictures hold it: its black and white are those of limited range.
_FLIR_IRON = (
    *((0, 31, 37), (21, 19, 94), (61, 11, 134), (94, 9, 154), (125, 12, 162), (151, 20, 158), (174, 31, 146)),
    *((193, 46, 127), (208, 62, 101), (220, 81, 76), (231, 101, 52), (237, 122, 31), (241, 142, 15)),
    *((243, 162, 8), (244, 182, 13), (242, 200, 30), (240, 215, 63), (234, 227, 113), (228, 236, 185)),
)
# Blue over green and yellow to red, with dark blue at the cold end and white at the hot one in some cameras.
_RAINBOWS = (
    ((1, 3, 74), (0, 40, 160), (0, 120, 220), (0, 190, 170), (20, 190, 40), (150, 210, 0), (250, 220, 0),
     (250, 140, 0), (235, 30, 10), (190, 0, 60), (255, 255, 255)),
    ((0, 0, 143), (0, 0, 255), (0, 255, 255), (255, 255, 0), (255, 0, 0), (128, 0, 0)),
)  # fmt: skip
# The hue of cold, in degrees; red is hot.
_COLD_HUES = (240, 255, 270, 285, 300)
_OPENCV: dict[PaletteName, tuple[int, ...]] = {
    "rainbow": (cv2.COLORMAP_JET, cv2.COLORMAP_TURBO),
    "hot": (cv2.COLORMAP_HOT,),
    "inferno": (cv2.COLORMAP_INFERNO, cv2.COLORMAP_MAGMA),
    "plasma": (cv2.COLORMAP_PLASMA,),
    "viridis": (cv2.COLORMAP_VIRIDIS,),
}


@cache
def palettes() -> dict[PaletteName, tuple[Table, ...]]:
    """Tables [256, 3] uint8 RGB, cold first, of every palette in colour, by name."""
    found: dict[PaletteName, list[Table]] = {
        "iron": [_between(_IRONBOW), _between(_FLIR_IRON), colour_table("iron"), colour_table("heat")],
        "rainbow": [*map(_between, _RAINBOWS), *map(_hues, _COLD_HUES), colour_table("rainbow")],
        "lava": [colour_table("lava")],
        "arctic": [colour_table("arctic")],
    }
    for name, maps in _OPENCV.items():
        found.setdefault(name, []).extend(map(_opencv, maps))
    return {name: tuple(tables) for name, tables in found.items()}


def tables() -> Iterator[tuple[PaletteName, Table]]:
    """Every table and the name of its palette."""
    for name, each in palettes().items():
        for table in each:
            yield name, table


def _between(stops: tuple[tuple[int, int, int], ...]) -> Table:
    places, along = np.linspace(0, 1, len(stops)), np.linspace(0, 1, 256)
    channels = [np.interp(along, places, [stop[channel] for stop in stops]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=1)).astype(np.uint8)


def _hues(cold: int) -> Table:
    hue = np.linspace(cold, 0, 256, dtype=np.float32)
    full = np.ones_like(hue)
    rgb = cv2.cvtColor(np.stack((hue, full, full), axis=1)[None], cv2.COLOR_HSV2RGB)[0]
    return np.asarray(np.rint(rgb * 255), np.uint8)


def _opencv(colour_map: int) -> Table:
    grey = np.arange(256, dtype=np.uint8)[:, None]
    return np.ascontiguousarray(cv2.applyColorMap(grey, colour_map)[:, 0, ::-1])
