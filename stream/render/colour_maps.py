"""Colours for thermal pictures that people look at."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from stream.frame import ColourMap

# OKLab to linear sRGB: B. Ottosson, "A perceptual color space for image processing", 2020.
_LMS_FROM_LAB = np.array(
    [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.2914855480]]
)
_RGB_FROM_LMS = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)
# Colours from cold to hot, evenly spaced; between them they change evenly in OKLab.
_STOPS: dict[ColourMap, tuple[str, ...]] = {
    "white-hot": ("000000", "ffffff"),
    "black-hot": ("ffffff", "000000"),
    "iron": ("000008", "1c0c7a", "86159a", "d8305a", "f58a14", "fcd53c", "ffffff"),
    "rainbow": ("00007f", "0040ff", "00d0e8", "30d020", "f2e600", "ff7a00", "d80000"),
    "lava": ("05050f", "101c40", "8a1a3a", "e03a10", "ff9a10", "ffd860", "fff8d8"),
    "arctic": ("05083c", "1c4fa8", "5aa9e6", "d5e4ea", "f0b84a", "d9760c"),
}


@cache
def colour_table(name: ColourMap) -> NDArray[np.uint8]:
    """Colours of the 256 greys of a thermal picture.

    Args:
        name: `white-hot` and `black-hot` are grey; `heat`, `iron` and `lava` get lighter all the way,
            `rainbow` and `arctic` tell temperatures apart by their hue.

    Returns:
        [256, 3] uint8 RGB, cold first; not to be written to.
    """
    table = heat() if name == "heat" else _between(_STOPS[name])
    table.flags.writeable = False
    return table


def heat() -> NDArray[np.uint8]:
    """Black over violet, red and orange to a pale yellow.

    Lightness rises evenly in OKLab, so that equal steps of temperature look equal and a grey copy stays true.

    Returns:
        [256, 3] uint8 RGB, cold first.
    """
    along = np.linspace(0, 1, 256)
    lightness = 0.08 + 0.89 * along
    hue = np.radians(285 + 185 * along)
    chroma = np.array([_largest_chroma(*place) for place in zip(lightness, hue, strict=True)])
    chroma = np.minimum(chroma, 0.19 * np.sin(np.pi * np.clip(along, 0.02, 0.93)) ** 0.5)
    linear = _linear_rgb(lightness, chroma, hue)
    return (255 * _encode(linear.clip(0, 1))).round().astype(np.uint8)


def _largest_chroma(lightness: float, hue: float) -> float:
    """The most colourful that sRGB can show at a lightness and hue."""
    tried = np.linspace(0, 0.3, 3001)
    linear = _linear_rgb(np.full_like(tried, lightness), tried, np.full_like(tried, hue))
    shown = ((linear >= 0) & (linear <= 1)).all(axis=1)
    return float(tried[max(int(np.argmin(shown)) - 1, 0)])


def _linear_rgb(
    lightness: NDArray[np.float64], chroma: NDArray[np.float64], hue: NDArray[np.float64]
) -> NDArray[np.float64]:
    lab = np.stack((lightness, chroma * np.cos(hue), chroma * np.sin(hue)), axis=1)
    return np.asarray((lab @ _LMS_FROM_LAB.T) ** 3 @ _RGB_FROM_LMS.T)


def _encode(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear light to sRGB (IEC 61966-2-1)."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def _between(stops: tuple[str, ...]) -> NDArray[np.uint8]:
    """[256, 3] uint8 RGB through colours given as `rrggbb`."""
    if set(stops) == {"000000", "ffffff"}:  # grey stays the grey of the picture
        grey = np.arange(256) if stops[0] == "000000" else np.arange(255, -1, -1)
        return np.repeat(grey[:, None], 3, axis=1).astype(np.uint8)
    encoded = np.array([list(bytes.fromhex(stop)) for stop in stops]) / 255
    lab = np.cbrt(_decode(encoded) @ np.linalg.inv(_RGB_FROM_LMS).T) @ np.linalg.inv(_LMS_FROM_LAB).T
    along, places = np.linspace(0, 1, 256), np.linspace(0, 1, len(stops))
    mixed = np.stack([np.interp(along, places, lab[:, axis]) for axis in range(3)], axis=1)
    linear = (mixed @ _LMS_FROM_LAB.T) ** 3 @ _RGB_FROM_LMS.T
    return (255 * _encode(linear.clip(0, 1))).round().astype(np.uint8)


def _decode(encoded: NDArray[np.float64]) -> NDArray[np.float64]:
    """SRGB (IEC 61966-2-1) to linear light."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
