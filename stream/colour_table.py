"""Colours for thermal pictures that people look at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
