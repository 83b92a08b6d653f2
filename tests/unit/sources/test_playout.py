"""Even playout of streams that come in bursts."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest

from stream.sources.live.playout import WINDOW_S, Playout


def bursts(segment_s: float, rate: int, count: int, late_s: dict[int, float] | None = None):  # type: ignore[no-untyped-def]
    """Stamps and arrivals of segments, each of which comes at once when it is finished."""
    per_segment = round(segment_s * rate)
    for number in range(count):
        segment = number // per_segment
        finished_s = (segment + 1) * segment_s + (late_s or {}).get(segment, 0.0)
        yield Fraction(number, rate), finished_s + 0.001 * (number % per_segment)


def test_bursts_come_evenly_and_never_before_they_arrive() -> None:
    playout = Playout()
    frames = list(bursts(2.0, 15, 300))
    due_s = [playout.due_s(stamp_s, arrived_s) for stamp_s, arrived_s in frames]
    assert all(due >= arrived for due, (_, arrived) in zip(due_s, frames, strict=True))
    gaps_s = [later - before for before, later in itertools.pairwise(due_s)]
    assert min(gaps_s) == pytest.approx(1 / 15, abs=0.001) and max(gaps_s) < 0.07


def test_a_late_segment_moves_what_follows_once_and_is_forgotten_after_a_minute() -> None:
    playout = Playout()
    due_s = [playout.due_s(*frame) for frame in bursts(2.0, 15, 90 * 15, late_s={5: 1.0})]
    late_s = [due - number / 15 for number, due in enumerate(due_s)]
    assert late_s[100] == pytest.approx(2.0, abs=0.03) and late_s[400] == pytest.approx(3.0, abs=0.03)
    assert late_s[-1] == pytest.approx(2.0, abs=0.03) and WINDOW_S == 60


@pytest.mark.parametrize("leap_s", [-5, 3000])
def test_a_new_time_line_begins_at_once(leap_s: int) -> None:
    playout = Playout()
    for stamp_s, arrived_s in bursts(2.0, 15, 150):
        playout.due_s(stamp_s, arrived_s)
    due_s = playout.due_s(Fraction(10) + leap_s, 12.0)
    assert due_s == pytest.approx(12.0)
