"""The shift of a whole picture between frames: found to a part of a pixel, none where the camera stands."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from stream.fusion import shift as module
from stream.fusion.shift import estimated_shift, moved
from stream.fusion.steady import SteadyNetwork

SCENE = cv2.GaussianBlur(np.random.default_rng(1).random((400, 520), np.float32), (0, 0), 4)
SCENE = (SCENE - SCENE.min()) / (SCENE.max() - SCENE.min())


def seen(x: float, y: float, noise: float = 0.0, seed: int = 0) -> Tensor:
    """Both sources, [1, 2, 120, 160], of a camera that looks at a place of a scene."""
    path = np.array([[1, 0, 150 + x], [0, 1, 120 + y]], np.float32)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    picture = torch.from_numpy(cv2.warpAffine(SCENE, path, (160, 120), flags=flags))
    sources = torch.stack([picture, 1 - picture / 2])[None]
    return sources + noise * torch.randn(sources.shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("step", [(1.5, 0.0), (-2.25, 0.75), (7.0, -4.5), (-0.5, 0.5)])
def test_a_pan_is_found_to_a_tenth_of_a_place(step: tuple[float, float]) -> None:
    found = estimated_shift(seen(*step, noise=0.005, seed=1), seen(0, 0, noise=0.005, seed=2))
    assert found.tolist() == pytest.approx(step, abs=0.1)


def test_noise_is_no_motion_of_the_camera() -> None:
    found = estimated_shift(seen(0, 0, noise=0.01, seed=1), seen(0, 0, noise=0.01, seed=2))
    assert found.tolist() == [0, 0]


def test_what_moves_by_itself_is_not_taken_for_the_camera() -> None:
    now, before = seen(0, 0, noise=0.005, seed=1), seen(0, 0, noise=0.005, seed=2)
    now[..., 30:100, 10:60], before[..., 30:100, 10:60] = (
        seen(x, 0)[..., 100 - 70 : 100, 100:150] for x in (3, 0)
    )
    assert estimated_shift(now, before).tolist() == [0, 0]


@pytest.mark.parametrize("value", [0.0, 0.5, -1.0])
def test_a_cut_and_a_flat_picture_give_a_number(value: float) -> None:
    flat = torch.full((1, 2, 120, 160), value)
    assert estimated_shift(flat, flat).tolist() == [0, 0]
    assert estimated_shift(seen(0, 0), flat).isfinite().all()


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (8, 8), (17, 33)])
def test_small_pictures_have_a_shift_too(size: tuple[int, int]) -> None:
    picture = torch.rand(1, 2, *size, generator=torch.Generator().manual_seed(1))
    assert estimated_shift(picture, picture).tolist() == [0, 0]
    assert moved(picture, torch.tensor([1.5, -0.5])).shape == picture.shape


@pytest.mark.parametrize("step", [(0.0, 0.0), (2.5, 0.0), (-3.25, 7.5), (0.03125, -12.0)])
def test_opencv_and_the_captured_form_move_alike(
    step: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    maps, shift = seen(0, 0), torch.tensor(step)
    by_opencv = moved(maps, shift)
    monkeypatch.setattr(module, "_by_opencv", lambda _: False)
    torch.testing.assert_close(by_opencv, moved(maps, shift), rtol=0, atol=1e-4)


def test_opencv_and_the_captured_form_find_the_same_shift(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = seen(2.5, -1.25, noise=0.005, seed=1), seen(0, 0, noise=0.005, seed=2)
    by_opencv = estimated_shift(*frames)
    monkeypatch.setattr(module, "_by_opencv", lambda _: False)
    torch.testing.assert_close(by_opencv, estimated_shift(*frames), rtol=0, atol=2 / 32)


def test_noise_under_a_panning_camera_falls_as_under_one_that_stands() -> None:
    def noise_left(pan: float, keep: float) -> float:
        steady = SteadyNetwork(lambda visible, thermal: visible.clone(), keep)
        for index in range(8):
            clean, noisy = (seen(pan * index, 0, noise, index)[:, :1] for noise in (0.0, 0.004))
            fused = steady(noisy, noisy)
        return float((fused - clean)[..., 8:-8, 8:-8].std())

    assert noise_left(0.0, 0.5) < 0.7 * noise_left(0.0, 0.0)
    assert noise_left(2.5, 0.5) < 0.75 * noise_left(2.5, 0.0)
