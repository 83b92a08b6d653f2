"""Crops: reproducible, aligned, and split by scene."""

from pathlib import Path

import numpy as np
import pytest
import torch

from gifnet.errors import TrainingError
from gifnet.train.config import TrainSettings
from gifnet.train.data import Crops
from gifnet.train.pairs import load_pairs, split


def crops(settings: TrainSettings, **changes: object) -> Crops:
    return Crops(load_pairs(settings.data), settings.model_copy(update=changes))


def test_a_batch_depends_on_its_number_alone(tiny: TrainSettings):
    first = crops(tiny)
    first.batch(0)
    assert torch.equal(first.batch(5).near, crops(tiny).batch(5).near)
    assert not torch.equal(first.batch(5).near, first.batch(6).near)


def test_another_seed_gives_other_crops(tiny: TrainSettings):
    assert not torch.equal(crops(tiny).batch(0).visible, crops(tiny, seed=1).batch(0).visible)


def test_an_epoch_visits_every_pair_once(tiny: TrainSettings):
    whole = crops(tiny, crop_px=56)
    means = {float(np.mean(whole.crop(number)[0])) for number in range(4)}
    again = {float(np.mean(whole.crop(number)[0])) for number in range(4, 8)}
    assert len(means) == 2  # two scenes hold the same two pictures
    assert sorted(means) == pytest.approx(sorted(again), abs=1e-6)


@pytest.mark.parametrize("scale_min", [1.0, 0.5])
def test_thermal_is_cut_where_visible_is(tiny: TrainSettings, scale_min: float):
    batch = crops(tiny, scale_min=scale_min, batch=3).batch(2)
    assert batch.visible.shape == (3, 1, 48, 48)
    assert torch.allclose(batch.thermal, 1 - batch.visible, atol=1e-5)


def test_split_keeps_scenes_together(pairs: Path):
    kept, held_out = split(load_pairs([pairs]), ["yard"])
    assert {pair.scene for pair in kept} == {"street"}
    assert {pair.scene for pair in held_out} == {"yard"}


def test_an_unknown_scene_is_refused(pairs: Path):
    with pytest.raises(TrainingError, match="not in the data: park; there are street, yard"):
        split(load_pairs([pairs]), ["park"])


def test_holding_everything_out_is_refused(tiny: TrainSettings):
    with pytest.raises(TrainingError, match="no pair is left"):
        Crops([], tiny)
