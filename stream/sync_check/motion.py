"""Change of a camera's picture over time: a signal that cameras of different kinds share."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.frame import Frame

Numbers = NDArray[np.float64]

SMALL_PX = (40, 30)
# Pictures are compared over about this time: over less, noise would hide what moves in front of a fast
# camera, and over a like time fast and slow cameras see like changes.
BASE_S = 0.11
# Quantile of the changes that is taken as noise; quantile of a strong change; cap as a multiple of that.
QUIET, STRONG, MOST_TIMES = 0.1, 0.9, 4.0


@dataclass(frozen=True, slots=True)
class Motion:
    """Change of a camera's picture over time.

    Attributes:
        times_s: middles between the pictures compared, [N].
        amounts: [N], 0 for no change beyond noise.
        stamps_s: times of all frames.
    """

    times_s: Numbers
    amounts: Numbers
    stamps_s: Numbers

    @property
    def rate(self) -> float:
        """Frames a second, by the median interval; 0 when there are too few."""
        steps_s = np.diff(self.stamps_s)
        return 1 / float(np.median(steps_s)) if len(steps_s) and np.median(steps_s) > 0 else 0.0

    @property
    def jitter_ms(self) -> float:
        """The deviation from the median interval that 95 % of the intervals stay within, in milliseconds."""
        steps_s = np.diff(self.stamps_s)
        if not len(steps_s):
            return 0.0
        return float(np.quantile(np.abs(steps_s - np.median(steps_s)), 0.95) * 1000)


class MotionMeter:
    """Measures one camera's frames as they come; keeps no picture but the last few, small."""

    def __init__(self) -> None:
        self._recent: deque[tuple[float, Numbers]] = deque()
        self._times_s: list[float] = []
        self._lasted_s: list[float] = []
        self._squares: list[float] = []
        self._stamps_s: list[float] = []

    def add(self, frame: Frame) -> None:
        """Measure the change since a slightly earlier frame; repeated pictures are skipped."""
        time_s, small = float(frame.time_s), _small(frame)
        self._stamps_s.append(time_s)
        if self._recent and (time_s <= self._recent[-1][0] or np.array_equal(small, self._recent[-1][1])):
            return
        while len(self._recent) > 1 and time_s - self._recent[1][0] >= BASE_S:
            self._recent.popleft()
        if self._recent:
            self._compare(time_s, small)
        self._recent.append((time_s, small))

    def _compare(self, time_s: float, small: Numbers) -> None:
        before_s, before = min(self._recent, key=lambda past: abs(time_s - past[0] - BASE_S))
        if time_s - before_s < BASE_S / 2:
            return
        self._times_s.append((time_s + before_s) / 2)
        self._lasted_s.append(time_s - before_s)
        self._squares.append(float(np.square(small - before).mean()))

    def motion(self) -> Motion:
        """The measurement so far."""
        squares = np.array(self._squares)
        amounts = squares
        if len(squares):
            # Noise does not grow with the time between two pictures, so it is taken out before the division.
            squares = np.maximum(squares - np.quantile(squares, QUIET), 0)
            amounts = np.sqrt(squares) / np.array(self._lasted_s)
            amounts = np.minimum(amounts, MOST_TIMES * np.quantile(amounts, STRONG))
        return Motion(np.array(self._times_s), amounts, np.array(self._stamps_s))


def _small(frame: Frame) -> Numbers:
    """A small grey picture, free of gain and offset."""
    pixels = np.asarray(frame.pixels)
    grey = cv2.resize(pixels, SMALL_PX, interpolation=cv2.INTER_AREA).astype(np.float64)
    grey = grey.mean(axis=2) if grey.ndim == 3 else grey
    low, middle, high = np.quantile(grey, (0.05, 0.5, 0.95))
    return np.asarray((grey - middle) / max(float(high - low), 1e-6))
