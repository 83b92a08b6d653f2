"""Agreement of a visible and a thermal picture, and the shift by which they would agree best.

What is warm need not be bright, so pictures of two kinds are compared by the direction of their edges, not by
brightness: the normalised gradient fields of E. Haber and J. Modersitzki ("Intensity gradient based
registration and fusion of multi-modal images", 2006). With the gradient g written as a complex number,
g^2 / (|g|^2 + e^2) is the same for an edge and its negative; the real part of one such field times the
conjugate of another is the cosine of twice the angle between edges. Summed for all shifts at once it is a
cross-correlation, done by FFT.

It is done in tiles, each divided by its own strength, so that no single thing decides for the whole picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.frame import Pixels

# Largest width after shrinking by a whole number, in pixels.
WIDTH_PX = 320
TILES = 12
# Shifts up to this share of the width are looked at: 16 pixels of 640.
REACH = 1 / 40
BLUR_PX = 1.0
# Radius of a peak, in shrunk pixels.
PEAK_RADIUS_PX = 3
# Shifts that the agreement without a shift is measured against.
NEAR_PX = 8
# A peak this many times as high as the spread elsewhere is hardly there by chance; nor is one that stands out
# by this share against the second.
BEYOND_CHANCE = 4.0
STANDS_OUT = 0.2
LEAST_HEIGHT = 0.05

Field = NDArray[np.complex64]
Numbers = NDArray[np.float64]
Whole = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of two pictures for each tile and shift.

    Attributes:
        surfaces: [T, S, S] correlation, -1..1; thermal content that lies `row - S // 2` steps lower and
            `column - S // 2` steps further right than visible content raises it there.
        weights: [T] how much each tile has to say, 0..1.
        middles_px: [T, 2] right and down, where the edges of the tiles lie on average, in visible pixels.
        step_px: visible pixels of one step.
    """

    surfaces: Numbers
    weights: Numbers
    middles_px: Numbers
    step_px: int

    def whole(self) -> Numbers:
        """[S, S] agreement of the whole picture; nothing where no tile has anything to say."""
        return np.asarray(np.einsum("t,tij->ij", self.weights, self.surfaces) / max(self.weights.sum(), 1e-9))


@dataclass(frozen=True, slots=True)
class ShiftPeak:
    """The shift at which two pictures agree best.

    Attributes:
        right_px: how far right of its place thermal content lies, in visible pixels.
        down_px: how far down.
        height: agreement there, less the mean of all shifts.
        chances: height in multiples of the spread away from the peak.
        stands_out: share of its height by which it is above the second peak.
        at_edge: True at the largest shift looked at.
    """

    right_px: float
    down_px: float
    height: float
    chances: float
    stands_out: float
    at_edge: bool

    @property
    def is_certain(self) -> bool:
        """True when chance hardly explains it."""
        clear = self.chances >= BEYOND_CHANCE and self.stands_out >= STANDS_OUT
        return clear and self.height >= LEAST_HEIGHT and not self.at_edge


