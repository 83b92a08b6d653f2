"""The offset between two cameras' clocks, found by what moves in front of both.

Something that moves changes both pictures at once, whatever their kind. How much a picture changes from frame
to frame is a signal over time; the offset is the shift at which the two signals are most alike (normalised
cross-correlation, with a parabola through the peak for what lies between two steps of the grid).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.frame import Frame

Numbers = NDArray[np.float64]

GRID_S = 0.005
SMALL_PX = (40, 30)
SHORTEST_S = 5.0
FEWEST_FRAMES = 20
# Slow changes, of the light or of gain control, are no motion.
HIGH_PASS_S = 3.0
# Pictures are compared over at least this time, or noise would hide what moves in front of a fast camera.
BASE_S = 0.06
# Peaks nearer than this to the best one belong to it.
PEAK_S = 0.25
LEAST_LIKENESS = 0.25
# The best peak stands out by this share of its height against the second, and by so many deviations of all.
STANDS_OUT = 0.15
STANDS_OUT_DEVIATIONS = 2.5
PARTS = 4
PARTS_AGREE_S = 0.03
DRIFT_FROM_S = 40.0
DRIFT_STEPS = 8
LARGEST_DRIFT = 1e-3
# Signals of motion stay alike for about so long.
ALIKE_S = 0.1


@dataclass(frozen=True, slots=True)
class Motion:
    """How much a camera's picture changes over time.

    Attributes:
        times_s: middles between frames, [N].
        amounts: [N], 0 for no change.
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
        """What 95 % of the intervals stay within of the median one, in milliseconds."""
        steps_s = np.diff(self.stamps_s)
        if not len(steps_s):
            return 0.0
        return float(np.quantile(np.abs(steps_s - np.median(steps_s)), 0.95) * 1000)


class MotionMeter:
    """Measures one camera's frames as they come; keeps no picture but the last few, small."""

    def __init__(self) -> None:
        self._recent: deque[tuple[float, Numbers]] = deque()
        self._times_s: list[float] = []
        self._amounts: list[float] = []
        self._stamps_s: list[float] = []

    def add(self, frame: Frame) -> None:
        """Measure a frame against one a little before; a repeated picture says nothing and is passed over."""
        time_s, small = float(frame.time_s), _small(frame)
        self._stamps_s.append(time_s)
        if self._recent and (time_s <= self._recent[-1][0] or np.array_equal(small, self._recent[-1][1])):
            return
        self._recent.append((time_s, small))
        while len(self._recent) > 2 and time_s - self._recent[1][0] >= BASE_S:
            self._recent.popleft()
        before_s, before = self._recent[0]
        if time_s - before_s < BASE_S:
            return
        change = float(np.sqrt(np.square(small - before).mean()))
        self._times_s.append((time_s + before_s) / 2)
        self._amounts.append(change / (time_s - before_s))

    def motion(self) -> Motion:
        """What was measured so far."""
        return Motion(np.array(self._times_s), np.array(self._amounts), np.array(self._stamps_s))


@dataclass(frozen=True, slots=True)
class OffsetEstimate:
    """What two motion signals tell of two clocks.

    Attributes:
        offset_ms: thermal clock minus visible clock, as the setting `pairing.offset_ms`.
        uncertainty_ms: its standard error, by the spread of parts of the recording.
        drift_ppm: how fast the thermal clock runs against the visible one; None for short recordings.
        drift_uncertainty_ppm: its standard error.
        likeness: correlation of the signals at the offset, -1..1.
        confidence: 0..1.
        doubt: why the offset is not to be trusted; None when it is.
    """

    offset_ms: float
    uncertainty_ms: float
    drift_ppm: float | None
    drift_uncertainty_ppm: float | None
    likeness: float
    confidence: float
    doubt: str | None


