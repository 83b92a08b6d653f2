"""Levels of a fused picture: skies, dark places and people get those of the better source."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from gifnet.level import level, levelled

SIZE = (96, 128)


def flat(value: float, size: tuple[int, int] = SIZE) -> Tensor:
    return torch.full((1, 1, *size), value)


def mean(visible: Tensor, thermal: Tensor) -> Tensor:
    return (visible + thermal).float() / 2


def with_upper_half(below: float, above: float) -> Tensor:
    picture = flat(below)
    picture[..., : SIZE[0] // 2, :] = above
    return picture


def with_person(around: float, person: float) -> Tensor:
    picture = flat(around)
    picture[..., 40:72, 56:68] = person
    return picture


def contrast(picture: Tensor) -> float:
    return float(picture[..., 44:68, 59:65].mean() - picture[..., 40:72, 40:50].mean())


def test_a_bright_cold_sky_is_hardly_darker_than_the_visible_one() -> None:
    visible, thermal = with_upper_half(0.3, 0.9), with_upper_half(0.6, 0.05)
    fused = mean(visible, thermal)
    got = level(fused, visible, thermal)
    assert float(fused[..., :40, :].mean()) < 0.5
    assert float((got / visible)[..., :40, :].min()) >= 0.85


def test_a_dark_place_without_thermal_contrast_stays_dark() -> None:
    visible, thermal = flat(0.05), flat(0.4)
    torch.testing.assert_close(level(mean(visible, thermal), visible, thermal), visible)


def test_a_warm_place_stays_bright_in_the_dark() -> None:
    thermal = with_upper_half(0.1, 0.7)
    got = level(mean(flat(0.05), thermal), flat(0.05), thermal)
    assert float(got[..., :32, :].mean()) > 0.3


@pytest.mark.parametrize(
    ("visible", "thermal"),
    [
        pytest.param(flat(0.1), with_person(0.3, 0.8), id="warm, by night"),
        pytest.param(with_person(0.5, 0.15), flat(0.5), id="dark clothes, thermal blind"),
        pytest.param(with_person(0.6, 0.4), with_person(0.2, 0.7), id="both, of opposite sign"),
    ],
)
def test_a_person_stands_out_four_fifths_as_far_as_in_the_better_source(
    visible: Tensor, thermal: Tensor
) -> None:
    fused = mean(visible, thermal)
    better = max((visible, thermal), key=lambda each: abs(contrast(each)))
    assert abs(contrast(fused)) < 0.6 * abs(contrast(better))
    assert contrast(level(fused, visible, thermal)) / contrast(better) > 0.8


def test_a_warm_person_by_night_is_bright_though_a_dark_outline_beside_a_bright_window_is_stronger() -> None:
    visible, thermal = with_person(0.2, 0.05), with_person(0.4, 0.65)
    visible[..., 24:64, 76:100] = 0.9
    got = level(mean(visible, thermal), visible, thermal)
    person, wall = got[..., 44:68, 59:65].mean(), got[..., 40:72, 40:50].mean()
    assert float(person - wall) > 0.8 * 0.25


def test_no_glow_around_a_person_in_the_dark() -> None:
    visible, thermal = flat(0.1), with_person(0.3, 0.8)
    got = level(mean(visible, thermal), visible, thermal)
    ring = got[..., 40:72, 48:52]
    torch.testing.assert_close(ring, torch.full_like(ring, 0.1), atol=0.02, rtol=0)


def grating(contrast: float, period_px: int = 8) -> Tensor:
    """Stripes around a middle grey."""
    return flat(0.5) + contrast * torch.sin(2 * torch.pi * torch.arange(SIZE[1]) / period_px)


@pytest.mark.parametrize("period_px", [8, 16, 32])
@pytest.mark.parametrize("stronger", ["visible", "thermal"])
def test_detail_of_any_size_is_that_of_the_stronger_source_signs_included(
    stronger: str, period_px: int
) -> None:
    strong, weak = grating(0.15, period_px), grating(-0.05, period_px)
    sources = (strong, weak) if stronger == "visible" else (weak, strong)
    got = level(mean(*sources), *sources)
    inside = (..., slice(24, -24), slice(32, -32))
    torch.testing.assert_close(got[inside], grating(0.14, period_px)[inside], atol=0.025, rtol=0)


def test_all_bands_of_a_place_come_from_one_source() -> None:
    """Fine stripes of one source lie over coarser and stronger ones of the other."""
    visible, thermal = grating(0.3, 64), grating(0.1, 8)
    got = level(mean(visible, thermal), visible, thermal)
    fine = [float((each - each.roll(4, dims=-1))[..., 32:-32].std()) for each in (got, visible, thermal)]
    assert fine[0] - fine[1] < 0.2 * (fine[2] - fine[1])


def test_noise_of_a_cold_thermal_sky_is_no_detail() -> None:
    random = torch.Generator().manual_seed(5)
    visible, thermal = with_upper_half(0.6, 0.9), with_upper_half(0.6, 0.05)
    thermal = thermal + 0.02 * torch.randn(thermal.shape, generator=random)
    got = level(mean(visible, thermal), visible, thermal)
    assert float(got[..., :32, 8:-8].std()) < 0.008


def test_noise_of_both_sources_is_not_added_up() -> None:
    random = torch.Generator().manual_seed(4)
    visible, thermal = (0.5 + 0.004 * torch.randn(1, 1, *SIZE, generator=random) for _ in range(2))
    added = visible + thermal - 0.5
    assert level(added, visible, thermal).std() < 0.8 * added.std()


def test_a_dark_place_does_not_get_darker_than_the_visible_picture_shows_it() -> None:
    visible, thermal = flat(0.2), with_upper_half(0.02, 0.6)
    got = level(mean(visible, thermal), visible, thermal)
    assert 0.9 <= float(got[..., 72:, :].mean()) / 0.2 <= 1.05


def test_a_gradient_can_be_taken_as_training_needs() -> None:
    visible, thermal = with_person(0.2, 0.3), with_upper_half(0.2, 0.6)
    fused = mean(visible, thermal)
    free = level(fused, visible, thermal)
    network = fused.clone().requires_grad_()
    bound = level(network, visible, thermal)
    torch.testing.assert_close(bound, free, atol=2e-3, rtol=0)
    (slope,) = torch.autograd.grad(bound.sum(), network)
    assert float(slope.abs().sum()) > 0


def test_what_both_sources_and_the_network_agree_on_stays() -> None:
    picture = 0.3 + 0.4 * torch.rand(1, 1, 61, 83, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(level(picture, picture, picture), picture, atol=1e-5, rtol=0)


def test_strength_goes_from_nothing_to_all() -> None:
    visible, thermal = with_upper_half(0.3, 0.9), with_upper_half(0.6, 0.05)
    fused = mean(visible, thermal)
    sky = [float(level(fused, visible, thermal, strength)[..., 8, 8]) for strength in (0, 0.5, 1)]
    assert sky[0] == float(fused[..., 8, 8])
    assert sky[1] == pytest.approx((sky[0] + sky[2]) / 2, abs=0.02)
    assert levelled(mean, 0) is mean


@pytest.mark.parametrize("size", [(16, 16), (17, 30), (45, 64), (99, 131)])
def test_any_size_gives_its_own_size_in_range(size: tuple[int, int]) -> None:
    noise = torch.rand(3, 1, *size, generator=torch.Generator().manual_seed(1))
    got = level(*noise.split(1))
    assert got.shape == (1, 1, *size)
    assert float(got.min()) >= 0 and float(got.max()) <= 1


def test_a_picture_too_small_for_surroundings_stays_as_it_is() -> None:
    fused = flat(0.4, (15, 40))
    assert torch.equal(level(fused, flat(0.9, (15, 40)), flat(0.1, (15, 40))), fused)


def test_pictures_of_a_batch_do_not_see_each_other_and_inputs_stay() -> None:
    random = torch.Generator().manual_seed(2)
    fused, visible, thermal = (torch.rand(2, 1, 40, 56, generator=random) for _ in range(3))
    before = [part.clone() for part in (fused, visible, thermal)]
    batched = level(fused, visible, thermal)
    apart = torch.cat([level(*(part[i : i + 1] for part in before)) for i in (0, 1)])
    torch.testing.assert_close(batched, apart, atol=1e-6, rtol=0)
    assert all(torch.equal(*each) for each in zip(before, (fused, visible, thermal), strict=True))


def test_pictures_of_16_bits_give_a_float32_picture_close_to_it() -> None:
    visible, thermal = with_person(0.2, 0.3), with_upper_half(0.2, 0.6)
    exact = level(mean(visible, thermal), visible, thermal)
    got = levelled(mean, 1)(visible.bfloat16(), thermal.bfloat16())
    assert got.dtype == torch.float32
    torch.testing.assert_close(got, exact, atol=0.02, rtol=0)


def test_a_network_with_own_threads_still_says_so() -> None:
    class Striped:
        own_threads = True

        def __call__(self, visible: Tensor, thermal: Tensor) -> Tensor:
            return mean(visible, thermal)

    networks: list[Callable[[Tensor, Tensor], Tensor]] = [levelled(Striped(), 1), levelled(mean, 1)]
    assert [network.own_threads for network in networks] == [True, False]  # type: ignore[attr-defined]  # of the wrapper
