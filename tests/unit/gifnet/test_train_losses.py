"""The training losses against closed forms."""

import pytest
import torch

from gifnet.train.losses import (
    GradientPyramid,
    gradient_energy,
    ms_ssim,
    multimodal_loss,
    public_loss,
    source_weights,
)


def noise(seed: int, batch: int = 1, side: int = 128) -> torch.Tensor:
    return torch.rand(batch, 1, side, side, generator=torch.Generator().manual_seed(seed))


def test_ms_ssim_of_equal_pictures_is_one():
    assert ms_ssim(noise(1), noise(1)).item() == pytest.approx(1, abs=1e-5)


def test_ms_ssim_of_flat_pictures_is_the_luminance_term_to_its_exponent():
    luminance = (2 * 0.2 * 0.8 + 1e-4) / (0.2**2 + 0.8**2 + 1e-4)
    got = ms_ssim(torch.full((1, 1, 128, 128), 0.2).double(), torch.full((1, 1, 128, 128), 0.8).double())
    assert got.item() == pytest.approx(luminance**0.1333, rel=1e-6)


def test_ms_ssim_of_a_faded_picture_multiplies_the_contrast_of_every_scale():
    # Contrast and luminance are both 2k / (1 + k^2) = 0.8 without the constants; exponents sum to 1.1334.
    picture = 1000 * (noise(2) - 0.5).double()
    assert ms_ssim(picture, 0.5 * picture).item() == pytest.approx(0.8**1.1334, rel=2e-3)


def test_ms_ssim_has_a_finite_gradient_where_pictures_contradict_each_other():
    picture = noise(3, side=32).requires_grad_()
    ms_ssim(picture, 1 - picture.detach()).sum().backward()
    assert torch.isfinite(picture.grad).all()


def test_ms_ssim_keeps_pictures_of_a_batch_apart():
    both = ms_ssim(noise(4, batch=2), noise(5, batch=2))
    assert both[0] == pytest.approx(ms_ssim(noise(4, batch=2)[:1], noise(5, batch=2)[:1]).item(), rel=1e-5)


def test_public_loss_is_zero_for_a_perfect_reconstruction():
    assert public_loss(noise(6), noise(6)).item() == pytest.approx(0, abs=1e-5)


def test_multimodal_loss_weighs_the_sources_of_each_pair():
    fused, visible, thermal = (torch.full((2, 1, 8, 8), value) for value in (0.5, 0.4, 0.2))
    weights = torch.tensor([[1.0, 0.0], [0.25, 0.75]])
    expected = (0.01 + 0.25 * 0.01 + 0.75 * 0.09) / 2
    assert multimodal_loss(fused, visible, thermal, weights).item() == pytest.approx(expected, rel=1e-5)


def test_gradient_energy_of_one_bright_pixel():
    picture = torch.zeros(1, 1, 5, 5)
    picture[0, 0, 2, 2] = 8
    # Nine answers: -8 at the pixel, 1 at each of its eight neighbours.
    assert gradient_energy([picture]).item() == pytest.approx((64 + 8) / 9)


def test_the_source_with_more_structure_weighs_more():
    weights = source_weights(noise(7), torch.full((1, 1, 128, 128), 0.5), GradientPyramid(), 1.0, "pair")
    assert weights[0].tolist() == pytest.approx([1, 0], abs=1e-6)


def test_one_pair_of_weights_for_a_batch_or_one_for_each_pair():
    visible = torch.cat([noise(8), torch.full((1, 1, 128, 128), 0.5)])
    by_pair = source_weights(visible, visible.flip(0), GradientPyramid(), 1.0, "pair")
    assert by_pair[:, 0].tolist() == pytest.approx([1, 0], abs=1e-6)
    by_batch = source_weights(visible, visible.flip(0), GradientPyramid(), 1.0, "batch")
    assert by_batch.flatten().tolist() == pytest.approx([0.5] * 4, abs=1e-4)