def estimate_offset(visible: Motion, thermal: Motion, largest_s: float = 2.0) -> OffsetEstimate:
    """Find the offset.

    Args:
        visible: of the visible camera.
        thermal: of the thermal camera.
        largest_s: offsets up to this are looked for, in seconds.

    Returns:
        The estimate; with a `doubt` where it is not to be trusted.
    """
    doubt = _too_little(visible, thermal)
    if doubt:
        return OffsetEstimate(0.0, float("inf"), None, None, 0.0, 0.0, doubt)
    begin_s = min(visible.times_s[0], thermal.times_s[0])
    signals = [_on_grid(motion, begin_s) for motion in (visible, thermal)]
    lags, likeness = _correlate(signals[0], signals[1], 0, round(largest_s / GRID_S))
    best = int(np.argmax(likeness))
    offset_s = (lags[best] + _between(likeness, best)) * GRID_S
    peak, second, deviations = _prominence(likeness, best)
    parts_s = _parts(signals, round(offset_s / GRID_S))
    doubt = _doubt(peak, second, deviations, parts_s, offset_s, best in (0, len(likeness) - 1))
    near_s = [part for part in parts_s if abs(part - offset_s) < PARTS_AGREE_S]
    spread_s = float(np.std(near_s)) / max(1, len(near_s)) ** 0.5 if len(near_s) > 1 else PARTS_AGREE_S
    drift_ppm, drift_error_ppm = _drift(signals, round(offset_s / GRID_S))
    sure = min(1.0, peak / 0.5) * min(1.0, (peak - second) / (0.4 * peak + 1e-9)) * len(near_s) / PARTS
    return OffsetEstimate(
        offset_s * 1000,
        spread_s * 1000,
        drift_ppm,
        drift_error_ppm,
        peak,
        max(0.0, sure) if doubt is None else min(max(0.0, sure), 0.3),
        doubt,
    )


def _too_little(visible: Motion, thermal: Motion) -> str | None:
    for name, motion in (("visible", visible), ("thermal", thermal)):
        if len(motion.times_s) < FEWEST_FRAMES:
            return f"only {len(motion.times_s)} pictures of the {name} camera differ from the one before"
    overlap_s = min(visible.times_s[-1], thermal.times_s[-1]) - max(visible.times_s[0], thermal.times_s[0])
    if overlap_s < SHORTEST_S:
        return f"the streams overlap for {max(0.0, overlap_s):.1f} s, and {SHORTEST_S:g} s are needed"
    return None


def _doubt(
    peak: float, second: float, deviations: float, parts_s: Sequence[float], offset_s: float, at_edge: bool
) -> str | None:
    if peak < LEAST_LIKENESS or deviations < STANDS_OUT_DEVIATIONS:
        return "nothing moves that both cameras see; let something warm cross both pictures, at uneven speed"
    if at_edge:
        return "the likeness still grows at the largest offset that was looked for; allow larger offsets"
    if peak - second < STANDS_OUT * peak:
        return "the motion repeats itself, so that several offsets fit; move something at uneven speed"
    agreeing = sum(abs(part_s - offset_s) < PARTS_AGREE_S for part_s in parts_s)
    if agreeing < 2 or agreeing < len(parts_s) / 2:
        return "parts of the recording tell different offsets; take a longer one, with more motion"
    return None


def _small(frame: Frame) -> Numbers:
    """A small grey picture, free of gain and offset."""
    pixels = np.asarray(frame.pixels)
    grey = cv2.resize(pixels, SMALL_PX, interpolation=cv2.INTER_AREA).astype(np.float64)
    grey = grey.mean(axis=2) if grey.ndim == 3 else grey
    low, middle, high = np.quantile(grey, (0.05, 0.5, 0.95))
    return np.asarray((grey - middle) / max(float(high - low), 1e-6))


