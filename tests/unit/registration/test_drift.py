"""Drift: when the cameras count as moved, what is said of it, and what is corrected."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stream.frame import Flag, Frame, FramePair, FrameSet, SingleFrame
from stream.registration.calibration import Baseline
from stream.registration.drift import FEWEST, SELF_ALIGN_EVERY_S, Drift, DriftState, SelfAlign, in_words
from stream.synthetic import Street

Picture = NDArray[np.uint8]
MOVED = DriftState("moved", 6.0, -1.0)


@pytest.fixture(scope="module")
def pictures() -> tuple[Picture, Picture]:
    """A visible and a thermal picture of one street, registered."""
    street = Street(4, (320, 240))
    counts = street.thermal(0).astype(np.float32)
    low, high = np.percentile(counts, [1, 99.5])
    return street.visible(0), np.asarray(255 * np.clip((counts - low) / (high - low), 0, 1), np.uint8)


def moment(*flags: Flag) -> FramePair:
    frame = Frame(np.zeros((1, 1), np.uint8), "gray8", Fraction(0), "pts", 0)
    return FramePair(frame, frame, Fraction(0), 0.0, frozenset(flags))


def fed(drift: Drift, pictures: Any, times: int, right_px: int = 0, down_px: int = 0) -> DriftState:
    visible, thermal = pictures
    moved = np.roll(thermal, (down_px, right_px), axis=(0, 1))
    for _ in range(times):
        drift.feed(visible, moved, moment())
    return drift.state


def test_cameras_that_stand_right_are_aligned(pictures: Any) -> None:
    state = fed(Drift(1), pictures, 8)
    assert state.verdict == "aligned"
    assert state.correction_px is None
    assert state.score is not None
    assert state.score == pytest.approx(state.baseline_score, abs=0.02)
    assert state.sentence() == "the cameras stand as they were calibrated"


def test_a_move_is_found_measured_and_forgotten_once_undone(pictures: Any) -> None:
    drift = Drift(1)
    fed(drift, pictures, 6)
    state = fed(drift, pictures, 12, right_px=4, down_px=-2)
    assert state.verdict == "moved"
    assert state.correction_px == pytest.approx((-4, 2), abs=0.5)
    assert state.sentence() == "the cameras have moved: about 4 px right and 2 px up"
    assert state.score is not None
    assert state.baseline_score is not None
    assert state.score < state.baseline_score / 2
    assert fed(drift, pictures, 12).verdict == "aligned"


def test_a_move_beyond_the_small_shifts_is_found_too(pictures: Any) -> None:
    drift = Drift(1)
    fed(drift, pictures, 6)
    state = fed(drift, pictures, 25, right_px=-20)
    assert state.verdict == "moved"
    assert state.right_px == pytest.approx(-20, abs=1)


def test_one_odd_moment_moves_nothing(pictures: Any) -> None:
    drift = Drift(1)
    fed(drift, pictures, 6)
    assert fed(drift, pictures, 2, right_px=6).verdict == "aligned"
    assert fed(drift, pictures, 6).verdict == "aligned"


def test_between_the_bounds_the_verdict_stays(pictures: Any) -> None:
    """1.6 pixels of 320 are a move; less than 0.8 are none; 1 is whatever it was."""
    drift = Drift(1)
    assert fed(drift, pictures, 8, right_px=1).verdict == "aligned"
    fed(drift, pictures, 12, right_px=3)
    assert fed(drift, pictures, 20, right_px=1).verdict == "moved"
    assert fed(drift, pictures, 20).verdict == "aligned"


def test_the_calibrations_own_baseline_is_what_counts(pictures: Any) -> None:
    baseline = Baseline(score=0.3, right_px=5, down_px=0)
    assert fed(Drift(1, baseline), pictures, 8, right_px=5).verdict == "aligned"
    state = fed(Drift(1, baseline), pictures, 8)
    assert state.right_px == pytest.approx(-5, abs=0.5)
    assert state.baseline_score == 0.3


def test_pictures_without_anything_in_common_tell_nothing(pictures: Any) -> None:
    visible, thermal = pictures
    state = fed(Drift(1), (visible, np.zeros_like(thermal)), 12)
    assert (state.verdict, state.right_px, state.correction_px) == ("unknown", None, None)
    assert "too little in common" in state.sentence()


def test_only_every_so_many_frames_and_true_pairs_are_compared(pictures: Any) -> None:
    drift = Drift(5)
    visible, thermal = pictures
    odd: list[FrameSet] = [
        moment("held"),
        moment("stale"),
        SingleFrame(moment().visible, "visible", Fraction(0)),
    ]
    for each in odd:
        for _ in range(5):
            drift.feed(visible, thermal, each)
    assert drift.state.checks == 0
    assert fed(drift, pictures, 12).checks == 2
    assert drift.feed(visible, thermal, moment()) is drift.state


def test_after_a_restart_old_pictures_do_not_count(pictures: Any) -> None:
    drift = Drift(1)
    fed(drift, pictures, 12, right_px=5)
    drift.restart()
    state = fed(drift, pictures, FEWEST)
    assert state.verdict == "moved"
    assert state.right_px == pytest.approx(0, abs=0.3)


def test_the_state_is_plain_values() -> None:
    assert MOVED.as_json() == {
        "verdict": "moved",
        "sentence": "the cameras have moved: about 6 px right",
        "right_px": 6.0,
        "down_px": -1.0,
        "score": None,
        "baseline_score": None,
        "checks": 0,
        "correction_px": [-6.0, 1.0],
    }


@pytest.mark.parametrize(
    ("shift", "words"),
    [
        ((6, 0.2), "6 px right"),
        ((-3, 3), "3 px left and 3 px down"),
        ((0, -12), "12 px up"),
        ((0, 0), "less than 1 px"),
    ],
)
def test_shifts_in_words(shift: tuple[float, float], words: str) -> None:
    assert in_words(*shift) == words


def test_small_moves_are_corrected_in_steps_and_slowly() -> None:
    align, nudge_px, time_s, steps = SelfAlign((0.0, 0.0)), (0.0, 0.0), 0.0, []
    while nudge_px[0] > -5.9:
        state = DriftState("moved", 6.0 + nudge_px[0], 0.0 + nudge_px[1])
        wanted = align.next_nudge(state, nudge_px, 640, time_s)
        assert wanted is not None
        steps.append(math.dist(wanted, nudge_px))
        assert align.next_nudge(state, wanted, 640, time_s + SELF_ALIGN_EVERY_S / 2) is None
        nudge_px, time_s = wanted, time_s + SELF_ALIGN_EVERY_S
    assert steps == pytest.approx([2, 2, 2])


def test_large_moves_are_left_to_people() -> None:
    align = SelfAlign((0.0, 0.0))
    assert align.next_nudge(DriftState("moved", 9.0, 0.0), (0.0, 0.0), 640, 0) is None
    assert align.next_nudge(DriftState("moved", 3.0, 0.0), (-6.0, 0.0), 640, 0) is None
    assert align.next_nudge(DriftState("aligned", 1.0, 0.0), (0.0, 0.0), 640, 0) is None
    assert align.next_nudge(DriftState("moved"), (0.0, 0.0), 640, 0) is None
    assert align.next_nudge(DriftState("moved", 9.0, 0.0), (0.0, 0.0), 1280, 0) == (-4.0, 0.0)
