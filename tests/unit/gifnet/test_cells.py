"""Cells by OpenCV and by torch: the same means and enlargements for any size."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from gifnet.cells import enlarged, halved, smoothed, spread


def noise(*size: int) -> Tensor:
    return torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("size", [(32, 48), (17, 30), (5, 3), (1, 1)])
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(halved, id="halved"),
        pytest.param(lambda maps: halved(maps, 2), id="halved twice"),
        pytest.param(lambda maps: smoothed(maps, 3), id="smoothed"),
        pytest.param(lambda maps: enlarged(maps, 2, 2 * maps.shape[2] - 1, 2 * maps.shape[3]), id="by 2"),
        pytest.param(lambda maps: enlarged(maps, 4, 4 * maps.shape[2], 4 * maps.shape[3] - 3), id="by 4"),
    ],
)
def test_opencv_and_torch_agree(change: Callable[[Tensor], Tensor], size: tuple[int, int]) -> None:
    maps = noise(*size)
    before = maps.clone()
    by_torch = change(maps.clone().requires_grad_()).detach()
    by_opencv = change(maps)
    torch.testing.assert_close(by_opencv, by_torch, atol=1e-6, rtol=0)
    assert torch.equal(maps, before)


def test_a_view_that_is_not_contiguous_is_read_as_it_is() -> None:
    maps = noise(16, 24)
    torch.testing.assert_close(halved(maps.mT), halved(maps.mT.contiguous()))


def test_an_incomplete_cell_is_continued_by_the_border() -> None:
    got = halved(torch.tensor([[[[1.0, 2.0, 6.0]]]]))
    assert got.tolist() == [[[[1.5, 6.0]]]]


def test_a_maximum_spreads_over_its_window() -> None:
    maps = torch.zeros(1, 1, 7, 7)
    maps[..., 3, 3] = 1
    assert spread(maps, 3).sum() == 9
