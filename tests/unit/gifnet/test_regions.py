"""The benchmark's measures of veils and of people, by pictures whose answer is plain."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.quality.regions import box_contrast, people_ratios, veils, within

PERSON = (40.0, 30.0, 60.0, 90.0)


def picture(value: int) -> np.ndarray:
    return np.full((120, 160), value, np.uint8)


def with_person(around: int, person: int) -> np.ndarray:
    drawn = picture(around)
    drawn[30:90, 40:60] = person
    return drawn


def test_a_veil_over_the_dark_is_its_factor() -> None:
    visible, thermal = picture(40), picture(100)
    assert veils(picture(60), visible, thermal)["dark ratio"] == pytest.approx(1.5)
    assert np.isnan(veils(picture(60), visible, thermal)["sky ratio"])


def test_a_bright_cold_sky_counts_and_a_warm_wall_does_not() -> None:
    visible, thermal = picture(220), picture(120)
    thermal[:40] = 10
    fused = picture(220)
    fused[:40] = 110
    # The border between cold and warm is not flat and does not count.
    assert veils(fused, visible, thermal)["sky ratio"] == pytest.approx(0.5)


def test_where_thermal_shows_something_nothing_is_a_veil() -> None:
    thermal = np.random.default_rng(1).integers(0, 255, (120, 160)).astype(np.uint8)
    assert np.isnan(veils(picture(60), picture(40), thermal)["dark ratio"])


def test_a_person_stands_out_by_its_difference_from_the_frame_around() -> None:
    assert box_contrast(with_person(50, 200), PERSON) == pytest.approx(150)
    assert box_contrast(with_person(200, 50), PERSON) == pytest.approx(150)


def test_a_person_is_held_against_the_better_source() -> None:
    visible, thermal, fused = with_person(90, 110), with_person(20, 220), with_person(50, 150)
    assert people_ratios(fused, visible, thermal, [PERSON]) == [pytest.approx(0.5)]


def test_small_hidden_and_faint_people_are_left_out() -> None:
    one = with_person(90, 110)
    assert people_ratios(one, one, one, [(40, 30, 50, 40)]) == []
    assert len(people_ratios(one, one, one, [PERSON, (45, 35, 62, 95)])) == 1
    faint = with_person(90, 95)
    assert people_ratios(faint, faint, faint, [PERSON]) == []


def test_the_share_leaves_out_what_is_not_known() -> None:
    assert within([0.95, 1.2, float("nan")], 0.9, 1.1) == 0.5
    assert np.isnan(within([], 0.9, 1.1))
