"""A soak: cameras that fail at random for as long as SOAK_MINUTES says, half a minute by default."""

from __future__ import annotations

import os

import pytest

from tests.helpers.soak import soak

MINUTES = float(os.environ.get("SOAK_MINUTES", "0.5"))


@pytest.mark.timeout(60 + 90 * MINUTES)
def test_nothing_grows_and_nothing_is_lost() -> None:
    found = soak(MINUTES)
    assert found.unaccounted == 0
    assert found.left_over == (0, 0)
    assert sum(found.faults.values()) >= 5 * MINUTES
    assert found.fused > 300 * MINUTES
    # A connection or two may be open more than at the best moment, never ever more of them.
    assert max(found.files) - min(found.files) <= 12
    # Memory finds its level within some minutes; what piles up pictures goes far beyond that in two. Circles,
    # which pile up slowly, are looked for in tests/unit/sources/test_no_reference_cycles.py.
    assert found.growth_mb < 40