def compare(
    visible: Pixels,
    thermal: Pixels,
    coverage: Pixels | None = None,
    reach: float = REACH,
    tiles: int = TILES,
) -> Agreement:
    """Compare two pictures of one grid at all shifts within reach.

    Args:
        visible: [H, W, 3] uint8.
        thermal: [H, W] uint8, registered.
        coverage: [H, W] float32; only what is 1 counts. None: everything counts.
        reach: largest shift as a share of the width.
        tiles: about how many the pictures are cut into.
    """
    height, width = thermal.shape
    step_px = max(1, -(-width // WIDTH_PX))
    size = max(8, width // step_px), max(8, height // step_px)
    shrunk = cv2.resize(visible, size, interpolation=cv2.INTER_AREA)
    counts = None if coverage is None else cv2.resize(coverage, size, interpolation=cv2.INTER_AREA) > 0.999
    fields = (
        _edges(cv2.cvtColor(shrunk, cv2.COLOR_RGB2GRAY), counts),
        _edges(cv2.resize(thermal, size, interpolation=cv2.INTER_AREA), counts),
    )
    reach_px = max(4, round(reach * size[0]))
    surfaces, strengths, middles = _correlate(*fields, reach_px, tiles)
    usual = float(np.median(strengths)) or 1.0
    middles_px = (middles + 0.5) * step_px - 0.5
    return Agreement(surfaces, np.minimum(strengths / usual, 1.0), middles_px, step_px)


def score(surface: Numbers) -> float:
    """Agreement [S, S] without a shift, less the mean of small shifts; about 0 where nothing agrees."""
    middle = surface.shape[0] // 2
    low, high = max(0, middle - NEAR_PX), middle + NEAR_PX + 1
    return float(surface[middle, middle] - surface[low:high, low:high].mean())


def find_peak(surface: Numbers, step_px: float) -> ShiftPeak:
    """The highest place of an agreement [S, S], to a fraction of a step.

    Args:
        surface: of `Agreement.whole`, one tile, or a mean of them.
        step_px: visible pixels of one step.
    """
    # The peak of edges is narrow; softened, a parabola finds its middle without leaning to whole steps.
    soft = cv2.GaussianBlur(surface, (0, 0), 0.8)
    row, column = (int(index) for index in np.unravel_index(int(soft.argmax()), soft.shape))
    middle, last = surface.shape[0] // 2, surface.shape[0] - 1
    rows, columns = np.indices(surface.shape)
    elsewhere = soft[(rows - row) ** 2 + (columns - column) ** 2 > PEAK_RADIUS_PX**2]
    height = float(soft[row, column] - elsewhere.mean())
    at_edge = row in (0, last) or column in (0, last)
    right = 0.0 if at_edge else _vertex(soft[row, column - 1 : column + 2])
    down = 0.0 if at_edge else _vertex(soft[row - 1 : row + 2, column])
    return ShiftPeak(
        (column - middle + right) * step_px,
        (row - middle + down) * step_px,
        height,
        height / max(float(elsewhere.std()), 1e-9),
        float(soft[row, column] - elsewhere.max()) / max(height, 1e-9),
        at_edge,
    )


def _edges(picture: Pixels, counts: NDArray[np.bool_] | None) -> Field:
    """Directions of edges, complex, of magnitude up to 1; 0 where nothing counts and at the border."""
    soft = cv2.GaussianBlur(picture, (0, 0), BLUR_PX).astype(np.float32)
    gradient = cv2.Scharr(soft, cv2.CV_32F, 1, 0) + 1j * cv2.Scharr(soft, cv2.CV_32F, 0, 1)
    inside = np.zeros(picture.shape, np.bool_)
    margin = 3  # Scharr's and the blur's reach
    inside[margin:-margin, margin:-margin] = True
    if counts is not None:
        inside &= cv2.erode(counts.astype(np.uint8), np.ones((2 * margin + 1,) * 2, np.uint8)) > 0
    strength = np.abs(gradient)
    usual = float(strength[inside].mean()) if inside.any() else 0.0
    field = gradient**2 / (strength**2 + usual**2 + 1e-6)
    return np.asarray(np.where(inside, field, 0), np.complex64)


def _correlate(visible: Field, thermal: Field, reach_px: int, tiles: int) -> tuple[Numbers, Numbers, Numbers]:
    """Surfaces, strengths and middles of all tiles, in pixels of the fields."""
    corners, tile = _tiles(visible.shape, tiles)
    around = tile + 2 * reach_px
    first = _cut(visible, corners, tile)
    second = _cut(np.pad(thermal, reach_px), corners, around)
    shape = [cv2.getOptimalDFTSize(int(side)) for side in around]
    spectrum = np.fft.fft2(second, shape) * np.fft.fft2(first, shape).conj()
    shifts = 2 * reach_px + 1
    sums = np.fft.ifft2(spectrum).real[:, :shifts, :shifts]
    strengths = np.sqrt(_power(first) * _power(second) * tile.prod() / around.prod())
    middles = corners[:, ::-1] + _middles_of_edges(first)
    return sums / np.maximum(strengths, 1e-9)[:, None, None], strengths, middles


def _tiles(shape: tuple[int, ...], tiles: int) -> tuple[Whole, Whole]:
    """Upper left corners [T, 2] and the size [2] of tiles that are about square, as rows and columns."""
    side = max(8, round((shape[0] * shape[1] / tiles) ** 0.5))
    counts = np.maximum(np.array(shape) // side, 1)
    tile = np.array(shape) // counts
    return np.array(list(np.ndindex(*counts.tolist()))) * tile, tile


def _cut(field: Field, corners: Whole, size: Whole) -> Field:
    """[T, rows, columns] tiles of a field."""
    cuts = [field[top : top + size[0], left : left + size[1]] for top, left in corners.tolist()]
    return np.stack(cuts)


def _middles_of_edges(tiles: Field) -> Numbers:
    """Right and down [T, 2] of the mean place of the edges in each tile; the middle of an empty one."""
    power = np.abs(tiles) + np.float32(1e-6)
    total = power.sum(axis=(1, 2))
    down = (power.sum(axis=2) * np.arange(tiles.shape[1])).sum(axis=1) / total
    right = (power.sum(axis=1) * np.arange(tiles.shape[2])).sum(axis=1) / total
    return np.stack((right, down), axis=1).astype(np.float64)


def _power(tiles: Field) -> Numbers:
    return np.asarray((np.abs(tiles) ** 2).sum(axis=(1, 2)), np.float64)


def _vertex(three: Any) -> float:
    """Place of the top of the parabola through three values at -1, 0, 1."""
    before, here, after = (float(value) for value in three)
    bend = before - 2 * here + after
    return 0.5 * (before - after) / bend if bend < 0 else 0.0
