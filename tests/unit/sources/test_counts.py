"""Numbers of every format as counts that travel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stream.config.thermal_layout import parse_layout
from stream.errors import SourceError
from stream.frame import Pixels
from stream.radiometry import Linear
from stream.sources.counts import CountReader
from stream.sources.number_format import check_unsigned

DEGREES = np.linspace(-20, 60, 12 * 16).reshape(12, 16)


def reader(first: Pixels, layout: str = "whole", unit: Linear | None = None) -> CountReader:
    parsed = parse_layout(layout)
    return CountReader(first, parsed, unit or parsed.unit, "a")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_counts_stay(dtype: Any) -> None:
    counts = np.arange(192).reshape(12, 16).astype(dtype)
    read = reader(counts)
    assert read(counts) is counts and read.unit is None


@pytest.mark.parametrize(
    ("stored", "layout"),
    [
        (DEGREES.astype(np.float32), "C"),
        (DEGREES, "float64 C"),
        ((DEGREES + 273.15).astype(np.float32), "K"),
        (np.rint(DEGREES * 10).astype(np.int16), "int16 C*10"),
        (np.rint(DEGREES * 10).astype(np.int64), "C*10"),
        (np.rint(DEGREES * 10).astype(np.int16).view(np.uint16), "int16 C*10"),
        (np.rint((DEGREES + 273.15) * 64).astype(np.uint16), "K*64"),
        (np.rint((DEGREES + 273.15) * 100).astype(np.int32), "K*100"),
        (DEGREES.astype(np.float32), "whole"),
        ((DEGREES + 273.15).astype(np.float32), "whole"),
    ],
)
def test_temperatures_come_back(stored: Pixels, layout: str) -> None:
    read = reader(stored, layout)
    counts = read(stored)
    assert counts.dtype == np.uint16 and read.unit is not None
    np.testing.assert_allclose(read.unit.celsius(counts), DEGREES, atol=0.06)


def test_hot_pictures_get_a_coarser_scale() -> None:
    for hottest, per_k in ((300, 100), (600, 64), (2000, 10)):
        read = reader(np.linspace(0, hottest, 192, dtype=np.float32).reshape(12, 16), "C")
        assert read.unit is not None and read.unit.celsius_per_count == pytest.approx(1 / per_k)


def test_later_numbers_that_do_not_fit_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    read = reader(DEGREES, "C")
    for _ in range(2):
        assert read(np.full((12, 16), 900.0)).max() == 65535
    assert caplog.text.count("outside the range of 16 bits") == 1


def test_what_is_guessed_is_said(caplog: pytest.LogCaptureFixture) -> None:
    reader(DEGREES)
    reader(np.linspace(0, 1, 192).reshape(12, 16))
    reader(np.linspace(7000, 9000, 192).reshape(12, 16))
    assert [f"taken for {words}" in caplog.text for words in ("degrees", "shares", "counts")] == [True] * 3


def test_numbers_that_are_none() -> None:
    stored = DEGREES.astype(np.float32)
    stored[0, 0] = np.nan
    read = reader(stored, "C")
    assert read(stored)[0, 0] == read(stored)[0, 1]


@pytest.mark.parametrize(
    ("stored", "layout", "problem"),
    [
        (np.zeros((2, 2), np.int8), "whole", "type int8"),
        (np.zeros((2, 2), np.complex64), "whole", "type complex64"),
        (np.zeros((2, 2), np.uint16), "float32", "says float32"),
        (np.full((2, 2), np.nan), "C", "no number at all"),
        (np.full((2, 2), -1e9), "whole", "neither degrees nor counts"),
        (np.full((2, 2), 1e9), "K", "which is not plausible"),
    ],
)
def test_what_is_no_picture(stored: Pixels, layout: str, problem: str) -> None:
    with pytest.raises(SourceError, match=problem):
        reader(stored, layout)


@pytest.mark.parametrize(("dtype", "name"), [(np.int16, "int16"), (np.float32, "float32")])
def test_numbers_of_another_format_are_noticed(dtype: Any, name: str) -> None:
    noise = np.random.default_rng(1).normal(0, 0.3, (48, 64))
    scene = ((np.linspace(-8, 30, 64) + noise) * (10 if dtype is np.int16 else 1)).astype(dtype)
    seen = scene.reshape(-1).view(np.uint16)[: 48 * 64].reshape(48, 64)
    with pytest.raises(SourceError, match=f"numbers of the type {name}"):
        check_unsigned(seen, "a")


@pytest.mark.parametrize("scale", [1, 10, 64, 100])
def test_counts_are_not_taken_for_others(scale: int) -> None:
    noise = np.random.default_rng(1).normal(0, 0.5, (48, 64))
    check_unsigned(((np.linspace(270, 310, 64) + noise) * scale).astype(np.uint16), "a")
    check_unsigned(np.full((48, 64), 5, np.uint16), "a")
    check_unsigned(np.random.default_rng(2).integers(0, 65536, (48, 64)).astype(np.uint16), "a")
