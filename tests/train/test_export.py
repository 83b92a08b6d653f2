"""From a finished run to weights and card."""

from pathlib import Path

import torch

from gifnet import weights
from gifnet.train import checkpoint as checkpoints
from gifnet.train.config import TrainSettings
from gifnet.train.export import export
from gifnet.train.loop import train


def test_the_mean_weights_and_their_history_are_exported(tiny: TrainSettings, tmp_path: Path):
    settings = tiny.model_copy(
        update={"iterations": 1, "average": 0.9, "held_out": ("yard",), "validate_every": 1}
    )
    outcome = train(settings)
    path = tmp_path / "out" / "gifnet.safetensors"
    card = export(settings.output, path, "gifnet train --seed 0").read_text()
    state = weights.read(path)
    average = checkpoints.load(outcome.checkpoint).average
    assert all(torch.equal(value, average[name]) for name, value in state.tensors.items())
    assert (state.metadata["iterations"], state.metadata["seed"]) == ("1", "0")
    assert path.stat().st_size < 4_000_000
    assert "gifnet train --seed 0" in card
    assert "SCD" in card
    assert str(tmp_path) not in card
