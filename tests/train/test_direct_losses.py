"""Losses of a fused picture: values in closed form, and what they must not depend on."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gifnet.eval.edges import edge_preservation
from gifnet.train import picture_losses as losses

SIDE = 32


def noise(seed: int) -> Tensor:
    return torch.rand(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


def ramp(slope: float, start: float = 0.0) -> Tensor:
    return (start + slope * torch.arange(SIDE)).expand(1, 1, SIDE, SIDE).contiguous()


def flat(value: float) -> Tensor:
    return torch.full((1, 1, SIDE, SIDE), value)


def test_the_intensity_target_is_the_brighter_source() -> None:
    assert losses.intensity_loss(flat(0.6), flat(0.2), flat(0.9)).item() == pytest.approx(0.3)
    visible, thermal = noise(1), noise(2)
    assert losses.intensity_loss(torch.maximum(visible, thermal), visible, thermal) == 0


def test_the_gradient_target_is_the_longer_vector_with_its_sign() -> None:
    rising, falling, gentle = ramp(0.02), ramp(-0.02, 0.7), ramp(0.01)
    assert losses.gradient_loss(rising, rising, gentle).item() == pytest.approx(0, abs=1e-7)
    assert losses.gradient_loss(rising, gentle, rising).item() == pytest.approx(0, abs=1e-7)
    # Sobel / 8 of a ramp is its slope; half of the components, the vertical ones, are 0.
    assert losses.gradient_loss(gentle, rising, gentle).item() == pytest.approx(0.005, rel=1e-4)
    assert losses.gradient_loss(falling, rising, gentle).item() == pytest.approx(0.02, rel=1e-4)


def test_coarse_gradients_are_those_of_shrunk_pictures() -> None:
    rising, gentle = ramp(0.02), ramp(0.01)
    assert losses.coarse_loss(rising, gentle, rising).item() == pytest.approx(0, abs=1e-6)
    # A pixel of the shrunk picture is 4 or 8 pixels wide; half of the components are 0.
    assert losses.coarse_loss(gentle, rising, gentle).item() == pytest.approx(0.005 * (4 + 8), rel=1e-4)
    fine = flat(0.5) + 0.3 * (-1.0) ** torch.arange(SIDE)
    assert losses.coarse_loss(flat(0.5), fine, flat(0.2)).item() == pytest.approx(0, abs=1e-6)


def test_edges_of_equal_pictures_are_kept_and_turned_ones_lost() -> None:
    picture = ramp(0.02)
    # 1 - Qabf of equal pictures: the sigmoids' ends, 0.99945 and 0.98787, and an angle just above 0.
    assert losses.edge_loss(picture, picture, picture).item() == pytest.approx(0.0127, abs=6e-4)
    assert losses.edge_loss(1 - picture, picture, picture).item() == pytest.approx(0.0127, abs=6e-4)
    assert losses.edge_loss(picture.mT, picture, picture).item() == pytest.approx(1, abs=1e-4)
    # Half the strength: the sigmoid of strength stands in its middle.
    assert losses.edge_loss(0.5 * picture, picture, picture).item() == pytest.approx(
        1 - 0.5 * 0.98787, abs=2e-2
    )


def test_the_edge_loss_is_one_less_the_metric_away_from_vertical_edges() -> None:
    """The metric at times takes an edge that is nearly vertical in both pictures for a turned one."""
    rows = torch.arange(SIDE)[:, None] / SIDE
    waves = [
        (0.5 + 0.3 * torch.sin(often * rows) + 0.01 * rows.T).expand(1, 1, SIDE, SIDE)
        for often in (9.0, 15.0)
    ]
    visible, thermal = ((255 * wave).round().to(torch.uint8) for wave in waves)
    fused = ((visible.int() + thermal.int()) // 2).to(torch.uint8)
    pictures = fused, visible, thermal
    metric = edge_preservation(*(part[0, 0, 1:-1, 1:-1].numpy() for part in pictures))
    loss = losses.edge_loss(*(part.float() / 255 for part in pictures))
    assert loss.item() == pytest.approx(1 - metric, abs=0.08)


def test_the_level_is_the_visible_one_where_thermal_says_nothing() -> None:
    assert losses.level_loss(flat(0.4), flat(0.4), flat(0.9)).item() == pytest.approx(0, abs=1e-5)
    assert losses.level_loss(flat(0.6), flat(0.4), flat(0.9)).item() == pytest.approx(0.2 / 0.6, rel=1e-3)
    # In the dark as many grey levels are a thicker veil.
    assert losses.level_loss(flat(0.3), flat(0.1), flat(0.9)).item() == pytest.approx(0.2 / 0.3, rel=1e-3)


def test_the_level_of_what_is_warm_is_the_brighter_one() -> None:
    thermal = torch.full((1, 1, 96, 96), 0.1)
    thermal[..., 24:72, 24:72] = 0.9
    visible = torch.full_like(thermal, 0.3)
    warm = slice(36, 60)
    fused = visible.clone()
    fused.requires_grad_()
    losses.level_loss(fused, visible, thermal).backward()
    assert fused.grad is not None
    assert (fused.grad[..., warm, warm] < 0).all()
    assert fused.grad[..., :12, :12].abs().max() == 0


def test_the_sum_of_sources_has_the_best_difference_correlations() -> None:
    visible, thermal = 0.5 * noise(1), 0.5 * noise(2)
    assert losses.difference_loss(visible + thermal, visible, thermal).item() == pytest.approx(0, abs=1e-4)
    # Brightness and contrast of both differences do not matter.
    brighter = visible + thermal + 0.1
    assert losses.difference_loss(brighter, visible, thermal).item() == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("loss", [losses.similarity_loss, losses.information_loss])
def test_equal_pictures_lose_nothing(loss) -> None:
    picture = noise(3)
    assert loss(picture, picture, picture).item() == pytest.approx(0, abs=2e-3)


def test_information_does_not_grow_with_contrast() -> None:
    """Uncapped, the visual information fidelity of an amplified picture is above 1."""
    picture = 0.3 + 0.2 * noise(4)
    amplified = picture + 0.8 * (picture - picture.mean())
    assert losses.information_loss(amplified, picture, picture) >= -1e-3


def test_the_order_of_the_sources_does_not_matter() -> None:
    fused, visible, thermal = noise(5), noise(6), noise(7)
    for loss in (
        losses.intensity_loss,
        losses.difference_loss,
        losses.similarity_loss,
        losses.information_loss,
    ):
        there, back = loss(fused, visible, thermal), loss(fused, thermal, visible)
        assert there.item() == pytest.approx(back.item(), rel=1e-5)


def test_overshoot_counts_beyond_the_room() -> None:
    assert losses.overshoot_loss(flat(0.5), flat(0.4), flat(0.6)) == 0
    assert losses.overshoot_loss(flat(0.9), flat(0.4), flat(0.6)).item() == pytest.approx(0.22, rel=1e-4)
    assert losses.overshoot_loss(flat(0.1), flat(0.4), flat(0.6)).item() == pytest.approx(0.28, rel=1e-4)


def test_what_moves_as_the_sources_do_does_not_flicker() -> None:
    before = noise(8)
    after = torch.roll(before, 2, dims=3)
    columns = (torch.arange(SIDE) - 2) % SIDE
    rows = torch.arange(SIDE)
    places = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1)[None]
    places = (2 * places + 1) / SIDE - 1
    still = (flat(0.5), flat(0.5))
    assert losses.temporal_loss((before, after), still, still, places).item() == pytest.approx(0, abs=1e-5)
    assert losses.temporal_loss((before, after + 0.1), still, still, places).item() == pytest.approx(
        0.1, rel=1e-3
    )
    # As much as the sources change is allowed.
    steps = (flat(0.5), flat(0.7))
    assert losses.temporal_loss((before, after + 0.1), still, steps, places) == 0


def test_every_loss_has_a_gradient_for_flat_pictures() -> None:
    """A black frame must not make the training fail."""
    for loss in (
        losses.intensity_loss,
        losses.gradient_loss,
        losses.difference_loss,
        losses.similarity_loss,
        losses.information_loss,
        losses.overshoot_loss,
        losses.coarse_loss,
        losses.edge_loss,
        losses.level_loss,
    ):
        fused = flat(0.4).requires_grad_()
        loss(fused, flat(0.0), flat(0.0)).backward()
        assert fused.grad is not None and torch.isfinite(fused.grad).all(), loss.__name__
