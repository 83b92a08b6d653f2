"""The shift, turn and scale that make two pictures agree best, from how their regions agree at each shift."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, dataclass, replace
from itertools import product
from typing import TypeAlias

import cv2
import numpy as np

from stream.registration.gradient_correlation import Numbers, ShiftPeak, find_peak

# Turns and scales that are tried, at first this far apart, then closer and closer.
SCALES = 0.04
TURNS = 0.035
COARSE = 4
HALVINGS = 5
# A turn and a scale are stated where they are this many times as large as their standard errors, which a few
# regions tell roughly only.
WORTH_TELLING = 5.0
# A region is searched within NEARBY_PX shrunk pixels of the whole picture's result, and counts if its peak
# is this clear; the whole picture has to pass `ShiftPeak.is_certain`.
NEARBY_PX = 8
REGION_CHANCES = 3.0
REGION_STANDS_OUT = 0.15

Size = tuple[int, int]
# Scale and turn.
Way = tuple[float, float]
Find: TypeAlias = "Callable[[Numbers], tuple[Similarity, ShiftPeak]]"


@dataclass(frozen=True, slots=True)
class Similarity:
    """A shift, a turn and a scale about the middle of the picture: how far off thermal content lies.

    Attributes:
        right_px: how far right of its place, visible pixels.
        down_px: how far down.
        turn: radians clockwise.
        scale: how much too large, as a share: 0.01 is one per cent.
    """

    right_px: float = 0.0
    down_px: float = 0.0
    turn: float = 0.0
    scale: float = 0.0

    def at(self, places_px: Numbers) -> Numbers:
        """Right and down [N, 2] of the places [N, 2], which count from the middle of the picture."""
        x, y = places_px.T
        right = self.right_px + self.scale * x - self.turn * y
        down = self.down_px + self.scale * y + self.turn * x
        return np.stack((right, down), axis=1)

    def mean_px(self, size: Size) -> float:
        """Mean distance by which it moves the points of a picture."""
        axes = (np.linspace(-(side - 1) / 2, (side - 1) / 2, 17) for side in size)
        places = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
        return float(np.hypot(*self.at(places).T).mean())


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the picture and how far off thermal content lies there.

    Attributes:
        x_px: middle of the region, visible pixels from the left.
        y_px: from the top.
        right_px: how far right of its place thermal content lies.
        down_px: how far down.
        is_clear: whether the region shows enough to tell; the numbers mean nothing otherwise.
    """

    x_px: float
    y_px: float
    right_px: float
    down_px: float
    is_clear: bool


