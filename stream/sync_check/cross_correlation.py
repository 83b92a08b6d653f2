"""The offset between two cameras' clocks, found by what moves in front of both.

Something that moves changes both pictures at once, whatever their kind. The offset is the shift at which the
two signals of motion are most alike (normalised cross-correlation). It counts only if likeness by chance is
ruled out: the spread of the correlation of two unrelated signals follows from how alike each is to itself
later on (M. S. Bartlett, "Some aspects of the time-correlation problem", 1935).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stream.sync_check.motion import Motion, Numbers
from stream.sync_check.refine import LEAST_OVERLAP_S, align

GRID_S = 0.005
SHORTEST_S = 5.0
FEWEST_FRAMES = 20
# Period of the high-pass filter in seconds: slow changes of light or gain control are not motion.
HIGH_PASS_S = 3.0
LARGEST_SIGNAL = 3.0
# Peaks nearer than this to the best one belong to it.
PEAK_S = 0.25
# By chance a peak is this many times the spread of chance in one of a hundred thousand comparisons.
BEYOND_CHANCE = 4.5
MEMORY_S = 2.0
LEAST_LIKENESS = 0.25
# The best peak stands out by this share of its height against the second.
STANDS_OUT = 0.15
PARTS_AGREE_S = 0.1
LARGEST_ERROR_MS = 20.0
DRIFT_FROM_S = 40.0
LARGEST_DRIFT = 1e-3
LARGEST_CONFIDENCE_IN_DOUBT = 0.3


@dataclass(frozen=True, slots=True)
class OffsetEstimate:
    """Offset and drift of two clocks, from two motion signals.

    Attributes:
        offset_ms: thermal clock minus visible clock in the middle of the recording, as the setting
            `pairing.offset_ms`.
        uncertainty_ms: its standard error; infinite when nothing is known.
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


@dataclass(frozen=True, slots=True)
class LagPeak:
    """The shift at which two signals are most alike.

    Attributes:
        offset_s: the shift.
        likeness: correlation there.
        second: the highest elsewhere.
        chances: likeness in multiples of the spread that unrelated signals show.
        at_edge: True at the largest shift looked at.
    """

    offset_s: float
    likeness: float
    second: float
    chances: float
    at_edge: bool

    @property
    def is_certain(self) -> bool:
        """True when chance hardly explains it."""
        return self.chances >= BEYOND_CHANCE and self.likeness >= LEAST_LIKENESS

    @property
    def stands_out(self) -> float:
        """By which share of its height it is above the second."""
        return (self.likeness - self.second) / self.likeness if self.likeness > 0 else 0.0


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
    first, second = (_on_grid(motion, begin_s) for motion in (visible, thermal))
    peak = _find_peak(first, second, largest_s)
    offset = align(first, second, GRID_S, peak.offset_s)
    if offset and abs(offset.offset_s - peak.offset_s) > PEAK_S / 2:
        offset = None
    error_ms = offset.offset_error_s * 1000 if offset else float("inf")
    halves = [_find_peak(half, second, largest_s) for half in _halves(first)]
    doubt = _doubt(peak, halves, error_ms)
    drift = None
    if doubt is None and len(first) * GRID_S >= DRIFT_FROM_S:
        drift = align(first, second, GRID_S, peak.offset_s, with_drift=True)
    drift = drift if drift and abs(drift.drift) < LARGEST_DRIFT else None
    return OffsetEstimate(
        (offset.offset_s if offset else peak.offset_s) * 1000,
        error_ms,
        drift.drift * 1e6 if drift else None,
        drift.drift_error * 1e6 if drift else None,
        peak.likeness,
        _confidence(peak, doubt),
        doubt,
    )


def _confidence(peak: LagPeak, doubt: str | None) -> float:
    """Strength of the peak against chance and against the second peak, both on a scale to 1."""
    sure = min(peak.chances / (2 * BEYOND_CHANCE), peak.stands_out / (2 * STANDS_OUT))
    return max(0.0, min(sure, 1.0 if doubt is None else LARGEST_CONFIDENCE_IN_DOUBT))


def _too_little(visible: Motion, thermal: Motion) -> str | None:
    for name, motion in (("visible", visible), ("thermal", thermal)):
        if len(motion.times_s) < FEWEST_FRAMES:
            return f"only {len(motion.times_s)} pictures of the {name} camera differ from the one before"
        if not motion.amounts.any():
            return f"nothing moves in front of the {name} camera"
    overlap_s = min(visible.times_s[-1], thermal.times_s[-1]) - max(visible.times_s[0], thermal.times_s[0])
    if overlap_s < SHORTEST_S:
        return f"the streams overlap for {max(0.0, overlap_s):.1f} s, and {SHORTEST_S:g} s are needed"
    return None


