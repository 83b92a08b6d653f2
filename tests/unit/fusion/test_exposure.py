"""Exposure of lite's videos: slow, at once at a cut, and the same on every path."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gifnet.lite.exposure import brightness_of, expose
from gifnet.lite.model import GIFNetLite
from gifnet.lite.strips import StripedLite
from gifnet.loading import load_lite
from stream.config import FuseSettings, FusionSettings
from stream.config.many.pairs import SharingSettings
from stream.device.context import HostContext
from stream.frame import Frame, FramePair
from stream.fusion.devices import Devices
from stream.fusion.exposure import KEPT, ExposedVideo
from stream.fusion.fuser import Fuser
from stream.fusion.model_choice import open_network
from stream.fusion.shared.devices import SharedDevices
from stream.runtime.clock import SystemClock
from stream.runtime.stage_times import StageTimes
from tests.helpers.clock import HandClock
from tests.helpers.cuda_stub import StubContext, install

LEVEL = 1 / 255


def mean(visible: Tensor, thermal: Tensor) -> Tensor:
    return (visible + thermal) / 2


def scene(seed: int = 0, size: tuple[int, int] = (96, 160)) -> tuple[Tensor, Tensor]:
    """A dim pair [1, 1, H, W]."""
    visible, thermal = 0.4 * torch.rand(2, 1, 1, *size, generator=torch.Generator().manual_seed(seed))
    return visible, thermal


def with_lamp(visible: Tensor) -> Tensor:
    """Its right fifth is white."""
    lit = visible.clone()
    lit[..., -visible.shape[-1] // 5 :] = 1
    return lit


def alone(visible: Tensor, thermal: Tensor) -> Tensor:
    """The picture of `mean`, exposed by itself."""
    return expose(mean(visible, thermal), brightness_of(visible, thermal))


def test_the_first_frame_goes_by_its_own_brightness() -> None:
    pair = scene()
    torch.testing.assert_close(ExposedVideo(mean)(*pair), alone(*pair))


def test_a_lamp_for_one_frame_moves_what_is_far_away_by_less_than_a_level() -> None:
    """By itself the picture with the lamp would be 10 levels darker there."""
    visible, thermal = scene()
    video, lit = ExposedVideo(mean), with_lamp(visible)
    before, during, after = (video(each, thermal)[..., :100] for each in (visible, lit, visible))
    assert (alone(lit, thermal)[..., :100].mean() - before.mean()).abs() > 9 * LEVEL
    assert 0 < (during - before).abs().max() < LEVEL
    assert (after - before).abs().max() < LEVEL


def test_a_lamp_that_stays_is_followed_within_seconds_and_without_a_step() -> None:
    visible, thermal = scene()
    video, lit = ExposedVideo(mean), with_lamp(visible)
    far = [
        video(visible, thermal)[..., :100].mean(),
        *(video(lit, thermal)[..., :100].mean() for _ in range(150)),
    ]
    steps = torch.stack(far).diff().abs()
    assert steps.max() < LEVEL
    assert (far[-1] - alone(lit, thermal)[..., :100].mean()).abs() < LEVEL / 10
    # A first-order recursion: 1/e of the way is left after a second at 25 frames/s.
    left = (far[25] - far[-1]) / (far[0] - far[-1])
    assert left.item() == pytest.approx(KEPT**25, abs=0.01)


@pytest.mark.parametrize("side", [0, 1])
def test_a_cut_in_either_camera_is_followed_at_once(side: int) -> None:
    pair, video = list(scene()), ExposedVideo(mean)
    video(*pair)
    pair[side] = 0.5 + scene(seed=1)[side]
    torch.testing.assert_close(video(*pair), alone(*pair))


def test_frames_of_another_size_begin_anew() -> None:
    video, small = ExposedVideo(mean), scene(size=(48, 64))
    video(*(each + 0.1 for each in scene()))
    torch.testing.assert_close(video(*small), alone(*small))


def test_a_batch_is_exposed_as_its_frames_one_by_one() -> None:
    visible, thermal = scene()
    frames = torch.cat([visible, with_lamp(visible), visible, 1 - visible])
    video, batched = ExposedVideo(mean), ExposedVideo(mean)
    each = [video(frame[None], thermal) for frame in frames]
    torch.testing.assert_close(batched(frames, thermal.expand_as(frames)), torch.cat(each))


def pairs_with_lamp() -> list[FramePair]:
    """Eight frames of 64 x 96 pixels, the last four with a lamp at the right."""
    visible, thermal = ((255 * each[0, 0]).round().to(torch.uint8) for each in scene(size=(64, 96)))
    made = []
    for index in range(8):
        grey = visible.clone()
        if index >= 4:
            grey[:, -19:] = 255
        times = Fraction(index, 25), 0.0
        seen = Frame(np.repeat(grey.numpy()[..., None], 3, axis=2), "rgb24", times[0], "exact", index)
        warm = Frame(thermal.numpy().copy(), "gray8", times[0], "exact", index)
        made.append(FramePair(seen, warm, *times))
    return made


def fuser(context: Any, devices: Devices | None = None, batch: int = 1) -> Fuser:
    """Of lite without levels and smoothing."""
    fusion = {"model": "lite", "precision": "float32", "batch": batch, "level": 0, "steady": 0}
    settings = FuseSettings.model_validate(
        {"visible": {"uri": "a"}, "thermal": {"uri": "b"}, "fusion": fusion, "gain": {"method": "none"}}
    )
    return Fuser(settings, None, None, context, StageTimes(HandClock()), devices=devices)


def fused(devices: Devices | None = None, batch: int = 1) -> np.ndarray:
    """Red of the frames."""
    by = fuser(HostContext(), devices, batch)
    frames = [frame.pixels[..., 0].copy() for made in by.fuse(pairs_with_lamp()) for frame in made.result()]
    by.close()
    return np.stack(frames).astype(int)


def test_runs_expose_alike_one_by_one_by_batches_and_by_a_shared_network() -> None:
    one = fused()
    video = ExposedVideo(as_mixed())
    for pair, frame in zip(pairs_with_lamp(), one, strict=True):
        inputs = [torch.from_numpy(each)[None, None] / 255 for each in _planes(pair)]
        with torch.inference_mode():
            wanted = (255 * video(*inputs)[0, 0]).round().numpy()
        # Colour planes of whole numbers between, and luma that is rounded before the network.
        assert np.abs(frame - wanted).max() <= 3
    far = one[:, :, :40]
    assert np.abs(far[4:] - far[:1]).max() <= 4 and not np.array_equal(far[7], far[0])
    sharing = SharedDevices(SharingSettings(), 1, SystemClock())
    assert np.abs(fused(batch=4) - one).max() <= 1
    assert np.abs(fused(sharing) - one).max() <= 1


def test_a_captured_step_begins_with_the_brightness_of_its_first_frame(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And not with that of the black pictures that the capture was warmed up with."""
    install(monkeypatch)
    by = fuser(StubContext())
    by.submit(pairs_with_lamp()[:1]).result()
    assert by._planner._step is not None
    video = by._planner._step._network
    assert isinstance(video, ExposedVideo) and bool((video._samples == -1).all())
    by.close()


def as_mixed() -> GIFNetLite:
    network = load_lite(precision="float32")
    network.exposes = False
    return network


def _planes(pair: FramePair) -> tuple[np.ndarray, np.ndarray]:
    visible = pair.visible.pixels
    return visible[..., 0].astype(np.float32), pair.thermal.pixels.astype(np.float32)


def test_networks_of_runs_leave_the_exposure_to_the_video() -> None:
    network = open_network(FusionSettings(model="lite", precision="float32"), HostContext())
    assert isinstance(network, StripedLite) and not network.exposes
    network.close()
