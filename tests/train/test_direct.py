"""Training of the inference path: exact resume, what moves, refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from gifnet import weights
from gifnet.errors import TrainingError, WeightsError
from gifnet.model import GIFNet
from gifnet.train import checkpoint as checkpoints
from gifnet.train.config import DirectSettings, validate
from gifnet.train.direct import DirectTraining, mixture_parts
from gifnet.train.export import export
from gifnet.train.loop import train
from gifnet.train.mixed import MixedCrops
from gifnet.train.moments import PictureCrops
from gifnet.train.pairs import load_pairs

CPU = torch.device("cpu")


@pytest.fixture
def direct(pairs: Path, tmp_path: Path) -> DirectSettings:
    """Three iterations, the last of them with two moments."""
    values = {"network": "direct", "data": [pairs], "output": tmp_path / "run", "crop_px": 48, "batch": 2}
    values |= {"iterations": 3, "precision": "float32", "device": "cpu", "log_every": 1}
    settings = validate(values, "the test")
    assert isinstance(settings, DirectSettings)
    return settings


def crops(settings: DirectSettings) -> MixedCrops:
    return MixedCrops(PictureCrops(load_pairs(settings.data), [], settings), settings)


def test_resumed_equals_uninterrupted(direct: DirectSettings, tmp_path: Path) -> None:
    train(direct)
    parts = direct.model_copy(update={"output": tmp_path / "parts"})
    assert train(parts, stopping=lambda: True).stopped
    torch.manual_seed(77)
    train(parts, resume=True)
    one, two = (checkpoints.load(checkpoints.latest(run.output)) for run in (direct, parts))
    for name, value in one.model.items():
        assert torch.equal(value, two.model[name]), name
        assert torch.equal(one.average[name], two.average[name]), name


def test_it_begins_with_the_packaged_weights_and_exports_what_loads(
    direct: DirectSettings, tmp_path: Path
) -> None:
    training = DirectTraining(direct, CPU)
    model, _ = training.begin()
    packaged = weights.read(weights.PACKAGED).tensors
    assert torch.equal(model.state_dict()["encoder.layers.0.weight"], packaged["encoder.layers.0.weight"])
    train(direct.model_copy(update={"iterations": 1}))
    card = export(direct.output, tmp_path / "mine.safetensors", "gifnet train").read_text()
    exported = GIFNet()
    weights.load_into(exported, weights.read(tmp_path / "mine.safetensors"))
    assert not exported.uses_auxiliary
    assert "losses of the fused picture" in card


def test_without_the_auxiliary_side_only_the_main_path_moves(direct: DirectSettings) -> None:
    training = DirectTraining(direct.model_copy(update={"start": "random"}), CPU)
    model, _ = training.begin()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    training.step(0, 1e-3)
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert not any("multi-modal" in name or name.startswith("reconstruction") for name in changed)
    assert "interaction.blocks.0.sides.multi-focus.gate" not in changed
    assert {"encoder.layers.0.weight", "decoder.reduce.weight"} <= changed


def test_with_it_the_gate_moves_too(direct: DirectSettings) -> None:
    training = DirectTraining(direct.model_copy(update={"start": "random", "auxiliary": True}), CPU)
    model, _ = training.begin()
    gate = model.state_dict()["interaction.blocks.0.sides.multi-focus.gate"].clone()
    training.step(0, 1e-3)
    assert not torch.equal(model.state_dict()["interaction.blocks.0.sides.multi-focus.gate"], gate)


def test_a_closed_gate_leaves_the_other_side_out_exactly() -> None:
    model = GIFNet().eval()
    visible, thermal = torch.rand(2, 1, 1, 21, 30)
    with torch.no_grad():
        model.interaction.blocks[0].sides["multi-focus"].gate.zero_()
        features = model.encode(visible, thermal)
        whole = model.decode(features, model.interact(features, features))
        assert not model.uses_auxiliary
        assert torch.equal(model(visible, thermal), whole)


def test_crops_of_every_task_are_drawn_and_sharp_ones_are_met(direct: DirectSettings) -> None:
    many = direct.model_copy(update={"batch": 60, "multifocus_share": 0.3})
    batch = crops(many).batch(0)
    share = batch.is_focus.float().mean().item()
    assert 0.1 < share < 0.5
    sharp = batch.sharp[batch.is_focus]
    # A multi-focus pair is sharp on one side of a mask each; the mean of both is the blurred mean.
    best = torch.minimum(
        (batch.first[batch.is_focus] - sharp).abs(), (batch.second[batch.is_focus] - sharp).abs()
    )
    assert best.mean() < 0.01
    parts = mixture_parts(batch.sharp, batch, many)
    assert parts["focus"].item() == pytest.approx(0, abs=2e-3)


def test_known_motion_brings_a_still_pair_into_register(direct: DirectSettings) -> None:
    moment = crops(direct)._shifted(4)
    before, after = moment.visible
    back = torch.nn.functional.grid_sample(before, moment.places, align_corners=False)
    assert (back - after).abs().mean() < 0.05
    assert moment.places.abs().max() <= 1


def test_a_loss_that_is_not_finite_names_the_last_good_checkpoint(
    direct: DirectSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(direct.model_copy(update={"iterations": 1}))
    monkeypatch.setattr(
        DirectTraining, "_fuse", lambda *_: torch.full((2, 1, 48, 48), float("nan"), requires_grad=True)
    )
    with pytest.raises(TrainingError, match=r"the loss is nan; lower .*good checkpoint is .*_0000001\.pt"):
        train(direct, resume=True)
    kept = checkpoints.load(checkpoints.latest(direct.output))
    assert kept.iteration == 1 and all(bool(torch.isfinite(value).all()) for value in kept.model.values())


def test_weights_that_are_not_there_are_one_sentence(direct: DirectSettings) -> None:
    with pytest.raises(WeightsError, match="no weights file nothing"):
        train(direct.model_copy(update={"start": "nothing.safetensors"}))


def test_crops_depend_on_seed_and_number_alone(direct: DirectSettings) -> None:
    one, two = crops(direct).batch(5), crops(direct).batch(5)
    other = crops(direct.model_copy(update={"seed": 8})).batch(5)
    assert torch.equal(one.first, two.first) and not torch.equal(one.first, other.first)
    assert np.isfinite(one.second.numpy()).all()
