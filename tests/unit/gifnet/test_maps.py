"""Maps with borders of reflections, and bands of rows."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from gifnet.maps import Border, BorderedMap, Memory, Rows, bands


def bordered(values: torch.Tensor, border: Border) -> BorderedMap:
    maps = BorderedMap(Memory(torch.float32, values.device), "map", tuple(values.shape), border)
    maps.whole.fill_(float("nan"))
    maps.values.copy_(values)
    maps.reflect()
    return maps


def test_a_border_is_what_padding_by_reflection_gives() -> None:
    values = torch.rand(8, 12, 3)
    expected = F.pad(values.permute(2, 0, 1), (2, 3, 1, 6), mode="reflect").permute(1, 2, 0)
    assert torch.equal(bordered(values, Border(1, 6, 2, 3)).whole, expected)


def test_sides_are_first_filled_up_to_multiples_of_four() -> None:
    values = torch.rand(6, 9, 1)
    filled = F.pad(values.permute(2, 0, 1), (0, 3, 0, 2), mode="reflect")
    expected = F.pad(filled, (1, 1, 1, 1), mode="reflect").permute(1, 2, 0)
    assert torch.equal(bordered(values, Border(1, 3, 1, 4)).whole, expected)


def test_rows_with_a_margin_reach_into_the_border() -> None:
    maps = bordered(torch.rand(8, 8, 2), Border(1, 1, 1, 1))
    assert torch.equal(maps.rows(Rows(0, 4), 1, 8), maps.whole[:6])


@pytest.mark.parametrize(("height", "unit", "count"), [(480, 8, 16), (31, 1, 4), (5, 8, 4), (24, 8, 100)])
def test_bands_cover_every_row_once_in_whole_units(height: int, unit: int, count: int) -> None:
    cut = list(bands(height, unit, count))
    assert [row for band in cut for row in range(*band)] == list(range(height))
    assert len(cut) <= count and all(band.top % unit == 0 for band in cut)
    assert max(b.bottom - b.top for b in cut) - min(b.bottom - b.top for b in cut[:-1] or cut) <= unit
