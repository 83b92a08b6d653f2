"""Colours of a palette back to warmth, with a word of warning in every case."""

from __future__ import annotations

import logging
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.config.thermal_layout import PaletteName
from stream.frame import Pixels
from stream.sources.palette.tables import Table, tables

_log = logging.getLogger(__name__)

# A channel that differs from another by more is colour, and not the error of a codec; a crosshair or a logo
# in a grey picture colours a small share of it.
COLOURED, COLOURED_SHARE = 40, 0.05
# Distance in RGB within which a pixel is one of a palette's, and the share of all pixels, and of coloured
# ones, that must be: text and scales that cameras draw are not. Of 180 visible pictures none comes above a
# fifth of both, but for blue skies by the palette that is left out.
NEAR, NEAR_SHARE = 32.0, 0.7
_LIKE_SKIES: PaletteName = "arctic"
_MOST_PIXELS = 4096
_LEVELS, _SHIFT = 64, 2


class Warmth:
    """Grey in which brighter is warmer, of the pictures of one stream.

    What a picture decides holds from then on.

    Attributes:
        palette: name of the palette whose colours are taken back; empty as long as there is none.
        decided: no further pictures need to be looked at.
    """

    def __init__(self, stated: PaletteName, name: str) -> None:
        """Begin.

        Args:
            stated: a palette by name, `none` for brightness, or `auto`.
            name: of the stream, for messages.
        """
        self._name, self._stated = name, stated
        self._lookup: NDArray[np.uint8] | None = None
        self.palette = ""
        self.decided = stated in ("none", "white-hot", "black-hot")

    @property
    def is_inverted(self) -> bool:
        """True where dark is warm."""
        return self._stated == "black-hot"

    def look_at(self, rgb: Pixels) -> None:
        """Decide by a picture, if it has colours.

        Args:
            rgb: [H, W, 3] uint8; a small copy without interpolation does.
        """
        if self.decided:
            return
        pixels = _sample(rgb)
        if not is_coloured(pixels):
            return
        self.decided = True
        name, table, share = recognise(pixels, self._stated)
        if self._stated == "auto" and share < NEAR_SHARE:
            _log.warning(
                "%s is coloured, and by no palette that is known: its brightness is taken, which is not "
                "warmth (or is it a visible picture? visible comes first, thermal second). Set the camera to "
                "white hot, or state --thermal-palette",
                self._name,
            )
            return
        self.palette, self._lookup = name, _lookup(table.tobytes())
        _log.warning(
            "%s is coloured by a palette (%s): its colours are taken back to 256 steps of warmth, without "
            "temperatures; counts or a white-hot picture hold more",
            self._name,
            name,
        )

    def __call__(self, rgb: Pixels) -> Pixels:
        """Warmth [H, W] uint8 of a picture [H, W, 3] uint8."""
        self.look_at(rgb)
        if self._lookup is None:
            grey: Pixels = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
            return self.of_grey(grey)
        red, green, blue = (rgb[..., channel] >> _SHIFT for channel in range(3))
        return np.asarray(self._lookup[red, green, blue])

    def of_grey(self, grey: Pixels) -> Pixels:
        """Warmth [H, W] uint8 of a grey picture."""
        return np.asarray(255 - grey, np.uint8) if self.is_inverted else grey


def warn_of_palette(rgb: Pixels, name: str, advice: str) -> None:
    """Say that a picture whose colours are kept is in those of a palette, if it is.

    Args:
        rgb: [H, W, 3] uint8.
        name: of the picture.
        advice: what to do, for the message.
    """
    pixels = _sample(rgb)
    if not is_coloured(pixels):
        return
    palette, _, share = recognise(pixels)
    if share >= NEAR_SHARE:
        _log.warning("%s is coloured by a palette (%s), which is not warmth: %s", name, palette, advice)


def is_coloured(pixels: Pixels) -> bool:
    """True when enough of some pixels [N, 3] uint8 have a colour."""
    return bool((np.ptp(pixels, axis=1) > COLOURED).mean() > COLOURED_SHARE)


def recognise(pixels: Pixels, stated: PaletteName = "auto") -> tuple[PaletteName, Table, float]:
    """The palette that pixels are of.

    Args:
        pixels: [N, 3] uint8 RGB, some of them coloured.
        stated: look among the tables of this palette only; `auto` for all that a visible picture is not like.

    Returns:
        Name and table of the nearest palette, and the share of the pixels that are near it: of all or of the
        coloured ones, whichever is smaller.
    """
    coloured = pixels[np.ptp(pixels, axis=1) > COLOURED].astype(np.float32)
    candidates = [(name, table) for name, table in tables() if _is_wanted(name, stated)]
    distances = [_distances(coloured, table) for _, table in candidates]
    best = int(np.argmin([np.minimum(each, 2 * NEAR).mean() for each in distances]))
    name, table = candidates[best]
    everywhere = _distances(pixels.astype(np.float32), table)
    return name, table, float(min((distances[best] < NEAR).mean(), (everywhere < NEAR).mean()))


def _is_wanted(name: PaletteName, stated: PaletteName) -> bool:
    return name == stated or (stated == "auto" and name != _LIKE_SKIES)


def _sample(rgb: Pixels) -> Pixels:
    step = max(int(np.sqrt(rgb.shape[0] * rgb.shape[1] / _MOST_PIXELS)), 1)
    return rgb[::step, ::step].reshape(-1, 3)


def _distances(pixels: NDArray[np.float32], table: Table) -> NDArray[np.float32]:
    """Distance in RGB of each pixel to the nearest colour of a table."""
    nearest = _squares(pixels, table.astype(np.float32)).min(axis=1)
    return np.asarray(np.sqrt(np.maximum(nearest, 0)), np.float32)


@lru_cache(maxsize=4)
def _lookup(table: bytes) -> NDArray[np.uint8]:
    """[64, 64, 64] uint8: the step of a palette that is nearest to each colour."""
    middles = (np.arange(_LEVELS, dtype=np.float32) + 0.5) * (1 << _SHIFT) - 0.5
    green_blue = np.stack(np.meshgrid(middles, middles, indexing="ij"), axis=-1).reshape(-1, 2)
    colours = np.frombuffer(table, np.uint8).reshape(-1, 3).astype(np.float32)
    found = np.empty((_LEVELS, _LEVELS * _LEVELS), np.uint8)
    for index, red in enumerate(middles):
        plane = np.concatenate((np.full((len(green_blue), 1), red, np.float32), green_blue), axis=1)
        found[index] = _squares(plane, colours).argmin(axis=1)
    return found.reshape(_LEVELS, _LEVELS, _LEVELS)


def _squares(pixels: NDArray[np.float32], colours: NDArray[np.float32]) -> NDArray[np.float32]:
    squared: NDArray[np.float32] = (
        (pixels**2).sum(axis=1)[:, None] - 2 * pixels @ colours.T + (colours**2).sum(axis=1)
    )
    return squared
