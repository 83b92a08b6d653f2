"""Training of the lite network: exact resume, export, and each loss on its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from gifnet import weights
from gifnet.errors import TrainingError
from gifnet.lite.model import GIFNetLite
from gifnet.model import GIFNet
from gifnet.train import checkpoint as checkpoints
from gifnet.train import picture_losses as losses
from gifnet.train.config import LiteSettings, validate
from gifnet.train.degrade import degrade
from gifnet.train.export import export
from gifnet.train.lite import distances_from, picture_parts, temporal_loss, unsteadiness
from gifnet.train.loop import train
from gifnet.train.moments import MovingCrop, PictureCrops
from gifnet.train.pairs import load_pairs
from tests.helpers.media import write_video


@pytest.fixture
def lite(pairs: Path, tmp_path: Path) -> LiteSettings:
    """Two iterations on crops of 48 pixels."""
    values = {"network": "lite", "data": [pairs], "output": tmp_path / "run", "crop_px": 48, "batch": 1}
    settings = validate(values | {"iterations": 2, "device": "cpu", "log_every": 1}, "the test")
    assert isinstance(settings, LiteSettings)
    return settings


def final(settings: LiteSettings) -> checkpoints.Checkpoint:
    return checkpoints.load(checkpoints.latest(settings.output))


def test_resumed_equals_uninterrupted(lite: LiteSettings, tmp_path: Path):
    train(lite)
    parts = lite.model_copy(update={"output": tmp_path / "parts"})
    assert train(parts, stopping=lambda: True).stopped
    torch.manual_seed(77)
    train(parts, resume=True)
    one, two = final(lite), final(parts)
    assert one.iteration == two.iteration == 2
    assert all(torch.equal(value, two.model[name]) for name, value in one.model.items())
    assert all(torch.equal(value, two.average[name]) for name, value in one.average.items())


def test_a_finished_run_becomes_weights_and_a_card(lite: LiteSettings, tmp_path: Path):
    settings = lite.model_copy(update={"held_out": ("yard",), "validate_every": 1})
    train(settings)
    path = tmp_path / "out" / "lite.safetensors"
    card = export(settings.output, path, "gifnet train --network lite")
    state = weights.read(path)
    assert (card.name, state.kind) == ("LITE_CARD.md", "lite")
    assert "SCD" in card.read_text(encoding="utf-8")
    weights.load_into(GIFNetLite(), state)


def test_a_teacher_adds_its_loss(lite: LiteSettings, tmp_path: Path):
    torch.manual_seed(1)
    weights.save(tmp_path / "full.safetensors", GIFNet(), {})
    distil = {"weights": str(tmp_path / "full.safetensors"), "every": 2, "crops": 1}
    values = lite.model_dump() | {"distil": distil}
    settings = validate(values, "the test")
    seen: list[dict[str, float]] = []
    train(settings, report=lambda iteration, parts: seen.append(parts))
    for name in ("distil", "structure", "contrast"):
        assert [name in parts for parts in seen] == [True, False]
    card = export(lite.output, tmp_path / "out" / "lite.safetensors", "gifnet train").read_text()
    assert '"weights": "full.safetensors"' in card and str(tmp_path) not in card, "places stay private"


def test_a_pale_copy_has_the_structure_and_not_the_contrast():
    taught = torch.rand(1, 1, 48, 48, generator=torch.Generator().manual_seed(3))
    same, pale = distances_from(taught, taught), distances_from(0.4 + 0.5 * taught, taught)
    assert [float(same[name]) for name in ("distil", "contrast")] == [0, 0]
    assert float(same["structure"]) == pytest.approx(float(pale["structure"]), abs=0.01)
    assert float(pale["contrast"]) == pytest.approx(0.693, abs=0.01)  # log 2
    assert float(distances_from(1 - taught, taught)["structure"]) == pytest.approx(2, abs=0.01)


def test_distances_from_a_flat_picture_have_gradients():
    fused = torch.full((1, 1, 48, 48), 0.3, requires_grad=True)
    torch.stack(list(distances_from(fused, torch.full((1, 1, 48, 48), 0.5)).values())).sum().backward()
    assert torch.isfinite(fused.grad).all()


def test_it_begins_with_named_weights(lite: LiteSettings):
    settings = lite.model_copy(update={"start": "default", "learning_rate": 1e-12, "average": 0.0})
    train(settings)
    packaged = weights.read(weights.PACKAGED_LITE).tensors
    trained = final(settings).model
    assert all(torch.allclose(value, trained[name], atol=1e-9) for name, value in packaged.items())


def test_levelled_losses_look_at_the_picture_after_level():
    """A sky that thermal shows cold is set right by `level`, so that its loss is smaller."""
    visible, thermal = torch.full((1, 1, 64, 64), 0.9), torch.full((1, 1, 64, 64), 0.5)
    thermal[..., 32:, :] = 0.9
    fused = 0.5 * (visible + thermal)
    plain, levelled = (picture_parts(fused, visible, thermal, is_on) for is_on in (False, True))
    assert levelled["intensity"] < 0.9 * plain["intensity"]


def test_the_teacher_is_levelled_too(lite: LiteSettings):
    distil = {"weights": "default", "every": 2, "crops": 1}
    settings = validate(lite.model_dump() | {"distil": distil, "levelled": True}, "the test")
    seen: list[dict[str, float]] = []
    train(settings, report=lambda iteration, parts: seen.append(parts))
    assert ["distil" in parts for parts in seen] == [True, False]


def test_clips_add_the_temporal_loss(lite: LiteSettings, tmp_path: Path):
    random = np.random.default_rng(0)
    frames = [random.integers(0, 256, (64, 64, 3), np.uint8) for _ in range(4)]
    (tmp_path / "clips").mkdir()
    for side in ("visible", "thermal"):
        write_video(tmp_path / "clips" / f"walk_{side}.mp4", frames)
    settings = lite.model_copy(update={"data": (*lite.data, tmp_path / "clips"), "clip_step": 2})
    seen: list[dict[str, float]] = []
    train(settings, report=lambda iteration, parts: seen.append(parts))
    assert all("temporal" in parts for parts in seen)


def test_a_loss_that_is_not_finite_stops_before_the_step(lite: LiteSettings):
    with pytest.raises(TrainingError, match="the loss is nan; lower learning_rate"):
        train(lite.model_copy(update={"learning_rate": 1e30, "clip_norm": None, "iterations": 20}))


def sources() -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(2)
    return tuple(torch.rand(2, 1, 1, 64, 64, generator=random).unbind())  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("loss", "lowest"),
    [
        (losses.intensity_loss, 0.0),
        (losses.gradient_loss, 0.0),
        (losses.similarity_loss, 0.0),
        (losses.information_loss, 0.0),
    ],
)
def test_a_picture_equal_to_both_sources_costs_nothing(loss, lowest: float):
    visible, _ = sources()
    assert float(loss(visible, visible, visible)) == pytest.approx(lowest, abs=1e-2)
    assert float(loss(1 - visible, visible, visible)) > 0.05


def test_the_sum_of_both_sources_has_no_difference_loss():
    visible, thermal = sources()
    assert float(losses.difference_loss(visible + thermal, visible, thermal)) == pytest.approx(0, abs=1e-3)


def test_amplified_noise_does_not_pay():
    visible, thermal = sources()
    once = losses.information_loss(visible, visible, thermal)
    twice = losses.information_loss(2 * visible, visible, thermal)
    assert float(twice) >= float(once) - 1e-3


def test_gradients_of_the_losses_are_finite_on_flat_pictures():
    flat = torch.full((1, 1, 64, 64), 0.5)
    fused = flat.clone().requires_grad_()
    terms = (losses.difference_loss, losses.similarity_loss, losses.information_loss, losses.gradient_loss)
    sum(loss(fused, flat, flat) for loss in terms).backward()
    assert torch.isfinite(fused.grad).all()


def test_a_mixture_that_is_the_same_everywhere_is_steady():
    coefficients = torch.ones(1, 9 * 16, 4, 5)
    assert unsteadiness(coefficients) == 0
    coefficients[:, 40] = torch.rand(4, 5)  # a detail may change
    assert unsteadiness(coefficients) == 0
    coefficients[:, 0, 0, 0] = 2
    assert unsteadiness(coefficients) > 0


def test_a_still_picture_does_not_flicker():
    visible, thermal = sources()
    side = torch.linspace(-1 + 1 / 64, 1 - 1 / 64, 64)
    rows, columns = torch.meshgrid(side, side, indexing="ij")
    places = torch.stack([columns, rows], dim=-1)[None]
    moving = MovingCrop((visible, visible), (thermal, thermal), places)
    assert temporal_loss(GIFNetLite(), moving).item() == pytest.approx(0, abs=1e-6)


def test_bright_crops_are_the_others_made_brighter(lite: LiteSettings):
    pairs = load_pairs(lite.data)
    plain = PictureCrops(pairs, [], lite).crop(3)
    bright = PictureCrops(pairs, [], lite.model_copy(update={"bright_share": 1.0})).crop(3)
    for before, after in zip(plain, bright, strict=True):
        inside = (before > 0) & (before < 1)
        gamma = np.log(after[inside]) / np.log(before[inside])
        assert inside.any()
        assert np.allclose(gamma, gamma[0], atol=1e-3)
        assert 0.4 <= gamma[0] <= 0.8


def test_degraded_pictures_are_pictures_and_repeat():
    picture = np.random.default_rng(1).random((64, 64), np.float32)
    for seed in range(40):
        one, two = (degrade(picture, np.random.default_rng(seed), seed % 2 == 0) for _ in range(2))
        assert np.array_equal(one, two)
        assert one.dtype == np.float32
        assert 0 <= one.min() <= one.max() <= 1
