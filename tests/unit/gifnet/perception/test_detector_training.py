"""Training of a detector: every kind of picture is shown, frozen stages stay, runs resume exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from gifnet.errors import TrainingError
from gifnet.joint.data import LabelledBatch
from gifnet.perception.finder import Finder
from gifnet.perception.training import DetectorTraining, load_detector_splits
from gifnet.perception.training_config import DetectorSettings
from gifnet.train import checkpoint as checkpoints
from gifnet.train import journal
from gifnet.train.config import validate
from gifnet.train.export import export
from gifnet.train.loop import train
from tests.unit.gifnet.joint.conftest import write_labelled

CPU = torch.device("cpu")


@pytest.fixture
def small(tmp_path: Path) -> dict[str, Any]:
    """Two iterations on crops of 64 pixels."""
    return {
        "network": "detector",
        "data": [write_labelled(tmp_path / "one", 1)],
        "test_data": [write_labelled(tmp_path / "two", 2)],
        "output": tmp_path / "run",
        "crop_px": 64,
        "batch": 2,
        "iterations": 2,
        "log_every": 1,
        "validate_every": 2,
        "device": "cpu",
    }


def settings_of(values: dict[str, Any]) -> DetectorSettings:
    settings = validate(values, "the test")
    assert isinstance(settings, DetectorSettings)
    return settings


def test_a_run_resumes_exactly_and_ends_in_a_file_for_detect(small: dict[str, Any], tmp_path: Path):
    settings = settings_of(small)
    train(settings)
    parts = settings.model_copy(update={"output": tmp_path / "parts"})
    assert train(parts, stopping=lambda: True).stopped
    train(parts, resume=True)
    one, two = (checkpoints.load(checkpoints.latest(each.output)) for each in (settings, parts))
    # The mean of the weights keeps whole numbers, such as counters of batch norm, as they are.
    for name, value in one.average.items():
        assert torch.equal(value, two.average[name]), name
    frozen = DetectorTraining(settings, CPU).begin()[0].state_dict()
    kept = [name for name in frozen if name.startswith(("backbone.stem", "backbone.stages.2"))]
    assert kept and all(torch.equal(one.model[name], frozen[name]) for name in kept)
    moved = [name for name in frozen if name.startswith("score")]
    assert any(not torch.equal(one.model[name], frozen[name]) for name in moved)
    (row,) = [row for row in journal.read(settings.output / "log.jsonl") if "metrics" in row]
    assert set(row["metrics"]) == {
        f"mAP@.5 {kind}" for kind in ("fused", "visible", "thermal", "mean", "maximum")
    }
    assert (settings.output / "fused_0000002.png").is_file()
    card = export(settings.output, tmp_path / "mine.safetensors", "gifnet train")
    assert "detector of people and vehicles" in card.read_text()
    assert Finder(tmp_path / "mine.safetensors").classes == ("person", "vehicle")
    assert (tmp_path / "mine.safetensors").stat().st_mode & 0o777 == 0o644


def test_a_loss_that_is_not_finite_names_the_last_good_checkpoint(
    small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    settings = settings_of(small | {"checkpoint_every": 1, "validate_every": 9})
    shown = DetectorTraining.seen

    def poisoned(training: DetectorTraining, batch: LabelledBatch, iteration: int) -> torch.Tensor:
        return shown(training, batch, iteration) * (float("nan") if iteration else 1.0)

    monkeypatch.setattr(DetectorTraining, "seen", poisoned)
    with pytest.raises(TrainingError, match=r"the loss is nan; .* the last good checkpoint is .*_0000001"):
        train(settings)


def test_the_configuration_in_the_repository_is_whole():
    path = Path(__file__).parents[4] / "configs" / "train_detector.yaml"
    assert settings_of(yaml.safe_load(path.read_text()) | {"data": ["x"]}).start == "default"


def test_kinds_are_shown_by_their_shares(small: dict[str, Any]):
    only = settings_of(small | {"kinds": {"fused": 0, "visible": 1, "thermal": 0, "mean": 0, "maximum": 0}})
    training = DetectorTraining(only.model_copy(update={"degraded": 0.0}), CPU)
    batch = training._crops.batch(0)
    assert torch.equal(training.seen(batch, 0), batch.visible)
    mixed = DetectorTraining(settings_of(small | {"degraded": 1.0}), CPU)
    seen = mixed.seen(batch, 0)
    assert seen.shape == batch.visible.shape and not torch.equal(seen, batch.visible)
    assert torch.equal(seen, mixed.seen(batch, 0))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kinds": dict.fromkeys(("fused", "visible", "thermal", "mean", "maximum"), 0)}, "above 0, or the"),
        ({"classes": {"person": ["man"], "dog": ["dog"]}}, "classes must be person and vehicle"),
        ({"crop_px": 96}, "must be at least crop_px = 96"),
    ],
)
def test_settings_that_cannot_train(small: dict[str, Any], change: dict[str, Any], said: str):
    with pytest.raises(TrainingError, match=said):
        load_detector_splits(settings_of(small | change))


def test_test_data_must_not_be_learned_from(small: dict[str, Any]):
    with pytest.raises(TrainingError, match="splits must not overlap"):
        load_detector_splits(settings_of(small | {"test_data": small["data"]}))


def test_pairs_without_boxes_are_refused(small: dict[str, Any]):
    (small["data"][0] / "labels.json").unlink()
    with pytest.raises(TrainingError, match=r"a detector needs boxes, but .* has no labels"):
        load_detector_splits(settings_of(small))
    small["data"][0].joinpath("labels.json").write_text(
        '{"images": [{"id": 0, "file_name": "visible/0.png"}, {"id": 1, "file_name": "visible/1.png"}], '
        '"categories": [], "annotations": []}'
    )
    with pytest.raises(TrainingError, match="nothing could be learned from empty labels"):
        load_detector_splits(settings_of(small))
