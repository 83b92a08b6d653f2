"""Initial guess of an alignment: likely scales, turns and shifts, tried on small pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
import torch
from torch import Tensor

from gifnet.features import agreement
from stream.calibrate.grey import Grey, Numbers, resized, warp
from stream.calibrate.scene.features import Likeness
from stream.registration.calibration import Size
from stream.registration.camera_model import scaling

WIDTH_PX = 128
SCALE_STEP = 0.09
# Small turns beside standing upright; a picture that stands turned or mirrored is looked at closely later.
UPRIGHT_DEG, TURNED_DEG = (-7.0, 0.0, 7.0), (0.0,)
# Beginnings that are the same: by scale, and by shift in small pixels.
SAME_SCALE, SAME_PX = 0.12, 8.0
# Each orientation is tried on two frame pairs; this many of its starts are then tried on all pairs.
CLOSER = 6
# Starts whose score is below this share of the best one are not followed.
HOPEFUL = 0.6
# Radius of the surroundings that evidence is measured against, so that uniform similarity does not count.
SURROUNDINGS_PX = 6.0

# Orientation of the thermal picture relative to the visible one -> matrix that brings its pixels upright.
_TURNED: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {
    "": ((1, 0), (0, 1)),
    "turned by 180 degrees": ((-1, 0), (0, -1)),
    "turned by 90 degrees clockwise": ((0, 1), (-1, 0)),
    "turned by 90 degrees counterclockwise": ((0, -1), (1, 0)),
    "mirrored left to right": ((-1, 0), (0, 1)),
    "mirrored top to bottom": ((1, 0), (0, -1)),
    "mirrored left to right and turned by 90 degrees clockwise": ((0, -1), (-1, 0)),
    "mirrored left to right and turned by 90 degrees counterclockwise": ((0, 1), (1, 0)),
}


@dataclass(frozen=True, slots=True)
class Guess:
    """Prior knowledge of the alignment.

    Attributes:
        scale: lowest and highest width of the thermal view, as a share of the visible one.
        shift: largest distance between the middles of the views, as a share of the visible width.
    """

    scale: tuple[float, float] = (0.4, 3.0)
    shift: float = 0.25


@dataclass(frozen=True, slots=True)
class Start:
    """A place to begin.

    Attributes:
        chances: how far above chance it is.
        turned: how the thermal picture stands, in words; empty where upright.
        scale: width of the thermal view, as a share of the visible one.
        turn_deg: clockwise, beside standing turned.
        shift_px: right and down, of the middle, in small pixels.
        matrix: [3, 3] visible_from_thermal.
    """

    chances: float
    turned: str
    scale: float
    turn_deg: float
    shift_px: tuple[int, int]
    matrix: Numbers


def starts(
    likeness: Likeness,
    pairs: Sequence[tuple[Grey, Grey]],
    guess: Guess,
    most_upright: int = 5,
    most_turned: int = 1,
) -> list[Start]:
    """Likely similarities, the best first.

    Args:
        likeness: what pictures are compared by.
        pairs: visible and thermal pictures.
        guess: what to try.
        most_upright: how many for a thermal picture that stands as the visible one.
        most_turned: how many for each other way in which it may stand.
    """
    small = [_Small(likeness, visible, guess.shift) for visible, _ in pairs]
    compared = [(one, thermal) for one, (_, thermal) in zip(small, pairs, strict=True)]
    two_pairs = compared[:: max(1, len(compared) - 1)]
    found = []
    for turned in _TURNED:
        ways = product(_scales(guess), TURNED_DEG if turned else UPRIGHT_DEG)
        seen = _best_first(_compared(two_pairs, turned, scale, turn_deg) for scale, turn_deg in ways)
        closer = (
            _compared(compared, turned, start.scale, start.turn_deg) for start in _distinct(seen, CLOSER)
        )
        found += _distinct(_best_first(closer), most_turned if turned else most_upright)
    best = max(start.chances for start in found)
    # The best one always stays: of a flat picture all chances are 0.
    return _best_first(start for start in found if start.chances >= min(best, HOPEFUL * best))


class _Small:
    """A visible picture made small, ready to be compared."""

    def __init__(self, likeness: Likeness, visible: Grey, reach: float) -> None:
        height, width = visible.shape
        self.size = WIDTH_PX, max(16, round(height * WIDTH_PX / width))
        self.reach = round(reach * WIDTH_PX)
        self.from_full = scaling((width, height), self.size)
        self._around = self.size[0] + 2 * self.reach, self.size[1] + 2 * self.reach
        self._likeness = likeness
        self._features = likeness.visible(resized(visible, self.size))[None]

    def compare(self, thermal: Grey, matrix: Numbers) -> tuple[Tensor, Tensor]:
        """Agreement at each shift [S, S], and its variance by chance."""
        padded = np.array([[1, 0, self.reach], [0, 1, self.reach], [0, 0, 1.0]]) @ matrix
        moved = self._likeness.thermal(*warp(thermal, padded, self._around))[None]
        sums, variance = agreement(self._features, moved)
        return sums[0], variance[0]


def _scales(guess: Guess) -> Numbers:
    low, high = np.log(guess.scale)
    count = max(1, int(np.ceil((high - low) / SCALE_STEP)) + 1)
    return np.exp(np.linspace(low, high, count) if count > 1 else np.array([(low + high) / 2]))


def _compared(moments: Sequence[tuple[_Small, Grey]], turned: str, scale: float, turn_deg: float) -> Start:
    """The likeliest shift for a scale and a turn."""
    first, thermal = moments[0]
    size = thermal.shape[1], thermal.shape[0]
    matrix = _similarity(size, first.size, scale, np.radians(turn_deg), turned)
    sums = [small.compare(grey, matrix) for small, grey in moments]
    total, variance = (torch.stack(part).sum(0).numpy() for part in zip(*sums, strict=True))
    chances = total / np.sqrt(np.maximum(variance, 0.02 * variance.max()) + 1e-6)
    chances -= cv2.GaussianBlur(chances, (0, 0), SURROUNDINGS_PX)
    row, column = (int(at) for at in np.unravel_index(int(chances.argmax()), chances.shape))
    right, down = column - first.reach, row - first.reach
    back = np.array([[1, 0, -right], [0, 1, -down], [0, 0, 1.0]])
    full = np.linalg.inv(first.from_full) @ back @ matrix
    return Start(float(chances[row, column]), turned, scale, turn_deg, (right, down), full)


def _best_first(found: Iterable[Start]) -> list[Start]:
    return sorted(found, key=lambda start: -start.chances)


def _similarity(size: Size, small: Size, scale: float, turn: float, turned: str) -> Numbers:
    """Thermal pixels to small visible ones, middle on middle."""
    base = np.array(_TURNED[turned], np.float64)
    width = size[0] if base[0, 0] else size[1]
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = np.eye(3)
    matrix[:2, :2] = scale * small[0] / width * rotation @ base
    middle, target = (np.array(one, np.float64) / 2 - 0.5 for one in (size, small))
    matrix[:2, 2] = target - matrix[:2, :2] @ middle
    return matrix


def _distinct(tried: list[Start], most: int) -> list[Start]:
    kept: list[Start] = []
    for start in tried:
        if len(kept) == most:
            break
        if not any(_same(start, other) for other in kept):
            kept.append(start)
    return kept


def _same(one: Start, other: Start) -> bool:
    apart = np.subtract(one.shift_px, other.shift_px)
    return abs(np.log(one.scale / other.scale)) < SAME_SCALE and float(np.hypot(*apart)) < SAME_PX
