"""Pictures of two folders that are paired by their names."""

from __future__ import annotations

import itertools
import logging
from fractions import Fraction
from pathlib import Path

import pytest

from stream.config import InputSettings, PairingSettings
from stream.errors import SourceError
from stream.pairing.offline import OfflinePairer, pair_streams
from stream.sources import open_source
from tests.unit.sources.test_images import fill

Pairs = list[tuple[int, int]]


def paired(visible: Path | str, thermal: Path | str, **rates: float | None) -> Pairs:
    """Positions in their folders of the frames that were paired."""
    mine = InputSettings(uri=str(visible), rate=rates.get("visible_rate"))
    other = InputSettings(uri=str(thermal), rate=rates.get("thermal_rate"))
    with (
        open_source(mine, "visible", partner=other) as one,
        open_source(other, "thermal", partner=mine) as two,
    ):
        pairer = OfflinePairer(PairingSettings(), one.info.rate, two.info.rate)
        found = pair_streams(one, two, pairer)
        return [(pair.visible.index, pair.thermal.index) for pair in found if pair.visible and pair.thermal]


def folders(tmp_path: Path, visible: list[str], thermal: list[str]) -> tuple[Path, Path]:
    for name in ("visible", "thermal"):
        (tmp_path / name).mkdir()
    return fill(tmp_path / "visible", visible), fill(tmp_path / "thermal", thermal)


