"""Aligns two cameras by themselves, as far as that goes, and gives the best guess where it does not."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from stream.calibrate.overlays import stretched
from stream.calibrate.scene.align import LEAST_EVIDENCE, SceneAlignment
from stream.calibrate.scene.run import Fields, FrameSet, align_moments, as_calibration
from stream.errors import CalibrationError
from stream.registration.calibration import Calibration, Size
from stream.registration.gradient_correlation import ShiftPeak, compare, find_peak
from stream.setup.placement import Placement, placement_of
from stream.setup.session import covered

# Largest shift, as a share of the width, at which pictures of one size count as registered.
REGISTERED = 1 / 200
# Evidence below which nothing that both pictures show was found.
NOTHING_IN_COMMON = 0.3
# Range of a plausible scale, and least share of the visible picture covered; other guesses are dropped.
LIKELY_SCALE, LIKELY_COVERED = (0.2, 4.0), 0.1


@dataclass(frozen=True, slots=True)
class Aligned:
    """Result of aligning without a person.

    Attributes:
        calibration: None where none is needed or none was found.
        is_registered: the pictures lie on each other already.
        doubt: why there is no calibration; empty where there is one, or none is needed.
        guess: where the thermal picture may lie, to begin by hand.
        text: one sentence for the user.
        note: what else was noticed, one sentence; empty for nothing.
    """

    calibration: Calibration | None
    is_registered: bool
    doubt: str
    guess: Placement
    text: str
    note: str = ""


def registered_peak(moments: Sequence[FrameSet]) -> ShiftPeak | None:
    """The shift by which edges of pictures of one size agree best; None for two sizes."""
    first = moments[0]
    if first.visible.shape[:2] != first.thermal.shape[:2]:
        return None
    compared = [compare(moment.visible, stretched(moment.thermal)) for moment in moments]
    surface = np.mean([agreement.whole() for agreement in compared], axis=0)
    return find_peak(surface, compared[0].step_px)


def align_alone(
    moments: Sequence[FrameSet], distance_m: float, date: datetime.date, tell: Callable[[str], None]
) -> Aligned:
    """Find how the thermal pictures lie on the visible ones.

    Args:
        moments: pairs of one moment.
        distance_m: of the scene.
        date: today.
        tell: called with a sentence about the step that begins.
    """
    peak, width = registered_peak(moments), moments[0].visible.shape[1]
    if peak and peak.is_certain and np.hypot(peak.right_px, peak.down_px) <= max(1.5, REGISTERED * width):
        return Aligned(
            None,
            True,
            "",
            Placement(),
            "the pictures have one size and their edges lie on each other: no calibration is needed",
        )
    try:
        found = align_moments(moments, Fields(), tell)
    except CalibrationError as error:
        return Aligned(None, False, str(error), Placement(), f"not by themselves: {error}")
    sizes = found.visible_size, found.thermal_size
    guess = _guess(found, *sizes)
    stands = f"; the thermal picture is {found.turned}" if found.turned else ""
    try:
        calibration = as_calibration(found, Fields(), distance_m, date)
    except CalibrationError:
        return Aligned(None, False, found.doubt, guess, f"not by themselves: {found.doubt}", in_common(found))
    text = f"aligned, to about {found.error_px:.1f} visible pixels{stands}"
    return Aligned(calibration, False, "", guess, text)


def in_common(found: SceneAlignment) -> str:
    """A sentence where nothing was found that both pictures show; else empty."""
    if found.evidence >= NOTHING_IN_COMMON:
        return ""
    return (
        f"nothing was found that both pictures show (evidence {found.evidence:.2f}, {LEAST_EVIDENCE} is "
        "needed): where the two cameras do not look at one scene, turn one of them"
    )


def _guess(found: SceneAlignment, visible_size: Size, thermal_size: Size) -> Placement:
    guess = placement_of(found.matrix, visible_size, thermal_size)
    is_likely = LIKELY_SCALE[0] < guess.scale < LIKELY_SCALE[1]
    if (
        is_likely
        and covered(guess.matrix(visible_size, thermal_size), visible_size, thermal_size) > LIKELY_COVERED
    ):
        return guess
    return Placement()