def _on_grid(motion: Motion, begin_s: float) -> Numbers:
    """The signal on a fine even grid: logarithm, slow changes taken out, of unit spread; NaN outside."""
    times_s = motion.times_s - begin_s
    grid_s = np.arange(0, times_s[-1], GRID_S)
    floor = np.quantile(motion.amounts, 0.1)
    amounts = np.log(np.maximum(motion.amounts - floor, 0) + np.median(motion.amounts) * 0.3)
    signal = np.interp(grid_s, times_s, amounts)
    width = round(HIGH_PASS_S / GRID_S) | 1
    padded = np.pad(signal, width // 2, mode="edge")
    sums = np.concatenate(([0.0], np.cumsum(padded)))
    signal = signal - (sums[width:] - sums[:-width])[: len(signal)] / width
    spread = float(np.std(signal)) or 1.0
    signal = np.clip(signal / spread, -3, 3)
    signal[grid_s < times_s[0]] = np.nan
    return np.asarray(signal)


def _correlate(visible: Numbers, thermal: Numbers, centre: int, reach: int) -> tuple[list[int], Numbers]:
    """Likeness of `visible[i]` and `thermal[i + lag]` for lags around a centre, each over what overlaps."""
    lags = list(range(centre - reach, centre + reach + 1))
    return lags, np.array([_likeness(visible, thermal, lag) for lag in lags])


def _likeness(visible: Numbers, thermal: Numbers, lag: int) -> float:
    begin, end = max(0, -lag), min(len(visible), len(thermal) - lag)
    if end - begin < 1 / GRID_S:
        return 0.0
    first, second = visible[begin:end], thermal[begin + lag : end + lag]
    both = ~(np.isnan(first) | np.isnan(second))
    if both.sum() < 1 / GRID_S:
        return 0.0
    first, second = first[both] - first[both].mean(), second[both] - second[both].mean()
    norm = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / norm if norm > 0 else 0.0


def _between(likeness: Numbers, best: int) -> float:
    """Where the parabola through a peak and its neighbours is highest, in steps from the peak."""
    if best in (0, len(likeness) - 1):
        return 0.0
    left, top, right = likeness[best - 1 : best + 2]
    bend = left - 2 * top + right
    return float(0.5 * (left - right) / bend) if bend < 0 else 0.0


def _prominence(likeness: Numbers, best: int) -> tuple[float, float, float]:
    """Height of the best peak, of the second, and how many deviations the best stands out by."""
    reach = round(PEAK_S / GRID_S)
    away = np.concatenate((likeness[: max(0, best - reach)], likeness[best + reach + 1 :]))
    peak = float(likeness[best])
    if not len(away):
        return peak, 0.0, 0.0
    middle = float(np.median(away))
    deviation = 1.4826 * float(np.median(np.abs(away - middle))) + 1e-9
    return peak, float(away.max()), (peak - middle) / deviation


def _parts(signals: list[Numbers], centre: int) -> list[float]:
    """The offset by each part of the recording, in seconds, near the whole one's."""
    length = min(map(len, signals)) // PARTS
    reach = round(2 * PARTS_AGREE_S / GRID_S)
    return [_near(signals, centre, part * length, length, reach)[0] for part in range(PARTS)]


def _near(signals: list[Numbers], centre: int, begin: int, length: int, reach: int) -> tuple[float, float]:
    """The offset in seconds by a part of the visible signal, and the likeness there."""
    part = np.full_like(signals[0], np.nan)
    part[begin : begin + length] = signals[0][begin : begin + length]
    lags, likeness = _correlate(part, signals[1], centre, reach)
    best = int(np.argmax(likeness))
    return (lags[best] + _between(likeness, best)) * GRID_S, float(likeness[best])


def _drift(signals: list[Numbers], centre: int) -> tuple[float | None, float | None]:
    """How the offset grows, in ppm, and its standard error, by Gauss and Newton's method.

    The thermal signal is brought onto the visible one by an offset and a rate; what then remains between
    them is explained by its slope times a change of both, until nothing changes any more.
    """
    visible, thermal = signals
    if min(map(len, signals)) * GRID_S < DRIFT_FROM_S:
        return None, None
    times_s, grid_s = np.arange(len(visible)) * GRID_S, np.arange(len(thermal)) * GRID_S
    middle_s, whole = float(times_s.mean()), np.nan_to_num(thermal)
    offset_s, drift, error = centre * GRID_S, 0.0, 0.0
    for _ in range(DRIFT_STEPS):
        places_s = times_s + offset_s + drift * (times_s - middle_s)
        inside = (places_s > 0) & (places_s < grid_s[-1]) & ~np.isnan(visible)
        moved = np.interp(places_s[inside], grid_s, whole)
        slope = np.gradient(moved, GRID_S)
        terms = np.stack((slope, slope * (times_s[inside] - middle_s), np.ones_like(slope)), axis=1)
        change, *_ = np.linalg.lstsq(terms, visible[inside] - moved, rcond=None)
        offset_s, drift = offset_s + float(change[0]), drift + float(change[1])
        left = visible[inside] - moved - terms @ change
        # Neighbours on the fine grid are not independent.
        variance = float(left.var()) * ALIKE_S / GRID_S
        error = float(np.sqrt(variance * np.linalg.inv(terms.T @ terms)[1, 1]))
    return (drift * 1e6, error * 1e6) if abs(drift) < LARGEST_DRIFT else (None, None)