def _doubt(peak: LagPeak, halves: Sequence[LagPeak], error_ms: float) -> str | None:
    repeats = peak.stands_out < STANDS_OUT and "the motion repeats itself, so that several offsets fit; "
    if repeats and peak.likeness > 2 * LEAST_LIKENESS:
        return repeats + "move something at uneven speed"
    if not peak.is_certain:
        return "nothing moves that both cameras see; let something warm cross both pictures, at uneven speed"
    if peak.at_edge:
        return "the likeness still grows at the largest offset that was looked for; allow larger offsets"
    if repeats:
        return repeats + "move something at uneven speed"
    for half in halves:
        if half.is_certain and abs(half.offset_s - peak.offset_s) > PARTS_AGREE_S:
            told_ms = " and ".join(f"{half.offset_s * 1000:.0f} ms" for half in halves)
            return f"the halves of the recording tell different offsets, {told_ms}; a clock may have jumped"
    if error_ms > LARGEST_ERROR_MS:
        return "the motion is too slow or too weak to tell it finely; look longer, and move something faster"
    return None


def _on_grid(motion: Motion, begin_s: float) -> Numbers:
    """The signal on a fine even grid, slow changes taken out, of unit spread; NaN outside."""
    times_s = motion.times_s - begin_s
    grid_s = np.arange(0, times_s[-1], GRID_S)
    signal = np.interp(grid_s, times_s, motion.amounts)
    width = round(HIGH_PASS_S / GRID_S) | 1
    padded = np.pad(signal, width // 2, mode="edge")
    sums = np.concatenate(([0.0], np.cumsum(padded)))
    signal = signal - (sums[width:] - sums[:-width])[: len(signal)] / width
    spread = float(np.std(signal)) or 1.0
    signal = np.clip(signal / spread, -LARGEST_SIGNAL, LARGEST_SIGNAL)
    signal[grid_s < times_s[0]] = np.nan
    return np.asarray(signal)


def _halves(signal: Numbers) -> list[Numbers]:
    """The signal with its second, and with its first half unknown."""
    early = np.arange(len(signal)) < len(signal) // 2
    return [np.where(early, signal, np.nan), np.where(early, np.nan, signal)]


def _find_peak(visible: Numbers, thermal: Numbers, largest_s: float) -> LagPeak:
    reach = round(largest_s / GRID_S)
    likeness, overlaps = _correlate(visible, thermal, reach)
    # Short overlaps are alike by chance more often, so that they count less.
    weighed = likeness * np.sqrt(overlaps / max(float(overlaps.max()), 1.0))
    best = int(np.argmax(weighed))
    near = round(PEAK_S / GRID_S)
    away = np.concatenate((weighed[: max(0, best - near)], weighed[best + near + 1 :]))
    top = float(likeness[best])
    return LagPeak(
        (best - reach) * GRID_S,
        top,
        max(0.0, float(away.max(initial=0.0))),
        float(np.arctanh(min(top, 0.999)) / _spread_by_chance(visible, thermal, float(overlaps[best]))),
        best in (0, len(likeness) - 1),
    )


def _correlate(visible: Numbers, thermal: Numbers, reach: int) -> tuple[Numbers, Numbers]:
    """Correlation of `visible[i]` and `thermal[i + lag]`, and how many `i` there are, lags -reach..reach."""
    length = 1 << (len(visible) + len(thermal) + reach).bit_length()
    lags = np.arange(-reach, reach + 1)

    def sums(first: Numbers, second: Numbers) -> Numbers:
        spectrum = np.conj(np.fft.rfft(first, length)) * np.fft.rfft(second, length)
        return np.asarray(np.fft.irfft(spectrum, length)[lags])

    (a, there_a), (b, there_b) = (
        (np.nan_to_num(s), (~np.isnan(s)).astype(float)) for s in (visible, thermal)
    )
    count = np.maximum(np.round(sums(there_a, there_b)), 0.0)
    n = np.maximum(count, 1.0)
    sum_a, sum_b = sums(a, there_b), sums(there_a, b)
    square_a, square_b = sums(a * a, there_b) - sum_a**2 / n, sums(there_a, b * b) - sum_b**2 / n
    norm = np.sqrt(np.maximum(square_a * square_b, 1e-12))
    enough = count >= LEAST_OVERLAP_S / GRID_S
    return np.where(enough, (sums(a, b) - sum_a * sum_b / n) / norm, 0.0), count


def _spread_by_chance(visible: Numbers, thermal: Numbers, overlap: float) -> float:
    """Standard deviation of the correlation of two unrelated signals that vary as slowly as these."""
    reach = round(MEMORY_S / GRID_S)
    product = _likeness_later(visible, reach) * _likeness_later(thermal, reach)
    independent_every = max(float(2 * product.sum() - product[0]), 1.0)
    return float(np.sqrt(independent_every / max(overlap, 1.0)))


def _likeness_later(signal: Numbers, reach: int) -> Numbers:
    """Autocorrelation for lags 0..reach-1."""
    known = signal[~np.isnan(signal)]
    known = known - known.mean() if len(known) else np.zeros(1)
    powers = np.abs(np.fft.rfft(known, 2 * max(len(known), reach))) ** 2
    products = np.fft.irfft(powers)[:reach]
    return np.asarray(products / max(float(products[0]), 1e-12))
