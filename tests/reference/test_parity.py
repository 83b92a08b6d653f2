"""The network equals the published one to 1e-4 in float32, stage by stage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from gifnet import weights
from gifnet.config import GIFNetConfig
from gifnet.model import GIFNet
from tests.reference.formula import formula_model

TOLERANCE = 1e-4
FORMULA = np.load(Path(__file__).parent / "formula_weights.npz")


def picture(fixtures: np.lib.npyio.NpzFile, name: str) -> torch.Tensor:
    return torch.from_numpy(fixtures[name]).float()[None, None] / 255


def assert_close(got: torch.Tensor, expected: np.ndarray) -> None:
    assert np.abs(got.squeeze().numpy() - expected).max() < TOLERANCE


def check_case(model: GIFNet, fixtures: np.lib.npyio.NpzFile, case: str) -> None:
    visible, thermal = picture(fixtures, f"{case}/vi"), picture(fixtures, f"{case}/ir")
    with torch.no_grad():
        assert_close(model(visible, thermal), fixtures[f"{case}/fused"])


def check_stages(model: GIFNet, fixtures: np.lib.npyio.NpzFile, case: str) -> None:
    visible, thermal = picture(fixtures, f"{case}/vi"), picture(fixtures, f"{case}/ir")
    with torch.no_grad():
        features = model.encode(visible, thermal)
        interaction = model.interact(features, features)
        assert_close(features, fixtures[f"{case}/features"])
        assert_close(interaction, fixtures[f"{case}/interaction"])
        assert_close(model.decode(features, interaction), fixtures[f"{case}/fused"])
        assert_close(model.reconstruct(features), fixtures[f"{case}/reconstruction"])


@pytest.mark.parametrize("case", ["a", "b"])
def test_formula_weights_fuse_as_published(case: str) -> None:
    check_case(formula_model(), FORMULA, case)


def test_formula_weights_match_stage_by_stage() -> None:
    check_stages(formula_model(), FORMULA, "a")


@pytest.mark.parametrize(("task", "fused"), [("multi-modal", "train1"), ("multi-focus", "train2")])
def test_training_branches_match(task: str, fused: str) -> None:
    model = formula_model(GIFNet(GIFNetConfig(share_frozen_value=True)))
    with torch.no_grad():
        modal = model.encode(picture(FORMULA, "train/vi"), picture(FORMULA, "train/ir"))
        focus = model.encode(picture(FORMULA, "train/far"), picture(FORMULA, "train/near"))
        main, other = (modal, focus) if task == "multi-modal" else (focus, modal)
        assert_close(model.decode(main, model.interact(main, other, task)), FORMULA[f"{fused}/fused"])


@pytest.fixture(scope="module")
def published(refdata: Path) -> GIFNet:
    model = GIFNet()
    weights.load_into(model, weights.read(refdata / "upstream" / "GIFNet_Final.model"))
    return model.eval()


@pytest.mark.refdata
@pytest.mark.parametrize("case", ["a", "b", "c", "d"])
def test_published_weights_fuse_as_published(published: GIFNet, refdata: Path, case: str) -> None:
    check_case(published, np.load(refdata / "parity" / "official_weights.npz"), case)


@pytest.mark.refdata
def test_published_weights_match_stage_by_stage(published: GIFNet, refdata: Path) -> None:
    check_stages(published, np.load(refdata / "parity" / "official_weights.npz"), "a")
