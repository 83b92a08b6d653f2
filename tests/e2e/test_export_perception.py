"""`gifnet export` of the networks that see: what OpenCV finds by the file is what torch finds."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from gifnet.perception import Segmenter
from gifnet.perception.finder import Finder
from gifnet.perception.segmenter import load_segmenter
from stream.cli import main
from stream.detection.onnx_facts import metadata
from stream.detection.onnx_masks import OnnxMasks
from stream.detection.open import open_onnx

NEEDED = "onnx", "onnxscript", "onnxruntime"


def ended(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[object, str]:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    told = capsys.readouterr()
    return stopped.value.code, told.out + told.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.xml", "--model", "detector"], "the detector is written as NAME.onnx"),
        (["a.onnx", "--model", "segmenter"], "there is no packaged segmenter"),
        (["a.onnx", "--model", "detector", "--size", "320x240"], "a detector sees square pictures"),
        (["a.onnx", "--model", "detector", "--size", "100x100"], "multiple of 32 pixels, got 100"),
        (["a.onnx", "--model", "detector", "--size", "big"], "--size must be WxH with sides of 32"),
        (["a.onnx", "--size", "320x240"], "full and lite take every size"),
    ],
)
def test_what_cannot_be_written(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    code, told = ended(["export", str(tmp_path / words[0]), *words[1:]], capsys)
    assert code and said in told
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore")
def test_the_exported_detector_finds_what_the_packaged_one_finds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    for package in NEEDED:
        pytest.importorskip(package)
    path = tmp_path / "people.onnx"
    code, told = ended(["export", str(path), "--model", "detector", "--size", "256x256"], capsys)
    assert code == 0 and "no score differs from torch by more than" in told
    # Shapes that are not there for certain: low scores are compared.
    picture = np.full((192, 256, 3), 40, np.uint8)
    cv2.ellipse(picture, (90, 60), (10, 12), 0, 0, 360, (230, 230, 230), -1)
    cv2.rectangle(picture, (76, 70), (104, 170), (220, 220, 220), -1)
    exported = open_onnx(path, least_score=0.05).find(picture)
    packaged = Finder("default", "cpu", 256, 0.05).find(picture)
    assert exported and packaged and exported[0].name == packaged[0].name
    assert exported[0].score == pytest.approx(packaged[0].score, abs=0.1)
    assert exported[0].box == pytest.approx(packaged[0].box, abs=6)


@pytest.mark.filterwarnings("ignore")
def test_the_exported_segmenter_is_run_by_opencv(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for package in NEEDED:
        pytest.importorskip(package)
    torch.manual_seed(0)
    weights = tmp_path / "mine_segmentation.safetensors"
    save_file(Segmenter(2).state_dict(), weights)
    path = tmp_path / "mine.onnx"
    words = ["export", str(path), "--model", "segmenter", "--weights", str(weights), "--size", "96x64"]
    assert ended(words, capsys)[0] == 0
    assert metadata(path.read_bytes())["names"] == "{1: 'person', 2: 'vehicle'}"
    finder = open_onnx(path, least_score=0.0)
    assert isinstance(finder, OnnxMasks) and finder.classes == ("person", "vehicle")
    grey = np.random.default_rng(1).integers(0, 255, (64, 96), np.uint8)
    finder._network.setInput(grey[None, None].astype(np.float32) / 255)
    probabilities = torch.from_numpy(finder._network.forward())
    expected = load_segmenter(weights)(torch.from_numpy(grey)[None, None] / 255).softmax(1)
    assert torch.allclose(probabilities, expected, atol=1e-4)
    finder.find(grey)
