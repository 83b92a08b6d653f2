from __future__ import annotations

from collections import Counter

from stream.fleet.cluster.counts import RUNS_KEPT, Counts, Ledger, counts_of_status


def counts(came: int, fused: int, unpaired: int = 0) -> Counts:
    sides = Counter(visible=came, thermal=came)
    used = Counter(visible=fused, thermal=fused)
    return Counts(sides, fused, used, Counter(visible_unpaired=unpaired, thermal_unpaired=unpaired))


def test_frames_of_a_killed_process_that_were_on_their_way_are_dropped() -> None:
    ledger = Ledger()
    ledger.note("1", counts(100, 95, 3), final=False)
    assert ledger.total(running="1").waiting("visible") == 2
    ledger.note("2", counts(10, 9), final=False)
    total = ledger.total(running="2")
    assert total.frames_in["visible"] == 110 and total.fused == 104
    assert total.dropped["visible_process_lost"] == total.dropped["thermal_process_lost"] == 2
    assert total.waiting("visible") == 1
    closed = ledger.total()
    assert closed.frames_in["thermal"] == closed.fused + closed.dropped_of("thermal")
    assert ledger.starts == 2


def test_a_final_report_takes_the_place_of_the_last_answer_and_is_not_replaced() -> None:
    ledger = Ledger()
    ledger.note("1", counts(100, 95), final=False)
    ledger.note("2", counts(1, 1), final=False)
    ledger.note("1", counts(120, 118, 2), final=True)
    ledger.note("1", counts(100, 95), final=False)
    assert ledger.total().fused == 119
    assert ledger.starts == 2


def test_reports_that_come_twice_count_once_also_long_after() -> None:
    ledger = Ledger()
    for run in range(RUNS_KEPT + 5):
        ledger.note(f"{run:03d}", counts(10, 10), final=True)
        ledger.note(f"{run:03d}", counts(10, 10), final=True)
    ledger.note("000", counts(10, 10), final=True)
    assert ledger.total().fused == 10 * (RUNS_KEPT + 5)
    assert Ledger(ledger.as_json()).total() == ledger.total()
    assert Ledger(ledger.as_json()).starts == RUNS_KEPT + 5


def test_a_status_that_was_not_read_at_one_instant_still_adds_up() -> None:
    ledger = Ledger()
    ledger.note("1", counts(99, 100), final=False)
    total = ledger.total()
    assert total.frames_in["visible"] == total.fused == 100


def test_frames_of_pairs_are_used_once_fused_and_others_by_their_own_account() -> None:
    status = {"frames_in": {"visible": 10, "thermal": 5}, "fused": 8, "dropped": {}}
    only_pairs = counts_of_status(status | {"moments": {"pairs": 9}, "used": {"visible": 9, "thermal": 9}})
    assert only_pairs.used == {"visible": 8, "thermal": 8}
    held = counts_of_status(
        status | {"live": {"moments": {"pairs": 5, "held": 4}, "used": {"visible": 9, "thermal": 5}}}
    )
    assert held.used == {"visible": 9, "thermal": 5}
