"""The lite network: any size, what a pixel depends on, and number formats."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from gifnet import loading, weights
from gifnet.errors import WeightsError
from gifnet.lite.bands import band_kernels, stronger
from gifnet.lite.config import CELL_PX
from gifnet.lite.exposure import brightness_of, expose
from gifnet.lite.model import GIFNetLite
from gifnet.model import GIFNet

FAR_PX = 320
"""Beyond what a pixel depends on: context of three levels, and cells cut at a border."""


def pictures(height: int, width: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """A smooth random pair [1, 1, H, W]."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.rand(2, 1, -(-height // 8) + 1, -(-width // 8) + 1, generator=random)
    smooth = F.interpolate(coarse, scale_factor=8, mode="bilinear")[..., :height, :width]
    return smooth[:1], smooth[1:]


@pytest.fixture(scope="module")
def lite() -> GIFNetLite:
    return loading.load_lite(precision="float32")


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (3, 5), (4, 4), (33, 31), (97, 130), (128, 96)])
def test_any_size_comes_out_as_it_went_in(lite: GIFNetLite, size: tuple[int, int]):
    visible, thermal = pictures(*size)
    fused = lite(visible, thermal)
    assert fused.shape == visible.shape
    assert fused.dtype == torch.float32
    assert torch.isfinite(fused).all()
    assert fused.min() >= 0
    assert fused.max() <= 1


def test_padding_does_not_change_what_lies_inside(lite: GIFNetLite):
    visible, thermal = pictures(64, 96)
    whole, cut = lite(visible, thermal), lite(visible[..., :63, :93], thermal[..., :63, :93])
    assert torch.allclose(whole[..., :30, :60], cut[..., :30, :60], atol=0.05)


def test_pictures_of_a_batch_do_not_touch_each_other(lite: GIFNetLite):
    one, two = pictures(40, 52, 1), pictures(40, 52, 2)
    both = lite(torch.cat([one[0], two[0]]), torch.cat([one[1], two[1]]))
    assert torch.allclose(both[:1], lite(*one), atol=1e-5)
    assert torch.allclose(both[1:], lite(*two), atol=1e-5)


def test_the_same_pictures_give_the_same_bits(lite: GIFNetLite):
    pair = pictures(72, 80)
    assert torch.equal(lite(*pair), lite(*pair))


def test_what_lies_far_away_changes_nothing_but_the_brightness_of_all(lite: GIFNetLite):
    """With the exposure held, a lamp at one end must not move the other end by a single bit."""
    visible, thermal = pictures(64, 960)
    lamp = visible.clone()
    lamp[..., -200:] = 1
    held = brightness_of(visible, thermal)
    before, after = (expose(lite.fuse(each, thermal)[0], held) for each in (visible, lamp))
    assert torch.equal(before, lite(visible, thermal))
    assert not torch.equal(before[..., -200:], after[..., -200:])
    reach = 960 - 200 - FAR_PX
    assert torch.equal(before[..., :reach], after[..., :reach])


def test_single_pictures_are_exposed_by_their_own_brightness(lite: GIFNetLite):
    """The form that the figures of quality were measured with, for each picture of a batch."""
    one, other = pictures(40, 52, 1), pictures(40, 52, 2)
    visible, thermal = torch.cat([one[0], other[0] / 4]), torch.cat([one[1], other[1] / 4])
    fused = lite(visible, thermal)
    for row in range(2):
        mixed = lite.fuse(visible[row : row + 1], thermal[row : row + 1])[0]
        brightness = float(visible[row].mean() + thermal[row].mean()) / 2
        wanted = 1.2 * (mixed - 0.5) + 0.5 + 0.5 * (0.42 - brightness)
        torch.testing.assert_close(fused[row : row + 1], wanted.clamp(0, 1), rtol=0, atol=1e-5)


def test_pictures_for_videos_come_as_they_are_mixed():
    network = loading.load_lite(precision="float32")
    network.exposes = False
    pair = pictures(40, 52)
    assert torch.equal(network(*pair), network.fuse(*pair)[0])


def test_bfloat16_is_close_to_float32(lite: GIFNetLite):
    """45 dB, the same bound that the full network keeps."""
    pair = pictures(96, 128)
    half = loading.load_lite(precision="bfloat16")
    assert half.precision == "bfloat16"
    error = (half(*pair) - lite(*pair)).square().mean()
    assert float(-10 * torch.log10(error)) > 45


def test_equal_pictures_keep_their_structure(lite: GIFNetLite):
    """The fused picture equals both sources where these are equal."""
    visible, _ = pictures(96, 96)
    fused = lite(visible, visible)
    both = torch.stack([visible.flatten(), fused.flatten()])
    assert torch.corrcoef(both)[0, 1] > 0.95


def test_pictures_of_two_sizes_are_refused(lite: GIFNetLite):
    with pytest.raises(ValueError, match=r"one shape .*got visible \(1, 1, 8, 8\)"):
        lite(torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 9))


def test_it_is_small():
    assert weights.PACKAGED_LITE.stat().st_size < 1_000_000
    assert weights.read(weights.PACKAGED_LITE).kind == "lite"


def test_weights_of_the_other_network_are_refused():
    with pytest.raises(WeightsError, match="weights of the full network, and the lite one is to run"):
        loading.load_lite(weights.PACKAGED)
    with pytest.raises(WeightsError, match="take --model lite, or other --weights"):
        loading.load(weights.PACKAGED_LITE)


def test_either_network_is_opened_by_its_kind():
    assert isinstance(loading.load_network("lite", "default", "cpu", "float32"), GIFNetLite)
    assert isinstance(loading.load_network("full", "default", "cpu", "float32"), GIFNet)


def test_details_of_a_plane_are_nothing():
    """A ramp has no details; the filters are exact for it away from the border."""
    ramp = torch.arange(64.0)[None, None, None].expand(1, 1, 64, 64) / 64
    cells = F.pixel_unshuffle(ramp.contiguous(), CELL_PX)
    details = F.conv2d(cells, band_kernels())
    assert details.abs().max() < 1e-6


def test_a_fine_detail_is_what_the_mean_of_four_lacks():
    picture = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(5))
    smooth = F.interpolate(F.avg_pool2d(picture, 2), scale_factor=2, mode="bilinear")
    details = F.conv2d(F.pixel_unshuffle(picture, CELL_PX), band_kernels()[:16])
    expected = (picture - smooth)[..., CELL_PX:-CELL_PX, CELL_PX:-CELL_PX]
    assert torch.allclose(F.pixel_shuffle(details, CELL_PX), expected, atol=1e-6)


def test_the_stronger_detail_wins_with_its_sign():
    found = stronger(torch.tensor([0.2, -0.01, 0.0]), torch.tensor([-0.01, -0.3, 0.0]), 1e-5)
    assert torch.allclose(found, torch.tensor([0.2, -0.3, 0.0]), atol=1e-2)
