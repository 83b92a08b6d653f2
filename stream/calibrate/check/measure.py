"""Measures how well a calibration fits a recording: what shift, turn and scale is left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from stream.calibrate.check.residual import Region, Regions, Similarity
from stream.config import FuseSettings, FusionSettings
from stream.errors import SyncError
from stream.frame import FusedFrame, Pixels
from stream.monitoring.report import RunReport
from stream.pipeline.open import open_fused
from stream.registration.calibration import Baseline, Calibration
from stream.registration.gradient_correlation import Agreement, Numbers, ShiftPeak, compare, find_peak, score
from stream.runtime.clock import SystemClock

# Largest shift that is looked at, as a share of the width, and number of regions.
REACH = 1 / 16
REGIONS = 20
# Frames that are measured are at least so far apart in capture time.
EVERY_S = 0.25
FEWEST_FRAMES = 3
FEWEST_REGIONS = 4
# Displacement, as a share of the width, up to which a calibration is good (1.3 pixels of 640) or fair (3.2).
GOOD = 1 / 500
FAIR = 1 / 200

Verdict = Literal["good", "fair", "off", "unclear"]


@dataclass(frozen=True, slots=True)
class Check:
    """The measured fit of a calibration to a recording.

    Attributes:
        size: width and height of the visible pictures.
        frames: how many were measured.
        verdict: `good`, `fair` (fine edges ghost), `off`, or `unclear` where the pictures show too little.
        doubt: why it is unclear; empty otherwise.
        residual: how far off thermal content lies.
        errors: standard errors of the residual.
        mean_px: mean distance of thermal content from its place over the picture, visible pixels.
        frame_spread_px: standard deviation of the shift from frame to frame; None where fewer than two tell.
        region_spread_px: the same, over the regions, of what the residual leaves unexplained, by its median;
            parallax shows here. None where too few regions tell.
        baseline: agreement and shift as `stream.registration.drift` sees them; None without agreement.
        regions: all of them.
        shifts_px: [N, 2] right and down of each frame that was clear by itself.
    """

    size: tuple[int, int]
    frames: int
    verdict: Verdict
    doubt: str
    residual: Similarity
    errors: Similarity
    mean_px: float
    frame_spread_px: float | None
    region_spread_px: float | None
    baseline: Baseline | None
    regions: tuple[Region, ...]
    shifts_px: Numbers


class Checker:
    """Collects frames, then gives their common result.

    Attributes:
        clearest: the frame that shows most, for pictures; None before the first.
    """

    def __init__(self) -> None:
        """Begin without a frame."""
        self.clearest: FusedFrame | None = None
        self._clearest_height = 0.0
        self._frames = 0
        self._size = (0, 0)
        self._first: Agreement | None = None
        self._shifts: list[tuple[float, float]] = []

    def add(self, frame: FusedFrame, coverage: Pixels | None) -> None:
        """Measure a frame; frames of another size than the first are passed by.

        Args:
            frame: a fused frame; its fused picture is not looked at.
            coverage: [H, W] float32, see `Registrar.coverage`.
        """
        height, width = frame.thermal.shape
        if self._first is not None and (width, height) != self._size:
            return
        agreement = compare(frame.visible, frame.thermal, coverage, REACH, REGIONS)
        weighted = agreement.surfaces * agreement.weights[:, None, None]
        if self._first is None:
            self._first, self._size = agreement, (width, height)
            self._sum, self._weights = np.zeros_like(weighted), np.zeros_like(agreement.weights)
            self._middles_px = np.zeros_like(agreement.middles_px)
            self._as_drift: list[Numbers] = []
        self._as_drift.append(compare(frame.visible, frame.thermal, coverage).whole())
        self._sum += weighted
        self._weights += agreement.weights
        self._middles_px += agreement.middles_px
        self._frames += 1
        peak = find_peak(agreement.whole(), agreement.step_px)
        if self.clearest is None or peak.height > self._clearest_height:
            self.clearest, self._clearest_height = frame, peak.height
        if peak.is_certain:
            self._shifts.append((peak.right_px, peak.down_px))

    def result(self) -> Check:
        """The result over all frames.

        Raises:
            ValueError: before the first frame.
        """
        if self._first is None:
            raise ValueError("a check needs at least one frame")
        surfaces = self._sum / np.maximum(self._weights, 1e-9)[:, None, None]
        measured = Regions(
            surfaces, self._weights, self._middles_px / self._frames, self._first.step_px, self._size
        )
        residual, errors, peak = measured.best()
        regions, doubt = measured.each(residual), self._doubt(peak)
        shifts_px = np.array(self._shifts, np.float64).reshape(-1, 2)
        mean_px = residual.mean_px(self._size)
        return Check(
            self._size,
            self._frames,
            "unclear" if doubt else _verdict(mean_px / self._size[0]),
            doubt,
            residual,
            errors,
            mean_px,
            float(np.hypot(*shifts_px.std(axis=0))) if len(shifts_px) > 1 else None,
            unexplained_px(regions, residual, self._size),
            _baseline(np.mean(self._as_drift, axis=0), self._first.step_px),
            regions,
            shifts_px,
        )

    def _doubt(self, peak: ShiftPeak) -> str:
        if self._frames < FEWEST_FRAMES:
            return f"only {self._frames} pairs of frames could be measured, {FEWEST_FRAMES} are needed"
        if peak.is_certain:
            return ""
        return (
            f"visible and thermal show too little in common within {REACH * self._size[0]:.0f} px; record a "
            "scene with edges that both cameras see"
        )


def check_recording(
    settings: FuseSettings, seconds: float, goes_on: Callable[[], bool] = lambda: True
) -> tuple[Check, FusedFrame]:
    """Measure the calibration of some settings against their streams; nothing is fused.

    Args:
        settings: streams, pairing and calibration; the network is left out.
        seconds: how much of the streams is looked at, in capture time.
        goes_on: asked between frames; False ends the watching.

    Returns:
        What was found, and the frame that shows it best.

    Raises:
        GifnetError: of the streams, the calibration, or because nothing paired.
    """
    unfused = settings.model_copy(update={"fusion": FusionSettings(model="null"), "device": "cpu"})
    checker = Checker()
    with open_fused(unfused, RunReport(SystemClock())) as fused, fused.ahead() as frames:
        for frame in spread_out(frames, seconds, goes_on):
            checker.add(frame, fused.coverage())
    if checker.clearest is None:
        raise SyncError(
            f"no two frames make a pair with --tolerance-ms {settings.pairing.tolerance_ms}; "
            "gifnet sync-check finds the offset between the clocks"
        )
    return checker.result(), checker.clearest


def spread_out(
    frames: Iterable[FusedFrame], seconds: float, goes_on: Callable[[], bool] = lambda: True
) -> Iterator[FusedFrame]:
    """True pairs at least `EVERY_S` apart, of the first so many seconds of capture time."""
    first_s = last_s = None
    for frame in frames:
        time_s = float(frame.time_s)
        first_s = time_s if first_s is None else first_s
        if time_s - first_s > seconds or not goes_on():
            return
        is_pair = frame.pair.visible is not None and frame.pair.thermal is not None and not frame.pair.flags
        if is_pair and (last_s is None or time_s - last_s >= EVERY_S):
            last_s = time_s
            yield frame


def with_baseline(calibration: Calibration, found: Check) -> Calibration:
    """The calibration with what a check found as its baseline, at its own size."""
    assert found.baseline is not None
    (width, height), (calibrated_width, calibrated_height) = found.size, calibration.visible.size
    baseline = found.baseline.scaled(calibrated_width / width, calibrated_height / height)
    return calibration.model_copy(update={"baseline": baseline})


def unexplained_px(regions: tuple[Region, ...], residual: Similarity, size: tuple[int, int]) -> float | None:
    """Spread of the regions about a similarity; None where too few of them are clear.

    The median distance, scaled as if both directions were normally distributed: by 1 / sqrt(ln 2).
    """
    clear = np.array([[r.x_px, r.y_px, r.right_px, r.down_px] for r in regions if r.is_clear]).reshape(-1, 4)
    if len(clear) < FEWEST_REGIONS:
        return None
    left_px = clear[:, 2:] - residual.at(clear[:, :2] - (np.array(size) - 1) / 2)
    return float(np.median(np.hypot(*left_px.T)) / np.sqrt(np.log(2)))


def _baseline(surface: Numbers, step_px: int) -> Baseline | None:
    peak, agreement = find_peak(surface, step_px), round(score(surface), 4)
    if agreement <= 0:
        return None
    return Baseline(score=agreement, right_px=round(peak.right_px, 2), down_px=round(peak.down_px, 2))


def _verdict(share: float) -> Verdict:
    return "good" if share <= GOOD else "fair" if share <= FAIR else "off"