class Regions:
    """Agreement of the regions of two pictures at each shift, see `gradient_correlation.Agreement`."""

    def __init__(
        self, surfaces: Numbers, weights: Numbers, middles_px: Numbers, step_px: int, size: Size
    ) -> None:
        """Take what was measured, as in `Agreement`; size is width and height of the visible picture."""
        self._surfaces, self._weights, self._step_px = surfaces, weights, step_px
        self._moved: dict[Way, Numbers] = {}
        self._middles_px, self._places_px = middles_px, middles_px - (np.array(size) - 1) / 2

    def best(self) -> tuple[Similarity, Similarity, ShiftPeak]:
        """The similarity at which all regions together agree best, its standard errors, and how clear it is.

        The errors are those of the jackknife: one region after the other is left out (B. Efron, "The
        Jackknife, the Bootstrap and Other Resampling Plans", 1982, section 3). Turn and scale stay 0 unless
        they are clearly more than their errors.
        """
        turned, errors, peak = self._with_errors(self._turned_too)
        chances = np.hypot(turned.turn / max(errors.turn, 1e-9), turned.scale / max(errors.scale, 1e-9))
        if chances >= WORTH_TELLING:
            return turned, errors, peak
        shifted, shift_errors, peak = self._with_errors(self._shifted_only)
        return shifted, replace(shift_errors, turn=errors.turn, scale=errors.scale), peak

    def _with_errors(self, find: Find) -> tuple[Similarity, Similarity, ShiftPeak]:
        best, peak = find(self._weights)
        said = np.flatnonzero(self._weights > 0).tolist()
        without = np.array([astuple(find(_without(self._weights, region))[0]) for region in said])
        if len(without) < 2:
            return best, Similarity(*(float("inf"),) * 4), peak
        errors = np.sqrt((len(without) - 1) * without.var(axis=0))
        return best, Similarity(*errors.tolist()), peak

    def _shifted_only(self, weights: Numbers) -> tuple[Similarity, ShiftPeak]:
        peak = self._peak((0.0, 0.0), weights)
        return Similarity(peak.right_px, peak.down_px), peak

    def _turned_too(self, weights: Numbers) -> tuple[Similarity, ShiftPeak]:
        steps = SCALES / COARSE, TURNS / COARSE
        way = self._best_around((0.0, 0.0), steps, COARSE, weights)
        for _ in range(HALVINGS):
            steps = steps[0] / 2, steps[1] / 2
            way = self._best_around(way, steps, 1, weights)
        peak, (scale, turn) = self._peak(way, weights), way
        return Similarity(peak.right_px, peak.down_px, turn, scale), peak

    def each(self, similarity: Similarity) -> tuple[Region, ...]:
        """Each region on its own, near the position given by the similarity."""
        return tuple(
            self._region(surface, middle_px, expected_px)
            for surface, middle_px, expected_px in zip(
                self._surfaces, self._middles_px, similarity.at(self._places_px), strict=True
            )
        )

    def _best_around(self, middle: Way, steps: Way, reach: int, weights: Numbers) -> Way:
        ways = [
            (middle[0] + i * steps[0], middle[1] + j * steps[1])
            for i, j in product(range(-reach, reach + 1), repeat=2)
        ]
        return max(ways, key=lambda way: self._peak(way, weights).height)

    def _peak(self, way: Way, weights: Numbers) -> ShiftPeak:
        """The best shift once every region is moved by a scale and a turn."""
        if way not in self._moved:
            self._moved[way] = self._move(way)
        total = np.tensordot(weights, self._moved[way], 1) / max(float(weights.sum()), 1e-9)
        return find_peak(total, self._step_px)

    def _move(self, way: Way) -> Numbers:
        scale, turn = way
        moves = Similarity(turn=turn, scale=scale).at(self._places_px) / self._step_px
        return np.stack([_moved(surface, by) for surface, by in zip(self._surfaces, moves, strict=True)])

    def _region(self, surface: Numbers, middle_px: Numbers, expected_px: Numbers) -> Region:
        middle, most = surface.shape[0] // 2, surface.shape[0] - 1 - 2 * NEARBY_PX
        expected = np.rint(expected_px / self._step_px).astype(int)
        left, top = (int(at) for at in np.clip(middle + expected - NEARBY_PX, 0, max(most, 0)))
        near = surface[top : top + 2 * NEARBY_PX + 1, left : left + 2 * NEARBY_PX + 1]
        peak = find_peak(np.ascontiguousarray(near), self._step_px)
        away_px = (np.array((left, top)) + near.shape[0] // 2 - middle) * self._step_px
        is_clear = peak.chances >= REGION_CHANCES and peak.stands_out >= REGION_STANDS_OUT
        return Region(
            float(middle_px[0]),
            float(middle_px[1]),
            peak.right_px + float(away_px[0]),
            peak.down_px + float(away_px[1]),
            is_clear and not peak.at_edge,
        )


def _without(weights: Numbers, region: int) -> Numbers:
    left = weights.copy()
    left[region] = 0
    return left


def _moved(surface: Numbers, by: Numbers) -> Numbers:
    """The values of a surface at `place + by`, moved to `place`."""
    if not by.any():
        return surface
    matrix = np.array([[1.0, 0.0, -by[0]], [0.0, 1.0, -by[1]]])
    return np.asarray(cv2.warpAffine(surface, matrix, surface.shape[::-1], flags=cv2.INTER_CUBIC))
