"""Training of features: pieces with known places, the loss, and runs that go on exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from gifnet.errors import TrainingError
from gifnet.features import FeaturePair, load_features
from gifnet.train import checkpoint as checkpoints
from gifnet.train.config import FeatureSettings, validate
from gifnet.train.export import export
from gifnet.train.loop import train
from gifnet.train.matching import best, found, matching_loss
from gifnet.train.pairs import Pair
from gifnet.train.pieces import PIECE, REACH, PieceSource
from tests.train.conftest import write_pairs


def settings_of(folder: Path, **values: object) -> FeatureSettings:
    given = {"network": "features", "data": [folder / "data"], "output": folder / "run", "batch": 2}
    made = validate(given | {"iterations": 3, "device": "cpu", "log_every": 1} | values, "the test")
    assert isinstance(made, FeatureSettings)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_pairs(tmp_path / "data", "street", side=96)
    write_pairs(tmp_path / "data", "yard", side=96)
    return tmp_path


def test_pieces_lie_where_they_say(folder: Path) -> None:
    """By plain correlation: thermal is the negative of visible, nothing is added."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (30, 40)).astype(np.uint8)
    visible = np.kron(coarse, np.ones((8, 8), np.uint8))
    pair = Pair("one", "street", visible, visible)
    source = PieceSource([pair], settings_of(folder, batch=12, invented=0))
    pieces = source.batch(0)
    assert pieces.visible.shape == (12, 1, 96, 96) and pieces.thermal.shape == (12, 1, 128, 128)
    assert ((pieces.place >= 2) & (pieces.place <= 2 * REACH - 2)).all() and (pieces.unsure > 0).all()
    surfaces = found(load_features(), pieces, PIECE)
    right = best(surfaces).sub(pieces.place).norm(dim=1) < 3
    assert right.float().mean() >= 0.75


def test_a_piece_depends_on_its_number_alone(folder: Path) -> None:
    visible = np.random.default_rng(1).integers(0, 256, (96, 96)).astype(np.uint8)
    source = PieceSource([Pair("one", "street", visible, visible)], settings_of(folder))
    first, again, other = source.batch(4), source.batch(4), source.batch(5)
    assert torch.equal(first.thermal, again.thermal) and not torch.equal(first.thermal, other.thermal)


def test_invented_pieces_are_exact(folder: Path) -> None:
    visible = np.random.default_rng(1).integers(0, 256, (96, 96)).astype(np.uint8)
    source = PieceSource([Pair("one", "street", visible, visible)], settings_of(folder, invented=1))
    assert not source.batch(0).unsure.any()


def test_the_loss_counts_what_lies_within_the_registration(folder: Path) -> None:
    visible = np.random.default_rng(1).integers(0, 256, (96, 96)).astype(np.uint8)
    pieces = PieceSource([Pair("one", "street", visible, visible)], settings_of(folder)).batch(0)
    side = 2 * REACH + 1
    surfaces = torch.zeros(2, side, side)
    for index, (right, down) in enumerate(pieces.place.round().int().tolist()):
        surfaces[index, down, right] = 50.0
    near, exact = matching_loss(surfaces.roll(2, 2), pieces), matching_loss(surfaces, pieces)
    even = matching_loss(torch.zeros(2, side, side), pieces)
    assert (exact < 0.6).all() and (near > exact).all() and (even > 3).all()
    sloppy = type(pieces)(**{**vars(pieces), "unsure": torch.full((2,), 3.0)})
    assert (matching_loss(surfaces.roll(2, 2), sloppy) < 0.1).all()


def test_resumed_equals_uninterrupted(folder: Path, tmp_path: Path) -> None:
    whole = settings_of(folder, held_out=("yard",), validate_every=3)
    assert train(whole).iteration == 3
    parts = whole.model_copy(update={"output": tmp_path / "parts"})
    assert train(parts, stopping=lambda: True).stopped
    torch.manual_seed(9)
    train(parts, resume=True)
    one, two = (checkpoints.load(checkpoints.latest(run.output)) for run in (whole, parts))
    for name, value in one.model.items():
        assert torch.equal(value, two.model[name]), name
    assert (whole.output / "losses.png").is_file()
    assert '"found"' in (whole.output / "log.jsonl").read_text()


def test_exported_features_can_be_loaded(folder: Path, tmp_path: Path) -> None:
    settings = settings_of(folder)
    train(settings)
    card = export(settings.output, tmp_path / "mine.safetensors", "gifnet train")
    assert card.name == "FEATURES_CARD.md" and "features" in card.read_text()
    kept = checkpoints.load(checkpoints.latest(settings.output)).average
    loaded = load_features(tmp_path / "mine.safetensors").state_dict()
    assert isinstance(load_features(tmp_path / "mine.safetensors"), FeaturePair)
    assert all(torch.equal(loaded[name], value) for name, value in kept.items())


def test_unknown_settings_of_features_are_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="crop_px is not a known key"):
        validate({"network": "features", "data": [tmp_path], "crop_px": 64}, "x.yaml")
    with pytest.raises(TrainingError, match="network"):
        validate({"network": "other", "data": [tmp_path]}, "x.yaml")
