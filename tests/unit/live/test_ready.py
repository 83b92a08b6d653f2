"""Moments that wait to be fused: a short delay loses none, a lasting one makes none old."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from stream.frame import Frame, FrameSet, SingleFrame
from stream.live.ready import ReadyMoments


def moment(number: int, flags: frozenset[str] = frozenset()) -> FrameSet:
    """One that arrives with its number, at 30 a second."""
    picture = np.zeros((2, 2, 3), np.uint8)
    frame = Frame(picture, "rgb24", Fraction(number, 30), "pts", number, arrived_s=number / 30)
    return SingleFrame(frame, "visible", frame.time_s, flags)  # type: ignore[arg-type]


def played(fusion_s: list[float], keeps_all: bool = False) -> tuple[list[int], list[int]]:
    """Numbers of the moments that were fused and of those given up, where fusing takes so long each time."""
    given_up: list[int] = []
    ready = ReadyMoments(keeps_all, lambda one: given_up.append(int(one.time_s * 30)))
    fused, now_s, arrived = [], 0.0, 0
    for takes_s in fusion_s:
        now_s = now_s if len(ready) else max(now_s, arrived / 30)
        due = int(now_s * 30 + 1e-6) + 1
        ready.add([moment(number) for number in range(arrived, due)], now_s, 0.0, overran=False)
        arrived = max(arrived, due)
        taken = ready.take()
        if taken is not None:
            fused.append(int(taken.time_s * 30))
            now_s += takes_s
    return fused, given_up


def test_a_short_delay_loses_nothing() -> None:
    fused, given_up = played([0.02] * 10 + [0.06] + [0.02] * 10)
    assert fused == list(range(21)) and not given_up


def test_where_fusion_is_too_slow_the_freshest_is_fused() -> None:
    fused, given_up = played([0.04] * 60)
    assert sorted(fused + given_up) == list(range(max(fused) + 1))
    assert given_up
    # At the time it is taken, no moment has waited for more than the one before it took.
    ages = [0.04 * place - number / 30 for place, number in enumerate(fused)]
    assert np.median(ages) < 0.034 and max(ages) < 0.07


def test_what_is_recorded_is_kept_whole() -> None:
    fused, given_up = played([0.02] * 3 + [0.08] + [0.01] * 10, keeps_all=True)
    assert fused == list(range(14)) and not given_up


def test_one_that_is_late_gives_way_unless_it_had_to_wait_for_a_partner() -> None:
    for flags, left in ((frozenset[str](), 1), (frozenset({"single"}), 2)):
        ready = ReadyMoments(False, lambda one: None)
        ready.add([moment(0, flags), moment(1, flags)], 0.2, 0.2, overran=False)
        assert len(ready) == left


@pytest.mark.parametrize("overran", [True, False])
def test_after_frames_were_dropped_the_freshest_is_taken(overran: bool) -> None:
    ready = ReadyMoments(False, lambda one: None)
    ready.add([moment(0), moment(1)], 0.05, 0.0, overran)
    taken = ready.take()
    assert taken is not None and int(taken.time_s * 30) == int(overran)
