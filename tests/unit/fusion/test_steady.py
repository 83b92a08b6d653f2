"""Averaging of still places over time: by how much, where not, and what it must not mix."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from stream.config import FuseSettings
from stream.device.context import HostContext
from stream.frame import Frame, FramePair
from stream.fusion.fuser import Fuser
from stream.fusion.steady import SteadyNetwork, stillness
from stream.runtime.stage_times import StageTimes
from tests.helpers.clock import HandClock


def noisy_mean(visible: Tensor, thermal: Tensor) -> Tensor:
    """A network whose picture of equal sources is never twice the same."""
    return (visible + thermal).float() / 2 + 0.02 * torch.randn(visible.shape)


def flat(value: float, batch: int = 1, size: tuple[int, int] = (48, 64)) -> Tensor:
    return torch.full((batch, 1, *size), value)


def first(visible: Tensor, thermal: Tensor) -> Tensor:
    return visible.float()


def test_noise_of_a_still_scene_falls_as_the_formula_says() -> None:
    torch.manual_seed(1)
    steady = SteadyNetwork(noisy_mean, 0.6)
    frames = [steady(flat(0.5), flat(0.5)) for _ in range(40)][20:]
    # Differences of a first-order recursion: variance 2 (1 - k)^2 / (1 + k) of the noise's.
    change = torch.stack([later - now for now, later in pairwise(frames)]).std()
    assert change.item() == pytest.approx(0.02 * (2 * 0.4**2 / 1.6) ** 0.5, rel=0.05)
    assert torch.stack(frames).mean().item() == pytest.approx(0.5, abs=1e-3)


def test_what_moves_leaves_no_trail() -> None:
    steady = SteadyNetwork(first, 0.9)
    for left in range(0, 40, 4):
        visible = flat(0.3)
        visible[..., 16:32, left : left + 16] = 0.8
        fused = steady(visible, flat(0.5))
    torch.testing.assert_close(fused, visible)


def test_what_moves_within_a_block_without_changing_its_mean_leaves_no_trail() -> None:
    steady = SteadyNetwork(first, 0.9)
    for left in (17, 18, 19, 20):
        visible = flat(0.3)
        visible[..., 18:22, left : left + 2] = 0.6
        fused = steady(visible, flat(0.5))
    torch.testing.assert_close(fused, visible)


def test_a_cut_stands_for_itself() -> None:
    steady = SteadyNetwork(first, 0.9)
    steady(flat(0.2), flat(0.5))
    assert torch.equal(steady(flat(0.7), flat(0.5)), flat(0.7))


def test_change_of_the_thermal_picture_alone_counts_too() -> None:
    steady = SteadyNetwork(lambda visible, thermal: thermal.clone(), 0.9)
    steady(flat(0.5), flat(0.2))
    assert torch.equal(steady(flat(0.5), flat(0.7)), flat(0.7))


def test_the_first_black_frame_and_another_size_stand_for_themselves() -> None:
    steady = SteadyNetwork(noisy_mean, 0.9)
    for size in ((48, 64), (53, 71), (48, 64)):
        torch.manual_seed(5)
        expected = noisy_mean(flat(0, size=size), flat(0, size=size))
        torch.manual_seed(5)
        torch.testing.assert_close(steady(flat(0, size=size), flat(0, size=size)), expected)


def test_after_forgetting_a_frame_stands_for_itself() -> None:
    steady = SteadyNetwork(noisy_mean, 0.9)
    steady(flat(0.5), flat(0.5))
    steady.forget()
    torch.manual_seed(5)
    expected = noisy_mean(flat(0.5), flat(0.5))
    torch.manual_seed(5)
    torch.testing.assert_close(steady(flat(0.5), flat(0.5)), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_batch_is_its_frames_one_by_one(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(3)
    still = torch.rand(1, 1, 48, 64, generator=generator)
    visible, thermal = (
        (still + 0.004 * torch.rand(4, 1, 48, 64, generator=generator)).to(dtype) for _ in "ab"
    )
    together, alone = SteadyNetwork(first, 0.5), SteadyNetwork(first, 0.5)
    apart = torch.cat([alone(visible[i : i + 1], thermal[i : i + 1]) for i in range(4)])
    batched = together(visible, thermal)
    assert torch.equal(batched, apart)
    assert not torch.equal(batched, visible.float())


def test_memory_stays_in_place_for_a_captured_step() -> None:
    steady = SteadyNetwork(first, 0.5)
    steady(flat(0.5), flat(0.5))
    places = steady._frame.data_ptr(), steady._cells.data_ptr()
    steady(flat(0.5), flat(0.5))
    assert places == (steady._frame.data_ptr(), steady._cells.data_ptr())


def test_stillness_falls_from_two_to_four_grey_levels() -> None:
    before = torch.full((1, 2, 8, 8), 0.5)
    for levels, expected in ((0, 1), (2, 1), (3, 0.5), (4, 0), (9, 0), (-3, 0.5)):
        got = stillness(before + levels / 255, before)
        torch.testing.assert_close(got, torch.full((1, 1, 2, 2), float(expected)), atol=1e-4, rtol=0)


def fused_video(steady: float, batch: int = 1) -> np.ndarray:
    """Luma of 12 frames of a still scene with noise of 3 grey levels, fused by no network."""
    settings = FuseSettings.model_validate(
        {
            "visible": {"uri": "a"},
            "thermal": {"uri": "b"},
            "fusion": {"model": "null", "steady": steady, "batch": batch},
            "gain": {"method": "fixed", "span_low": 0, "span_high": 255, "span_unit": "counts"},
        }
    )
    random = np.random.default_rng(4)
    scene = random.integers(40, 200, (48, 64, 1))
    by = Fuser(settings, None, None, HostContext(), StageTimes(HandClock()))
    pairs = []
    for index in range(12):
        noisy = np.clip(scene + random.normal(0, 3, scene.shape), 0, 255).astype(np.uint8)
        time_s = Fraction(index, 25)
        visible = Frame(np.repeat(noisy, 3, axis=2), "rgb24", time_s, "pts", index)
        thermal = Frame(np.full((48, 64), 90, np.uint8), "gray8", time_s, "pts", index)
        pairs.append(FramePair(visible, thermal, time_s, 0.0))
    frames = [frame for flight in list(by.fuse(pairs)) for frame in flight.result()]
    return np.stack([frame.pixels[..., 0] for frame in frames]).astype(float)


def test_a_fused_video_flickers_less_by_the_setting() -> None:
    plain, steady, batched = fused_video(0), fused_video(0.6), fused_video(0.6, batch=4)
    flicker = [np.abs(np.diff(video[4:], axis=0)).mean() for video in (plain, steady)]
    assert flicker[1] == pytest.approx(flicker[0] * (0.4**2 / 1.6) ** 0.5, rel=0.12)
    assert np.array_equal(steady, batched)
    assert np.array_equal(plain[0], steady[0])