def test_gaps_in_the_numbers_keep_partners_together(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    numbers = [n for n in range(1, 13) if n not in (4, 8)]
    sides = folders(tmp_path, [f"F_{n:05d}.png" for n in numbers], [f"F_{n:05d}.png" for n in range(1, 13)])
    assert paired(*sides) == [(at, n - 1) for at, n in enumerate(numbers)]
    assert "2 of 12 thermal pictures have no partner by name: F_00004.png, F_00008.png" in caplog.text


def test_numbers_among_words(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sides = folders(
        tmp_path,
        [f"cam1_{n}_rgb.png" for n in (1, 2, 4, 10)],
        [f"cam2_{n:04d}_ir.png" for n in (2, 3, 4, 10)],
    )
    assert paired(*sides) == [(1, 0), (2, 2), (3, 3)]
    assert "1 of 4 visible pictures have no partner by the number in their names" in caplog.text


def test_both_sides_in_one_folder(tmp_path: Path) -> None:
    fill(tmp_path, ["7_ir.png", "7_rgb.png", "8_rgb.png", "9_ir.png", "9_rgb.png"])
    assert paired(tmp_path / "*_rgb.png", tmp_path / "*_ir.png") == [(0, 0), (2, 1)]


def test_unlike_names_go_by_order_and_that_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sides = folders(tmp_path, ["a.png", "b.png", "c.png"], ["x.png", "y.png"])
    assert paired(*sides) == [(0, 0), (1, 1)]
    assert (
        "3 visible and 2 thermal pictures, whose names do not agree, are paired in their order" in caplog.text
    )


def test_numbers_that_only_begin_elsewhere_go_by_order(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sides = folders(tmp_path, [f"v{n}.png" for n in range(100, 104)], [f"t{n}.png" for n in range(4)])
    assert paired(*sides) == [(n, n) for n in range(4)]
    assert "whose names do not agree, are paired in their order" in caplog.text


def test_numbers_beside_dates_of_whole_seconds_say_more(tmp_path: Path) -> None:
    """As two cameras of one drone write them: the second may have turned in between."""
    sides = folders(
        tmp_path,
        [f"DJI_2023061514302{n}_000{n}_W.jpg" for n in (1, 3, 5)],
        [f"DJI_2023061514302{n - n % 2}_000{n}_T.jpg" for n in (1, 2, 3, 5)],
    )
    assert paired(*sides) == [(0, 0), (1, 2), (2, 3)]


def test_rates_that_differ_go_by_time(tmp_path: Path) -> None:
    sides = folders(tmp_path, [f"{n}.png" for n in range(6)], [f"{n}.png" for n in range(3)])
    assert paired(*sides, visible_rate=20, thermal_rate=10) == [(0, 0), (2, 1), (4, 2)]
    assert paired(*sides, visible_rate=10, thermal_rate=10) == [(0, 0), (1, 1), (2, 2)]


def test_names_with_dates_beside_names_without(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stamps = [1526373747000 + 100 * n for n in range(3)]
    sides = folders(tmp_path, [f"{n}.png" for n in range(3)], [f"{stamp}.png" for stamp in stamps])
    assert paired(*sides) == [(0, 0), (1, 1), (2, 2)]
    assert "only one side of 3 visible and 3 thermal pictures has times" in caplog.text


def test_a_rule_can_be_stated(tmp_path: Path) -> None:
    """By name where the times in the names would pair others."""
    stamps = [1526373747000 + 100 * n for n in range(4)]
    sides = folders(
        tmp_path, [f"{stamp}.png" for stamp in stamps], [f"{stamp + 100}.png" for stamp in stamps]
    )
    assert paired(*sides) == [(1, 0), (2, 1), (3, 2)]
    assert paired(f"images://{sides[0]}?pair=order", sides[1]) == [(n, n) for n in range(4)]
    assert paired(sides[0], f"images://{sides[1]}?pair=name") == [(1, 0), (2, 1), (3, 2)]


def test_times_of_the_visible_side_hold_for_its_partners(tmp_path: Path) -> None:
    visible, thermal = folders(
        tmp_path, ["000000.png", "000001.png", "000002.png"], [f"00000{n}.png" for n in range(4)]
    )
    (visible / "times.csv").write_text("file,time_s\n000000.png,5.0\n000001.png,5.5\n000002.png,7.0\n")
    mine, other = InputSettings(uri=str(visible)), InputSettings(uri=str(thermal))
    with open_source(other, "thermal", partner=mine) as source:
        times_s = [frame.time_s for frame in source]
    assert times_s[:3] == [5, Fraction(11, 2), 7] and times_s[3] > 7
    assert paired(visible, thermal) == [(0, 0), (1, 1), (2, 2)]


@pytest.mark.parametrize(
    ("one", "two", "says"),
    [
        ("pair=colour", "", "pair must be auto, time, name, number, order, got 'colour'"),
        ("pair=name", "pair=order", "state it once"),
        ("pair=name", "", "pair=name finds no two pictures that belong together"),
    ],
)
def test_wrong_rules(tmp_path: Path, one: str, two: str, says: str) -> None:
    visible, thermal = folders(tmp_path, ["a.png"], ["x.png"])
    with pytest.raises(SourceError, match=says):
        paired(f"images://{visible}?{one}", f"images://{thermal}?{two}")


FORMS = {
    "ms": lambda ns: f"{ns // 10**6}_cam",
    "us": lambda ns: f"{ns // 10**3}",
    "ns": lambda ns: f"{ns}",
    "fraction": lambda ns: f"{ns // 10**9}.{ns % 10**9:09d}",
}


@pytest.mark.parametrize(("one", "two"), list(itertools.product(FORMS, FORMS)))
def test_visible_n_pairs_with_thermal_3n_in_every_form(tmp_path: Path, one: str, two: str) -> None:
    start = 1526373747123456789
    sides = folders(
        tmp_path,
        [f"{FORMS[one](start + n * 10**8)}.png" for n in range(4)],
        [f"{FORMS[two](start + n * 10**8 // 3)}.png" for n in range(12)],
    )
    assert paired(*sides) == [(n, 3 * n) for n in range(4)]


@pytest.mark.refdata
def test_the_cases_of_gaps_forms_and_lists(refdata: Path, caplog: pytest.LogCaptureFixture) -> None:
    cases = refdata / "cases/files"
    gaps = cases / "04-folder-with-gaps"
    numbers = [n for n in range(1, 13) if n not in (4, 8)]
    assert paired(gaps / "visible", gaps / "thermal") == [(at, n - 1) for at, n in enumerate(numbers)]
    for form in sorted((cases / "05-names-hold-times").iterdir()):
        if form.is_dir():
            assert paired(form / "visible", form / "thermal") == [(n, 3 * n) for n in range(6)], form
    own = cases / "07-own-times-csv"
    with caplog.at_level(logging.INFO):
        assert paired(own / "visible", own / "thermal") == [(n, n) for n in range(6)]
    assert "times are those of times.csv, the first 2018-05-15T08:42:27.122999Z" in caplog.text
