"""Measuring what is left of misalignment: known shifts, turns and scales, and doubt."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from stream.calibrate.check.measure import EVERY_S, Check, Checker, spread_out
from stream.frame import Flag, Frame, FramePair, FusedFrame, SingleFrame
from stream.synthetic import Street

Picture = NDArray[np.uint8]
Change = Callable[[Picture], Picture]
SIZE = (320, 240)


def warped(right_px: float, down_px: float, turn_deg: float = 0, scale: float = 0) -> Change:
    """Moves, turns (clockwise) and enlarges a picture about its middle."""
    middle = (np.array(SIZE) - 1) / 2
    matrix = cv2.getRotationMatrix2D(tuple(middle.tolist()), -turn_deg, 1 + scale)
    matrix[:, 2] += right_px, down_px
    return lambda picture: np.asarray(
        cv2.warpAffine(picture, matrix, SIZE, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


@pytest.fixture(scope="module")
def recording() -> list[tuple[Picture, Picture]]:
    """Four registered pairs of one street, half a second apart."""
    street = Street(3, SIZE)
    return [(street.visible(t), grey(street.thermal(t))) for t in (0, 0.5, 1, 1.5)]


def grey(counts: NDArray[Any]) -> Picture:
    low, high = np.percentile(counts, [1, 99.5])
    return np.asarray(255 * np.clip((counts - low) / (high - low), 0, 1), np.uint8)


def frame(visible: Picture, thermal: Picture, time_s: Fraction = Fraction(0), *flags: Flag) -> FusedFrame:
    first, second = Frame(visible, "rgb24", time_s, "pts", 0), Frame(thermal, "gray8", time_s, "pts", 0)
    pair = FramePair(first, second, time_s, 0.0, frozenset(flags))
    return FusedFrame(visible, visible, thermal, pair, 0)


def check(recording: list[tuple[Picture, Picture]], change: Change) -> Check:
    checker = Checker()
    for visible, thermal in recording:
        checker.add(frame(visible, change(thermal)), None)
    return checker.result()


def test_a_calibration_that_fits_is_good(recording: Any) -> None:
    found = check(recording, warped(0, 0))
    assert (found.verdict, found.doubt, found.frames) == ("good", "", 4)
    assert found.mean_px < 0.5
    assert found.baseline is not None
    assert found.baseline.score > 0.3
    assert found.frame_spread_px is not None
    assert found.region_spread_px is not None
    assert max(found.frame_spread_px, found.region_spread_px) < 1


@pytest.mark.parametrize(
    ("right_px", "down_px", "turn_deg", "scale"),
    [(3, -2, 0, 0), (-9, 4, 0, 0), (4, 0, 0.8, 0), (0, 0, 0, 0.02), (5, 3, -1, -0.02)],
)
def test_what_is_left_is_measured(
    recording: Any, right_px: float, down_px: float, turn_deg: float, scale: float
) -> None:
    found = check(recording, warped(right_px, down_px, turn_deg, scale))
    residual = found.residual
    assert found.verdict == "off"
    assert (residual.right_px, residual.down_px) == pytest.approx((right_px, down_px), abs=0.5)
    assert np.degrees(residual.turn) == pytest.approx(turn_deg, abs=0.2)
    assert residual.scale == pytest.approx(scale, abs=0.005)
    assert 0 < found.errors.right_px < 0.5
    assert found.errors.turn < 0.005


def test_a_pixel_of_320_is_fair(recording: Any) -> None:
    assert check(recording, warped(1, 0)).verdict == "fair"


def test_regions_tell_of_their_own_place(recording: Any) -> None:
    shift = warped(4, 0)

    def half(thermal: Picture) -> Picture:
        return np.concatenate([thermal[:, :160], shift(thermal)[:, 160:]], axis=1)

    found = check(recording, half)
    right = [region.right_px for region in found.regions if region.is_clear and region.x_px > 180]
    left = [region.right_px for region in found.regions if region.is_clear and region.x_px < 140]
    assert np.median(right) == pytest.approx(4, abs=0.5)
    assert np.median(left) == pytest.approx(0, abs=0.5)
    assert found.region_spread_px is not None
    assert found.region_spread_px > 1.5


def test_doubt_is_said_in_place_of_numbers(recording: Any) -> None:
    assert "too little in common" in check(recording, lambda thermal: thermal[::-1, ::-1]).doubt
    assert check(recording, lambda thermal: np.zeros_like(thermal)).verdict == "unclear"
    assert check(recording[:2], warped(0, 0)).doubt.startswith("only 2 pairs of frames")


def test_only_true_pairs_some_time_apart_are_measured() -> None:
    rgb, black = np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint8)
    frames = [frame(rgb, black, Fraction(i, 50)) for i in range(51)]
    held = frame(rgb, black, Fraction(3, 10), "held")
    single = SingleFrame(Frame(rgb, "rgb24", Fraction(4, 10), "pts", 0), "visible", Fraction(4, 10))
    alone = FusedFrame(rgb, rgb, black, single, 0)
    taken = [float(each.time_s) for each in spread_out([frames[0], held, alone, *frames[21:]], 0.9)]
    assert taken[:2] == [0, 0.42]
    assert (np.diff(taken) >= EVERY_S).all()
    assert taken[-1] <= 0.9
