"""Options of joint training: contrast, levels, tasks that do not count, torchvision's detector."""

from __future__ import annotations

import sys

import pytest
import torch

from gifnet.errors import TrainingError
from gifnet.joint.config import JointSettings
from gifnet.joint.contrast import CoupledContrast
from gifnet.joint.tasks import start_perception
from gifnet.joint.training import Fuse, JointTraining
from gifnet.joint.validation import found_in
from gifnet.level import level
from gifnet.perception.backbone import Backbone
from gifnet.perception.config import DetectorConfig
from gifnet.train.config import validate

CPU = torch.device("cpu")


def begun(settings: JointSettings) -> JointTraining:
    training = JointTraining(settings, CPU)
    torch.manual_seed(0)
    training.begin()
    return training


def test_contrast_wants_each_part_as_in_its_own_source():
    torch.manual_seed(0)
    visible, thermal = torch.rand(1, 1, 64, 64) * 0.2 + 0.4, torch.zeros(1, 1, 64, 64)
    thermal[..., 20:40, 20:40] = 1.0
    loss = CoupledContrast().train()
    assert not loss.features.training
    right = torch.where(thermal > 0.5, thermal, visible)
    wrong = torch.where(thermal > 0.5, visible, thermal)
    assert loss(right, visible, thermal) < loss((visible + thermal) / 2, visible, thermal)
    assert loss((visible + thermal) / 2, visible, thermal) < loss(wrong, visible, thermal)
    fused = visible.clone().requires_grad_(True)
    loss(fused, visible, thermal).backward()
    assert fused.grad is not None and fused.grad.isfinite().all() and fused.grad.abs().max() > 0
    assert loss(visible, visible, visible).isfinite()


def test_contrast_counts_in_the_upper_level(tiny: JointSettings):
    small = tiny.model_copy(update={"joint": "segmentation", "batch": 1})
    plain, more = begun(small), begun(small.model_copy(update={"contrast": 1.0}))
    batches = plain._lower.batch(0), plain._upper.batch(0)
    assert more._upper_step(*batches)["visual upper"] > plain._upper_step(*batches)["visual upper"]


def test_a_task_without_weight_gives_no_gradient(tiny: JointSettings):
    """Visual weight 0: fusion learns from segmentation alone, as in Fuse4Seg."""
    weights = tiny.task_weights.model_copy(update={"visual": 0.0, "detection": 0.0})
    training = begun(tiny.model_copy(update={"task_weights": weights}))
    assert set(training._upper_step(training._lower.batch(0), training._upper.batch(0))) == {
        "segmentation upper"
    }
    none = {"task_weights": {"visual": 0, "detection": 0, "segmentation": 0}}
    with pytest.raises(TrainingError, match="one weight must be above 0"):
        validate(tiny.model_dump() | none, "the test")


def test_levelled_losses_see_what_videos_show(tiny: JointSettings):
    training = begun(tiny.model_copy(update={"levelled": True}))
    batch = training._lower.batch(0)
    network = training._fuse.network
    plain = Fuse(network, levelled=False)(batch.visible, batch.thermal)
    assert torch.equal(
        training._fuse(batch.visible, batch.thermal), level(plain, batch.visible, batch.thermal)
    )
    losses = training._upper_step(batch, training._upper.batch(0))
    assert all(value == value for value in losses.values())


def test_frozen_stages_stay_as_they_are():
    backbone = Backbone(DetectorConfig()).train()
    backbone.freeze(2)
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    sum(level.mean() for level in backbone(torch.rand(2, 3, 64, 64))).backward()
    after = backbone.state_dict()
    frozen = [name for name in before if name.startswith(("stem", "stages.0", "stages.1"))]
    assert all(torch.equal(before[name], after[name]) for name in frozen)
    assert all(part.grad is None for part in backbone.stages[1].parameters())
    assert any("running_mean" in name and not torch.equal(before[name], after[name]) for name in before)


def test_torchvision_is_named_where_it_is_missing(tiny: JointSettings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "torchvision.models.detection", None)
    chosen = tiny.model_copy(update={"detector": "torchvision"})
    with pytest.raises(TrainingError, match="needs torchvision, which is not installed"):
        start_perception(chosen)
    with pytest.raises(TrainingError, match="set detector_weights: random"):
        start_perception(chosen.model_copy(update={"detector_weights": "default"}))


def test_torchvision_sees_in_joint_training(tiny: JointSettings):
    pytest.importorskip("torchvision", reason="an option, for a GPU")
    training = begun(tiny.model_copy(update={"detector": "torchvision", "joint": "detection", "batch": 1}))
    losses = training.step(1, tiny.learning_rate)
    assert losses["detection lower"] > 0 and losses["detection upper"] > 0
    network = training._model.perception["detection"].eval()
    found = found_in(training._lower.batch(0).visible[:1], network)
    assert found.corners.shape[1] == 4 and len(found.scores) == len(found.classes)
