"""The CPU's shorter ways on the colours where rounding decides."""

from __future__ import annotations

import pytest
import torch

from cuda_kernels import cpu as host
from cuda_kernels import reference


def colours_of_whole_sums() -> torch.Tensor:
    """[1, N, 3]: every colour whose brightness is a whole number, where float64 may fall on either side."""
    red, green, blue = torch.meshgrid(*[torch.arange(256)] * 3, indexing="ij")
    whole = (299 * red + 587 * green + 114 * blue) % 1000 == 0
    return torch.stack((red[whole], green[whole], blue[whole]), dim=-1).to(torch.uint8)[None]


def some_colours() -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (700, 900, 3), generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("make", [colours_of_whole_sums, some_colours])
def test_brightness_is_the_references(make: object) -> None:
    assert callable(make)
    rgb = make()
    assert torch.equal(host.luma(rgb), reference.luma(rgb))


def test_few_whole_sums_among_many_others() -> None:
    rgb = some_colours()
    rgb[100, :256] = torch.arange(256, dtype=torch.uint8)[:, None]
    assert torch.equal(host.luma(rgb), reference.luma(rgb))


@pytest.mark.parametrize("make", [colours_of_whole_sums, some_colours])
def test_colour_is_the_references(make: object) -> None:
    assert callable(make)
    rgb = make()
    for ours, theirs in zip(host.chroma(rgb), reference.chroma(rgb), strict=True):
        assert (ours - theirs).abs().max() < 1e-12


def test_maps_of_one_size_are_not_mistaken_for_each_other() -> None:
    counts, span = torch.arange(48, dtype=torch.uint8).reshape(6, 8), torch.tensor([0.0, 48.0])
    y, x = (
        place.to(torch.float32) for place in torch.meshgrid(torch.arange(6), torch.arange(8), indexing="ij")
    )
    for shift in (0.0, 0.5, 1.25, -3.0, 0.5, 0.0):
        maps = x + shift, y.clone()
        for ours, theirs in zip(
            host.remap_normalise(counts, *maps, span),
            reference.remap_normalise(counts, *maps, span),
            strict=True,
        ):
            assert torch.equal(ours, theirs)
