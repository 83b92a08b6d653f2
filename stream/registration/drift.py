"""Detection of cameras that moved against each other since they were calibrated: pure logic.

Every so many frames the visible and the registered thermal picture are compared at all small shifts
(`stream.registration.gradient_correlation`). The comparisons are averaged, newer ones counting more, so that
what passes by is forgotten. Where the mean has a clear peak away from where the calibration had it, for
several comparisons on end, the cameras have moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from stream.frame import FrameSet, Pixels, SingleFrame
from stream.registration import gradient_correlation
from stream.registration.calibration import Baseline
from stream.registration.gradient_correlation import REACH, Agreement, Numbers, find_peak, score

# Weight of the mean so far in that of the next comparison.
EMA_WEIGHT = 0.75
# FEWEST comparisons make a mean, and CONFIRM means in a row make a verdict.
FEWEST = 3
CONFIRM = 3
# Cameras have moved by more than this share of the width (3.2 pixels of 640), and stand right again within
# half of it.
MOVED = 1 / 200
# After this many doubtful means in a row, shifts four times as large are searched too.
WIDEN_AFTER = 5
WIDE_REACH = 4 * REACH
# Largest correction without being asked each time, as a share of the width (8 pixels of 640), the largest at
# once (2 pixels of 640), and the time from one to the next.
SELF_ALIGN = 1 / 80
SELF_ALIGN_STEP = 1 / 320
SELF_ALIGN_EVERY_S = 10.0

Verdict = Literal["unknown", "aligned", "moved"]
Shift = tuple[float, float]


@dataclass(frozen=True, slots=True)
class DriftState:
    """State of the registration.

    Attributes:
        verdict: `unknown` until the pictures have shown enough in common.
        right_px: how far right of where it belongs thermal content lies, in visible pixels; None while there
            is no clear peak.
        down_px: how far down; None likewise.
        score: agreement as registered now, about 0 where nothing agrees; None before the first comparison.
        baseline_score: that of the calibration; without one in the file, of when they first stood right.
        checks: comparisons so far.
    """

    verdict: Verdict = "unknown"
    right_px: float | None = None
    down_px: float | None = None
    score: float | None = None
    baseline_score: float | None = None
    checks: int = 0

    @property
    def correction_px(self) -> Shift | None:
        """By how much to nudge the thermal picture right and down; None while the cameras stand right."""
        if self.verdict != "moved" or self.right_px is None or self.down_px is None:
            return None
        return -self.right_px, -self.down_px

    def sentence(self) -> str:
        """The state as a sentence."""
        if self.verdict == "unknown":
            return "visible and thermal have shown too little in common to tell whether the cameras moved"
        if self.verdict == "aligned":
            return "the cameras stand as they were calibrated"
        if self.right_px is None or self.down_px is None:
            return "the cameras have moved; by how much is not clear now"
        return f"the cameras have moved: about {in_words(self.right_px, self.down_px)}"

    def as_json(self) -> dict[str, Any]:
        """Plain values, for reports and pages."""
        correction = self.correction_px
        return {
            "verdict": self.verdict,
            "sentence": self.sentence(),
            "right_px": _rounded(self.right_px, 1),
            "down_px": _rounded(self.down_px, 1),
            "score": _rounded(self.score, 3),
            "baseline_score": _rounded(self.baseline_score, 3),
            "checks": self.checks,
            "correction_px": [_rounded(part, 1) for part in correction] if correction else None,
        }


class Drift:
    """Follows the registration of one stream; used by one thread.

    Attributes:
        state: the newest.
    """

    def __init__(self, every: int, baseline: Baseline | None = None) -> None:
        """Begin to follow.

        Args:
            every: frames from one comparison to the next.
            baseline: of the calibration, in pixels of these pictures. None: a calibration that lies right.
        """
        self._every = every
        self._usual: Shift = (baseline.right_px, baseline.down_px) if baseline else (0.0, 0.0)
        self.state = DriftState(baseline_score=baseline.score if baseline else None)
        self._frames = 0
        self.restart()

    def restart(self) -> None:
        """The registration was changed: earlier comparisons no longer count; the verdict stays."""
        self._mean: Numbers | None = None
        self._compared = self._for = self._against = self._doubtful = 0
        self._reach = REACH
        self._frames = 0

    def feed(
        self, visible: Pixels, thermal: Pixels, frame_set: FrameSet, coverage: Pixels | None = None
    ) -> DriftState:
        """Look at a fused frame, or pass it by: all but every so many, and those of no true pair.

        Args:
            visible: [H, W, 3] uint8.
            thermal: [H, W] uint8, registered.
            frame_set: the frames that it was made of.
            coverage: [H, W] float32, see `Registrar.coverage`.

        Returns:
            The state, the same object as before where nothing was compared.
        """
        return self.compare(visible, thermal, coverage) if self.wants(frame_set) else self.state

    def wants(self, frame_set: FrameSet) -> bool:
        """Count a fused frame; True where it is to be compared."""
        self._frames += 1
        return not (self._frames % self._every or isinstance(frame_set, SingleFrame) or frame_set.flags)

    def compare(self, visible: Pixels, thermal: Pixels, coverage: Pixels | None = None) -> DriftState:
        """Look at a frame that is wanted; arguments as for `feed`."""
        self._take(gradient_correlation.compare(visible, thermal, coverage, self._reach), thermal.shape[1])
        return self.state

    def _take(self, agreement: Agreement, width_px: int) -> None:
        surface = agreement.whole()
        if self._mean is not None and self._mean.shape == surface.shape:
            surface = EMA_WEIGHT * self._mean + (1 - EMA_WEIGHT) * surface
        self._mean, self._compared = surface, self._compared + 1
        peak = find_peak(surface, agreement.step_px)
        is_clear = peak.is_certain and self._compared >= FEWEST
        right_px, down_px = peak.right_px - self._usual[0], peak.down_px - self._usual[1]
        self._count(is_clear, (right_px**2 + down_px**2) ** 0.5 / width_px)
        verdict, baseline_score = self._verdict(), self.state.baseline_score
        if verdict == "aligned" and baseline_score is None:
            baseline_score = score(surface)
        self.state = DriftState(
            verdict,
            right_px if is_clear else None,
            down_px if is_clear else None,
            score(surface),
            baseline_score,
            self.state.checks + 1,
        )

    def _count(self, is_clear: bool, distance: float) -> None:
        """Count means that speak for and against a move, and doubtful ones, each on end."""
        limit = MOVED / 2 if self.state.verdict == "moved" else MOVED
        self._for = self._for + 1 if is_clear and distance > limit else 0
        self._against = self._against + 1 if is_clear and distance <= limit else 0
        self._doubtful = 0 if is_clear else self._doubtful + 1
        if self._doubtful == WIDEN_AFTER:
            self._reach = REACH if self._reach == WIDE_REACH else WIDE_REACH
            self._mean, self._compared, self._doubtful = None, 0, 0

    def _verdict(self) -> Verdict:
        if self._for >= CONFIRM:
            return "moved"
        return "aligned" if self._against >= CONFIRM else self.state.verdict


class SelfAlign:
    """Small corrections, slowly: when asked, the thermal picture follows cameras that moved a little."""

    def __init__(self, began_px: Shift) -> None:
        """Begin at the nudge of the settings; corrections keep within a bound of it."""
        self._began_px = began_px
        self._last_s = float("-inf")

    def next_nudge(self, state: DriftState, nudge_px: Shift, width_px: int, time_s: float) -> Shift | None:
        """The nudge to take over now, or None.

        Args:
            state: the newest.
            nudge_px: right and down, as it is now.
            width_px: of the visible picture.
            time_s: of the frame.
        """
        correction = state.correction_px
        if correction is None or time_s - self._last_s < SELF_ALIGN_EVERY_S:
            return None
        if self.is_too_far(state, nudge_px, width_px):
            return None
        self._last_s = time_s
        share = min(1.0, SELF_ALIGN_STEP * width_px / max(_length(correction, (0.0, 0.0)), 1e-9))
        right, down = (round(now + share * part, 1) for now, part in zip(nudge_px, correction, strict=True))
        return right, down

    def is_too_far(self, state: DriftState, nudge_px: Shift, width_px: int) -> bool:
        """True when the cameras moved by more than self-align follows."""
        right_px, down_px = state.correction_px or (0.0, 0.0)
        wanted = nudge_px[0] + right_px, nudge_px[1] + down_px
        return _length(wanted, self._began_px) > SELF_ALIGN * width_px


def in_words(right_px: float, down_px: float) -> str:
    """A shift such as `6 px right and 2 px down`; what is small beside the rest is left out."""
    largest = max(abs(right_px), abs(down_px))
    parts = (right_px, "right" if right_px > 0 else "left"), (down_px, "down" if down_px > 0 else "up")
    said = [f"{abs(px):.0f} px {way}" for px, way in parts if abs(px) >= max(0.5, largest / 4)]
    return " and ".join(said) or "less than 1 px"


def _length(one: Shift, other: Shift) -> float:
    return float(sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5)


def _rounded(number: float | None, digits: int) -> float | None:
    return None if number is None else round(number, digits) + 0.0
