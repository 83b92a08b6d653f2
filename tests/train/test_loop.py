"""The loop: exact resume, early stop, and refusals."""

from pathlib import Path

import pytest
import torch

from gifnet.errors import TrainingError
from gifnet.model import GIFNet
from gifnet.train import checkpoint as checkpoints
from gifnet.train import journal
from gifnet.train.config import LossSettings, TrainSettings, validate
from gifnet.train.data import Crops
from gifnet.train.loop import learning_rate, train
from gifnet.train.losses import GradientPyramid
from gifnet.train.pairs import load_pairs
from gifnet.train.step import Stepper


def final(settings: TrainSettings) -> checkpoints.Checkpoint:
    return checkpoints.load(checkpoints.latest(settings.output))


def test_resumed_equals_uninterrupted(tiny: TrainSettings, tmp_path: Path):
    tiny = tiny.model_copy(update={"average": 0.9, "decay": "cosine"})
    train(tiny)
    parts = tiny.model_copy(update={"output": tmp_path / "parts"})
    assert train(parts, stopping=lambda: True).stopped
    torch.manual_seed(77)
    train(parts, resume=True)
    one, two = final(tiny), final(parts)
    assert one.iteration == two.iteration == 2
    for name, value in one.model.items():
        assert torch.equal(value, two.model[name]), name
        assert torch.equal(one.average[name], two.average[name]), name
    losses = [[r["losses"] for r in journal.read(s.output / "log.jsonl")] for s in (tiny, parts)]
    assert losses[0] == losses[1]


def test_a_run_leaves_log_plot_and_pictures(tiny: TrainSettings):
    settings = tiny.model_copy(update={"held_out": ("yard",), "validate_every": 2, "checkpoint_every": 1})
    seen: list[int] = []
    outcome = train(settings, report=lambda iteration, losses: seen.append(iteration))
    names = {file.name for file in settings.output.iterdir()}
    assert seen == [1, 2]
    assert outcome.checkpoint.name == "checkpoint_0000002.pt"
    assert names == {
        "checkpoint_0000001.pt",
        "checkpoint_0000002.pt",
        "fused_0000002.png",
        "log.jsonl",
        "losses.png",
    }
    assert "SCD" in journal.read(settings.output / "log.jsonl")[-1]["metrics"]


def test_a_second_run_does_not_overwrite_the_first(tiny: TrainSettings):
    train(tiny.model_copy(update={"iterations": 1}))
    with pytest.raises(TrainingError, match="already holds a run"):
        train(tiny)


def test_resuming_with_other_settings_is_refused(tiny: TrainSettings):
    train(tiny.model_copy(update={"iterations": 1}))
    with pytest.raises(TrainingError, match="made with other settings"):
        train(tiny.model_copy(update={"seed": 9}), resume=True)


def test_resuming_nothing_is_refused(tiny: TrainSettings):
    with pytest.raises(TrainingError, match="no checkpoint"):
        train(tiny, resume=True)


def test_a_damaged_checkpoint_is_refused(tiny: TrainSettings):
    tiny.output.mkdir()
    (tiny.output / "checkpoint_0000001.pt").write_bytes(b"PK\x03\x04 half a file")
    with pytest.raises(TrainingError, match="damaged"):
        train(tiny, resume=True)


def test_a_loss_that_is_not_finite_stops_before_the_step(tiny: TrainSettings):
    model = GIFNet()
    with torch.no_grad():
        model.encoder.layers[0].bias.fill_(float("inf"))
    stepper = Stepper(model, 1e-3, LossSettings(), GradientPyramid(), torch.float32)
    before = model.decoder.reduce.weight.clone()
    with pytest.raises(TrainingError, match=r"multi-modal loss is (nan|inf); lower learning_rate"):
        stepper.step(Crops(load_pairs(tiny.data), tiny).batch(0), 0, 1e-3, None)
    assert torch.equal(model.decoder.reduce.weight, before)


def test_each_task_trains_its_own_side_only(tiny: TrainSettings):
    model = GIFNet()
    stepper = Stepper(model, 1e-3, LossSettings(), GradientPyramid(), torch.float32)
    batch = Crops(load_pairs(tiny.data), tiny).batch(0)
    model.interaction.embed["multi-focus"].requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    stepper.step(batch, 0, 1e-3, None)
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert "interaction.embed.multi-modal.weight" in changed
    assert "interaction.embed.multi-focus.weight" not in changed
    assert "interaction.blocks.0.sides.multi-focus.value.weight" in changed
    assert "reconstruction.layers.0.weight" in changed


@pytest.mark.parametrize(("iteration", "through"), [(0, False), (1, True), (2, False), (3, True)])
def test_every_second_multimodal_step_goes_through_the_inference_side(
    tiny: TrainSettings, iteration: int, through: bool
):
    model = GIFNet()
    stepper = Stepper(model, 1e-3, LossSettings(inference_every=2), GradientPyramid(), torch.float32)
    before = model.interaction.embed["multi-modal"].weight.clone()
    stepper.step(Crops(load_pairs(tiny.data), tiny).batch(0), iteration, 1e-3, None)
    assert torch.equal(model.interaction.embed["multi-modal"].weight, before) == through


def test_bfloat16_keeps_the_parameters_in_float32(tiny: TrainSettings):
    model = GIFNet()
    stepper = Stepper(model, 1e-3, LossSettings(), GradientPyramid(), torch.bfloat16)
    losses = stepper.step(Crops(load_pairs(tiny.data), tiny).batch(0), 0, 1e-3, 1.0)
    assert {value.dtype for value in model.parameters()} == {torch.float32}
    assert all(0 <= value < 2 for value in losses.values())


def test_the_step_size_stays_or_falls_to_a_hundredth(tiny: TrainSettings):
    falling = tiny.model_copy(update={"decay": "cosine", "iterations": 100})
    assert learning_rate(tiny, 1) == 1e-3
    assert learning_rate(falling, 0) == pytest.approx(1e-3)
    assert learning_rate(falling, 50) == pytest.approx(0.505e-3)
    assert learning_rate(falling, 100) == pytest.approx(1e-5)


def test_every_problem_of_the_settings_is_named(tmp_path: Path):
    with pytest.raises(TrainingError, match=r"x\.yaml: crop_px: .*; batches is not a known key"):
        validate({"data": [tmp_path], "crop_px": 33, "batches": 1}, "x.yaml")
