"""Pairing by capture time: what is paired, what is dropped, and what is said when nothing is."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.config import PairingSettings
from stream.errors import SyncError
from stream.frame import Frame, FramePair
from stream.pairing.offline import OfflinePairer, pair_streams

PIXELS = np.zeros((1, 1), np.uint8)


def frames(times_ms: Iterable[float | Fraction]) -> list[Frame]:
    return [
        Frame(PIXELS, "gray8", Fraction(time) / 1000, "pts", index) for index, time in enumerate(times_ms)
    ]


def every(period_ms: float | Fraction, count: int, start_ms: float = 0) -> list[Fraction]:
    return [Fraction(start_ms) + Fraction(period_ms) * index for index in range(count)]


def pair(
    visible_ms: Iterable[float | Fraction], thermal_ms: Iterable[float | Fraction], pairer: OfflinePairer
) -> list[FramePair]:
    return list(pair_streams(frames(visible_ms), frames(thermal_ms), pairer))


def indices(pairs: Iterable[FramePair]) -> list[tuple[int, int]]:
    return [(pair.visible.index, pair.thermal.index) for pair in pairs]


def pairer(
    visible_rate: float | None = None, thermal_rate: float | None = None, **keys: object
) -> OfflinePairer:
    return OfflinePairer(PairingSettings.model_validate(keys), visible_rate, thermal_rate)


def test_equal_times_all_pair() -> None:
    counts = pairer()
    assert indices(pair(every(40, 50), every(40, 50), counts)) == [(i, i) for i in range(50)]
    assert not counts.dropped
    assert counts.read == {"visible": 50, "thermal": 50}


def test_pair_has_the_visible_time_and_the_signed_error() -> None:
    (only,) = pair([100], [107], pairer())
    assert only.time_s == Fraction(1, 10)
    assert only.pairing_error_s == pytest.approx(0.007)
    assert only.flags == frozenset()


def test_offset_is_thermal_clock_minus_visible_clock() -> None:
    counts = pairer(offset_ms=5000.5)
    pairs = pair(every(40, 10), every(40, 10, start_ms=5000.5), counts)
    assert indices(pairs) == [(i, i) for i in range(10)]
    assert {pair.pairing_error_s for pair in pairs} == {0.0}


@pytest.mark.parametrize("error_ms", [-20, 20])
def test_tolerance_includes_its_end(error_ms: int) -> None:
    assert len(pair([1000], [1000 + error_ms], pairer(tolerance_ms=20))) == 1
    with pytest.raises(SyncError):
        pair([1000], [1000 + error_ms * Fraction(101, 100)], pairer(tolerance_ms=20))


def test_slower_thermal_leads() -> None:
    counts = pairer(30, 9)
    pairs = pair(every(Fraction(1000, 30), 30), every(Fraction(1000, 9), 9), counts)
    assert counts.anchor == "thermal"
    assert [pair.thermal.index for pair in pairs] == list(range(9))
    assert counts.dropped == {"visible_unpaired": 21}


def test_slower_visible_leads() -> None:
    counts = pairer(10, 60)
    pairs = pair(every(100, 10), every(Fraction(1000, 60), 60), counts)
    assert indices(pairs) == [(i, 6 * i) for i in range(10)]
    assert counts.dropped == {"thermal_unpaired": 50}


@pytest.mark.parametrize("rates", [(None, 9), (30, None), (25, 25), (9, 30)])
def test_visible_leads_where_thermal_is_not_known_to_be_slower(
    rates: tuple[float | None, float | None],
) -> None:
    assert pairer(*rates).anchor == "visible"


def test_partner_closer_to_the_next_anchor_is_not_stolen() -> None:
    counts = pairer(tolerance_ms=40)
    assert indices(pair([0, 40], [35], counts)) == [(1, 0)]
    assert counts.dropped == {"visible_unpaired": 1}


def test_contested_partner_goes_to_the_nearer_anchor() -> None:
    assert indices(pair([0, 10], [8, 15], pairer())) == [(1, 0)]


def test_streams_half_a_period_apart_keep_nearly_all_frames_despite_jitter() -> None:
    jitter_ms = np.random.default_rng(3).uniform(-3, 3, 200)
    thermal = [
        time + 20 + Fraction(float(jitter)) for time, jitter in zip(every(40, 200), jitter_ms, strict=True)
    ]
    counts = pairer(tolerance_ms=30)
    assert len(pair(every(40, 200), thermal, counts)) >= 190


def test_gaps_in_both_streams_do_not_shift_what_follows() -> None:
    visible = [time for index, time in enumerate(every(40, 12)) if index != 3]
    thermal = [time for index, time in enumerate(every(40, 12)) if index != 8]
    counts = pairer(tolerance_ms=100)
    pairs = pair(visible, thermal, counts)
    assert {pair.pairing_error_s for pair in pairs} == {0.0}
    assert len(pairs) == 10


def test_different_starts_and_lengths_are_in_the_books() -> None:
    counts = pairer()
    pairs = pair(every(40, 100, start_ms=400), every(40, 20), counts)
    assert len(pairs) == 10
    assert counts.dropped == {"visible_unpaired": 90, "thermal_unpaired": 10}


def test_frames_that_go_back_in_time_are_dropped() -> None:
    counts = pairer()
    assert len(pair([0, 40, 20, 80], [0, 40, 80], counts)) == 3
    assert counts.dropped == {"visible_out_of_order": 1}


def test_hold_keeps_every_visible_frame() -> None:
    counts = pairer(25, 5, unpaired="hold", max_age_ms=200)
    pairs = pair(every(40, 20), every(200, 4), counts)
    assert [pair.visible.index for pair in pairs] == list(range(20))
    assert [pair.thermal.index for pair in pairs] == [i // 5 for i in range(20)]
    assert ["held" in pair.flags for pair in pairs] == [i % 5 != 0 for i in range(20)]
    assert pairs[4].pairing_error_s == pytest.approx(-0.160)


def test_hold_drops_what_has_no_recent_thermal_frame() -> None:
    counts = pairer(unpaired="hold", max_age_ms=100, tolerance_ms=10)
    pairs = pair(every(40, 10), [80, 5000], counts)
    assert indices(pairs) == [(2, 0), (3, 0), (4, 0)]
    assert counts.dropped == {"visible_unpaired": 2, "visible_thermal_too_old": 5, "thermal_unpaired": 1}


def test_hold_counts_a_thermal_frame_that_was_only_held_as_used() -> None:
    counts = pairer(unpaired="hold", tolerance_ms=5)
    pairs = pair([0, 60], [0, 30], counts)
    assert indices(pairs) == [(0, 0), (1, 1)]
    assert pairs[1].flags == {"held"}
    assert not counts.dropped


def test_nothing_paired_names_both_ranges_and_an_offset() -> None:
    with pytest.raises(SyncError) as caught:
        pair(every(40, 10), every(40, 10, start_ms=100_000), pairer())
    message = str(caught.value)
    assert "0.000 to 0.360 s" in message
    assert "100.000 to 100.360 s" in message
    assert "--offset-ms 100000" in message


def test_the_suggested_offset_replaces_the_one_that_was_given() -> None:
    with pytest.raises(SyncError, match=r"--offset-ms 100000\b"):
        pair(every(40, 10), every(40, 10, start_ms=100_000), pairer(offset_ms=-3000))


def test_nothing_paired_within_the_same_time_names_a_tolerance_that_works() -> None:
    visible, thermal = every(40, 10), every(40, 10, start_ms=15)
    with pytest.raises(SyncError, match="--tolerance-ms 15,"):
        pair(visible, thermal, pairer(tolerance_ms=5))
    assert len(pair(visible, thermal, pairer(tolerance_ms=15))) == 10


@pytest.mark.parametrize("empty", ["visible", "thermal"])
def test_an_empty_stream_is_named(empty: str) -> None:
    some = every(40, 3)
    with pytest.raises(SyncError, match=f"the {empty} stream has no frames"):
        pair([] if empty == "visible" else some, [] if empty == "thermal" else some, pairer())


@pytest.mark.parametrize("tolerance_ms", [20, 100_000])
def test_look_ahead_is_bounded(tolerance_ms: float) -> None:
    """Neither stream is read far beyond the pair that it is read for."""
    seen = {"visible": 0, "thermal": 0}

    def counted(side: str, period_ms: int) -> Iterator[Frame]:
        for index in itertools.count():
            seen[side] = index
            yield Frame(PIXELS, "gray8", Fraction(period_ms * index, 1000), "pts", index)

    pairs = pair_streams(
        counted("visible", 40), counted("thermal", 10), pairer(25, 100, tolerance_ms=tolerance_ms)
    )
    for made in itertools.islice(pairs, 200):
        assert seen["visible"] <= made.visible.index + 2
        assert seen["thermal"] <= made.thermal.index + 2


times = st.lists(st.integers(0, 400), max_size=24).map(sorted)
tolerances = st.integers(0, 120)


@settings(max_examples=150, deadline=None)
@given(times, times, tolerances, st.booleans(), st.booleans())
def test_books_always_balance(
    visible: list[int], thermal: list[int], tolerance_ms: int, thermal_leads: bool, hold: bool
) -> None:
    counts = pairer(
        2 if thermal_leads else 1,
        1,
        tolerance_ms=tolerance_ms,
        unpaired="hold" if hold else "drop",
        max_age_ms=60,
    )
    try:
        pairs = pair(visible, thermal, counts)
    except SyncError:
        pairs = []
    fresh = [pair for pair in pairs if not pair.flags]
    for side, times_ms in (("visible", visible), ("thermal", thermal)):
        used = [getattr(pair, side).index for pair in pairs]
        dropped = sum(count for reason, count in counts.dropped.items() if reason.startswith(side))
        assert counts.read[side] == len(times_ms) == len(set(used)) + dropped
        once = [getattr(pair, side).index for pair in fresh]
        assert len(once) == len(set(once))
        assert used == sorted(used)
    assert all(abs(pair.pairing_error_s) <= tolerance_ms / 1000 + 1e-12 for pair in fresh)
    assert all(-pair.pairing_error_s <= 0.060 + 1e-12 for pair in pairs if pair.flags)
