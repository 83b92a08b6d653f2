"""Features: shapes, agreement at every shift, and what does not matter to them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gifnet.errors import WeightsError
from gifnet.features import CHANNELS, FeaturePair, agreement, chances, fast, load_features, normalised


def test_agreement_is_the_sum_of_products_at_each_shift() -> None:
    torch.manual_seed(0)
    seen, moved = torch.randn(2, 3, 5, 6), torch.randn(2, 3, 9, 10)
    sums, variance = agreement(seen, moved)
    assert sums.shape == variance.shape == (2, 5, 5)
    for row, column in ((0, 0), (4, 2), (3, 4)):
        cut = moved[:, :, row : row + 5, column : column + 6]
        assert torch.allclose(sums[:, row, column], (cut * seen).sum((1, 2, 3)), atol=1e-4)
        power = (cut.square().sum(1) * seen.square().sum(1)).sum((1, 2)) / 3
        assert torch.allclose(variance[:, row, column], power, atol=1e-4)


def test_independent_features_agree_as_chance_does() -> None:
    torch.manual_seed(1)
    sums, variance = agreement(torch.randn(20, 8, 24, 24), torch.randn(20, 8, 40, 40))
    assert chances(sums, variance, 24**2).std().item() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(("height", "width"), [(64, 80), (33, 47), (4, 5)])
def test_every_pixel_gets_features(height: int, width: int) -> None:
    made = load_features().thermal(torch.rand(2, 1, height, width))
    assert made.shape == (2, CHANNELS, height, width)
    assert made.isfinite().all() and made.abs().max() <= 1


def test_gain_and_offset_do_not_matter() -> None:
    picture = torch.rand(1, 1, 40, 40)
    assert torch.allclose(normalised(picture), normalised(40 + 300 * picture), atol=1e-2)


def test_a_piece_is_found_in_the_other_picture_whichever_is_bright() -> None:
    torch.manual_seed(2)
    smooth = torch.nn.functional.interpolate(torch.rand(1, 1, 12, 12), (96, 96), mode="bicubic")
    features = load_features()
    seen = features.visible(smooth)[..., 24:72, 24:72]
    for thermal in (smooth, 1 - smooth):
        sums, variance = agreement(seen, features.thermal(thermal))
        surface = chances(sums, variance, 48**2)[0]
        assert divmod(int(surface.argmax()), surface.shape[1]) == (24, 24)
        assert surface.max() > 5


def test_lengths_that_are_quick_to_transform() -> None:
    assert [fast(length) for length in (1, 7, 11, 97, 121)] == [1, 8, 12, 100, 125]


def test_damaged_features_are_refused(tmp_path: Path) -> None:
    broken = tmp_path / "features.safetensors"
    broken.write_bytes(b"not a weight file")
    with pytest.raises(WeightsError, match="cannot be read"):
        load_features(broken)
    with pytest.raises(WeightsError, match="cannot be read"):
        load_features(tmp_path / "missing.safetensors")


def test_the_packaged_features_are_few() -> None:
    assert sum(value.numel() for value in FeaturePair().parameters()) < 62_000
