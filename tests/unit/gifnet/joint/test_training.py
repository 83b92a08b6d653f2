"""Joint training: two tasks pull at fusion, runs resume exactly, bad data end in a sentence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
import yaml
from click.testing import CliRunner

import gifnet
from gifnet.errors import TrainingError
from gifnet.joint.config import JointSettings
from gifnet.joint.data import load_splits
from gifnet.joint.tasks import Detection
from gifnet.joint.training import JointNetwork, JointTraining
from gifnet.perception.finder import load_detector
from gifnet.train import checkpoint as checkpoints
from gifnet.train import journal
from gifnet.train.config import validate
from gifnet.train.export import export
from gifnet.train.loop import train
from stream.cli.train import train as train_command

CPU = torch.device("cpu")


def begun(settings: JointSettings) -> tuple[JointTraining, JointNetwork]:
    training = JointTraining(settings, CPU)
    torch.manual_seed(0)
    model, _ = training.begin()
    assert isinstance(model, JointNetwork)
    return training, model


def parameters(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: part.detach().clone() for name, part in network.named_parameters()}


def test_each_level_moves_its_own_networks(tiny: JointSettings):
    training, model = begun(tiny)
    fusion, seeing = parameters(model.fusion), parameters(model.perception)
    training.step(0, tiny.learning_rate)
    lower = parameters(model.perception)
    assert all(torch.equal(part, fusion[name]) for name, part in model.fusion.named_parameters())
    assert any(not torch.equal(part, seeing[name]) for name, part in lower.items())
    losses = training._upper_step(training._lower.batch(1), training._upper.batch(1))
    assert set(losses) == {"visual upper", "detection upper", "segmentation upper"}
    assert all(torch.equal(part, lower[name]) for name, part in model.perception.named_parameters())
    assert any(not torch.equal(part, fusion[name]) for name, part in model.fusion.named_parameters())


def test_two_tasks_give_two_gradients_that_are_not_one_tensor(tiny: JointSettings):
    training, _ = begun(tiny)
    found = training.task_gradients(0)
    assert list(found) == ["visual", "detection", "segmentation"]
    flat = [torch.cat([part.flatten() for part in found[task].values()]) for task in ("visual", "detection")]
    assert all(part.abs().max() > 0 for part in flat)
    assert torch.nn.functional.cosine_similarity(*flat, dim=0).abs() < 0.99
    assert all(part.grad is None for part in training._fuse.parameters())


def test_a_look_at_the_lower_level_leaves_batch_norm_as_it_was(tiny: JointSettings):
    task = Detection(tiny)
    batch = JointTraining(tiny, CPU)._lower.batch(0)
    before = {name: part.clone() for name, part in task.network.named_buffers()}
    task.lower(dict(task.network.named_parameters()), batch.visible, batch)
    assert all(torch.equal(part, before[name]) for name, part in task.network.named_buffers())
    task.lower(None, batch.visible, batch)
    assert any(not torch.equal(part, before[name]) for name, part in task.network.named_buffers())


@pytest.mark.parametrize("method", ["direct", "unrolled", "implicit"])
def test_every_method_runs_through_the_networks(tiny: JointSettings, method: str):
    chosen = tiny.hypergradient.model_copy(update={"method": method, "steps": 1})
    training, _ = begun(tiny.model_copy(update={"hypergradient": chosen, "batch": 1}))
    losses = training._upper_step(training._lower.batch(0), training._upper.batch(0))
    assert all(value == value for value in losses.values())
    assert ("visual answer" in losses) == (method == "implicit")


def test_resumed_equals_uninterrupted(tiny: JointSettings, tmp_path: Path):
    train(tiny)
    parts = tiny.model_copy(update={"output": tmp_path / "parts"})
    assert train(parts, stopping=lambda: True).stopped
    torch.manual_seed(77)
    train(parts, resume=True)
    one, two = (checkpoints.load(checkpoints.latest(each.output)) for each in (tiny, parts))
    assert one.iteration == two.iteration == 2
    for name, value in one.model.items():
        assert torch.equal(value, two.model[name]), name
    losses = [[row["losses"] for row in journal.read(each.output / "log.jsonl")] for each in (tiny, parts)]
    assert losses[0] == losses[1] and "detection upper" in losses[0][1]
    assert (tiny.output / "losses.png").is_file()


def test_gifnet_is_trained_too_and_measured_on_what_is_kept_aside(tiny: JointSettings):
    settings = tiny.model_copy(
        update={"network": "gifnet", "joint": "segmentation", "batch": 1, "iterations": 1}
        | {"upper_every": 1, "validate_every": 1, "held_out": ("two",)}
    )
    train(settings)
    (row,) = [row for row in journal.read(settings.output / "log.jsonl") if "metrics" in row]
    assert {"SSIM", "mIoU"} <= set(row["metrics"]) and "mAP@.5" not in row["metrics"]


def test_a_loss_that_is_not_finite_names_the_last_good_checkpoint(
    tiny: JointSettings, monkeypatch: pytest.MonkeyPatch
):
    settings = tiny.model_copy(update={"joint": "segmentation", "checkpoint_every": 1, "upper_every": 9})
    lower_step = JointTraining._lower_step
    steps: list[int] = []

    def poisoned(training: JointTraining, batch):  # type: ignore[no-untyped-def]
        if steps:
            batch.visible.fill_(float("nan"))
        steps.append(1)
        return lower_step(training, batch)

    monkeypatch.setattr(JointTraining, "_lower_step", poisoned)
    with pytest.raises(
        TrainingError, match=r"the fused picture is nan; .*the last good checkpoint is .*_0000001"
    ):
        train(settings)


FULL = [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("can't allocate memory: you tried to")]


@pytest.mark.parametrize("error", FULL, ids=["GPU", "CPU"])
def test_full_memory_says_what_to_lower(
    tiny: JointSettings, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr(JointTraining, "step", full)
    with pytest.raises(
        TrainingError, match="the memory is full; lower batch or crop_px; there is no checkpoint"
    ):
        train(tiny)


def test_splits_that_overlap_are_refused(tiny: JointSettings, tmp_path: Path):
    shutil.copytree(tmp_path / "one", tmp_path / "copy")
    with pytest.raises(TrainingError, match="splits must not overlap, but 2 pictures are in two"):
        load_splits(tiny.model_copy(update={"test_data": (tmp_path / "copy",)}))


def test_held_out_scenes_are_kept_from_both_levels(tiny: JointSettings):
    lower, upper, test = load_splits(tiny.model_copy(update={"held_out": ("two",)}))
    assert ({pair.scene for pair in lower}, len(upper), {pair.scene for pair in test}) == (
        {"one"},
        2,
        {"two"},
    )
    with pytest.raises(TrainingError, match="no pair is left in upper_data"):
        load_splits(tiny.model_copy(update={"held_out": ("above",)}))
    with pytest.raises(
        TrainingError, match="held_out names scenes that are not in the data: three; there are above, one"
    ):
        load_splits(tiny.model_copy(update={"held_out": ("three",)}))


def test_settings_by_which_fusion_learns_nothing_are_refused(tiny: JointSettings):
    values = tiny.model_dump() | {"joint": "detection"}
    weights = {"task_weights": {"visual": 0, "detection": 0}}
    with pytest.raises(
        TrainingError, match=r"one weight must be above 0 in task_weights, of visual, detection"
    ):
        validate(values | weights, "the test")
    late = {"iterations": 9, "warm_up": 5, "upper_every": 5}
    with pytest.raises(TrainingError, match=r"at least warm_up \+ upper_every = 10, .*got 9"):
        validate(values | late, "the test")


def test_without_upper_data_whole_scenes_are_set_aside(tiny: JointSettings):
    lower, upper, test = load_splits(tiny.model_copy(update={"upper_data": ()}))
    assert {pair.scene for pair in lower}.isdisjoint({pair.scene for pair in upper})
    assert (len(lower), len(upper), len(test)) == (2, 2, 0)


def test_empty_labels_and_missing_masks_are_refused(tiny: JointSettings, tmp_path: Path):
    content = json.loads((tmp_path / "above" / "labels.json").read_text())
    (tmp_path / "above" / "labels.json").write_text(json.dumps(content | {"annotations": []}))
    with pytest.raises(TrainingError, match="not one box is in upper_data"):
        load_splits(tiny)
    (tmp_path / "one" / "labels" / "0.png").unlink()
    with pytest.raises(TrainingError, match=r"needs label PNGs, but .*0\.png of data has none"):
        load_splits(tiny.model_copy(update={"joint": "segmentation"}))


def test_settings_are_refused_by_name():
    with pytest.raises(TrainingError, match=r"the options: joint: input should be 'detection'.*got 'boxes'"):
        validate({"joint": "boxes", "data": ["x"]}, "the options")
    with pytest.raises(
        TrainingError, match=r"hypergradient\.method.*'outer_product'.*; zoom is not a known key"
    ):
        values = {"joint": "both", "data": ["x"], "hypergradient": {"method": "magic"}, "zoom": 1}
        validate(values, "the options")


def test_the_weights_of_every_network_come_out(tiny: JointSettings, tmp_path: Path):
    settings = tiny.model_copy(update={"iterations": 1, "upper_every": 1, "detector": "full"})
    outcome = train(settings)
    card = export(settings.output, tmp_path / "own.safetensors", "gifnet train --joint both").read_text()
    state = checkpoints.load(outcome.checkpoint).model
    fusion = gifnet.load_lite(tmp_path / "own.safetensors", precision="float32")
    assert torch.equal(fusion.head.weight, state["fusion.head.weight"])
    detector, _ = load_detector(tmp_path / "own_detection.safetensors")
    assert torch.allclose(detector.score.weight, state["perception.detection.score.weight"], atol=1e-3)
    assert (tmp_path / "own_segmentation.safetensors").is_file()
    assert "gifnet train --joint both" in card and str(tmp_path) not in card
    again = settings.model_copy(update={"detector_weights": str(tmp_path / "own_detection.safetensors")})
    assert torch.equal(Detection(again).network.score.weight, detector.score.weight)
    with pytest.raises(
        TrainingError, match=r"own_detection.* of another detector than detector: small .* do not fit"
    ):
        Detection(again.model_copy(update={"detector": "small"}))


@pytest.mark.parametrize(
    "name", ["train_joint.yaml", "train_joint_paper.yaml", "train_joint_ten_minutes.yaml"]
)
def test_the_configurations_in_the_repository_are_whole(name: str):
    values = yaml.safe_load((Path(__file__).parents[4] / "configs" / name).read_text())
    settings = validate(values | {"data": ["x"]}, name)
    assert isinstance(settings, JointSettings) and settings.tasks == ("detection",)


def test_the_command_trains_jointly(tiny: JointSettings, tmp_path: Path):
    config = tmp_path / "small.yaml"
    config.write_text("{crop_px: 64, batch: 1, upper_every: 1, device: cpu}")
    words = ["-c", str(config), "--joint", "segmentation", "--iterations", "1", "-o", str(tmp_path / "out")]
    folders = ["--data", str(tmp_path / "one"), "--upper-data", str(tmp_path / "above")]
    done = CliRunner().invoke(train_command, [*words, *folders, "--test-data", str(tmp_path / "two")])
    assert done.exit_code == 0, done.output
    state = checkpoints.load(tmp_path / "out" / "checkpoint_0000001.pt").model
    assert any(name.startswith("perception.segmentation.") for name in state)
    assert not any(name.startswith("perception.detection.") for name in state)
