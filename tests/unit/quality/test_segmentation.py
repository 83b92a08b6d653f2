"""Intersection over union of labelled pixels, and the command that tells it."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

from gifnet.perception import Segmenter
from stream.cli.eval import evaluate
from stream.errors import GifnetError
from stream.quality.segmentation import score, table


def test_figures_from_known_counts() -> None:
    counts = np.array([[[8, 2, 0], [0, 4, 0], [0, 0, 0]], [[6, 0, 0], [2, 2, 0], [0, 0, 0]]])
    found = score(counts, ("background", "person", "vehicle"))
    assert found.iou["background"] == pytest.approx(14 / 18)
    assert found.iou["person"] == pytest.approx(6 / 10)
    assert np.isnan(found.iou["vehicle"])
    assert found.miou == pytest.approx((14 / 18 + 0.6) / 2)
    assert found.macc == pytest.approx((14 / 16 + 6 / 8) / 2)
    assert found.miou_interval[0] < found.miou < found.miou_interval[1]
    assert table({"fused": found}).splitlines()[1].split()[:2] == ["fused", "0.689"]


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """A network that knows background alone, and a pair whose mask is background but for a quarter."""
    torch.manual_seed(0)
    network = Segmenter(2)
    with torch.no_grad():
        network.head.weight.zero_()
        network.head.bias.copy_(torch.tensor([1.0, 0.0, 0.0]))
    save_file(network.state_dict(), tmp_path / "net.safetensors")
    mask = np.zeros((32, 32), np.uint8)
    mask[:16, :16], mask[31] = 1, 255
    for name, values in (("visible", mask + 9), ("thermal", mask + 7), ("masks", mask)):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "0.png"), values)
    return tmp_path


def run(folder: Path, *more: str) -> str:
    words = ["--visible", str(folder / "visible"), "--thermal", str(folder / "thermal"), *more]
    done = CliRunner().invoke(evaluate, words)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def test_the_command_measures_every_kind_of_picture(folders: Path) -> None:
    words = ["--segmenter", str(folders / "net.safetensors"), "--masks", str(folders / "masks")]
    found = json.loads(run(folders, *words, "--fused", f"mine={folders / 'thermal'}", "--json"))
    assert list(found) == ["visible", "thermal", "mean", "maximum", "mine"]
    share = (31 * 32 - 256) / (31 * 32)
    assert found["mine"]["iou"] == {"background": pytest.approx(share), "person": 0.0, "vehicle": None}
    assert found["visible"]["macc"] == 0.5


def test_wrong_files_are_refused_in_a_sentence(folders: Path) -> None:
    assert "--segmenter FILE and --masks FOLDER go together" in run(folders, "--masks", "x")
    words = ["--masks", str(folders / "masks"), "--segmenter"]
    with pytest.raises(GifnetError, match="is no segmentation network of gifnet train --joint"):
        run(folders, *words, str(folders / "masks" / "0.png"))
    cv2.imwrite(str(folders / "masks" / "0.png"), np.full((32, 32), 9, np.uint8))
    with pytest.raises(GifnetError, match=r"0\.png holds classes beyond the 2 of the network"):
        run(folders, *words, str(folders / "net.safetensors"))
