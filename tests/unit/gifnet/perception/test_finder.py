"""The detector with weights from a file: what is packaged, what it finds, and files that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from gifnet.errors import WeightsError
from gifnet.perception import Detector
from gifnet.perception.finder import PACKAGED_DETECTOR, Finder, folded, load_detector, saved_state
from stream.synthetic import Street


def test_the_packaged_weights_are_small_and_find_people_in_a_generated_street() -> None:
    assert PACKAGED_DETECTOR.stat().st_size <= 8_000_000
    street = Street(3, (416, 320), light="day")
    finder = Finder(least_score=0.1)
    found = finder.find(street.visible(0.0))
    assert {each.name for each in found} <= {"person", "vehicle"} and found
    for each in found:
        left, top, right, bottom = each.box
        assert 0 <= left < right <= 416 and 0 <= top < bottom <= 320 and 0.1 <= each.score <= 1


def test_folded_norms_change_nothing() -> None:
    network, _ = load_detector(PACKAGED_DETECTOR)
    pictures = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        wanted = network(pictures)
        found = folded(network)(pictures)
    assert torch.allclose(found.logits, wanted.logits, atol=2e-3)
    assert torch.allclose(found.boxes, wanted.boxes, rtol=1e-3, atol=0.1)


def test_boxes_come_back_in_the_pixels_of_the_picture() -> None:
    picture = Street(4, (208, 160), light="day").visible(0.0)
    twice = np.repeat(np.repeat(picture, 2, axis=0), 2, axis=1)
    finder, shrinking = Finder(least_score=0.1), Finder(least_score=0.1, side_px=208)
    small, large = finder.find(picture), shrinking.find(twice)
    assert small and np.allclose([each.box for each in large], 2 * np.array([each.box for each in small]))


def test_refuses_what_is_no_picture() -> None:
    with pytest.raises(ValueError, match="pictures of uint8, got float32"):
        Finder().find(np.zeros((4, 4), np.float32))  # type: ignore[arg-type]  # what a caller may get wrong


def test_files_that_are_no_detector(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="there is no detector"):
        load_detector(tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("nothing")
    with pytest.raises(WeightsError, match="is no detector of gifnet train"):
        load_detector(tmp_path / "text.safetensors")
    state = saved_state(Detector())
    save_file(
        {name: tensor for name, tensor in state.items() if "score" not in name}, tmp_path / "less.safetensors"
    )
    with pytest.raises(WeightsError, match="2 parameters are missing"):
        load_detector(tmp_path / "less.safetensors")
    save_file({**state, "score.bias": torch.zeros(3)}, tmp_path / "classes.safetensors")
    with pytest.raises(WeightsError, match=r"score.bias must be \(2,\), got \(3,\)"):
        load_detector(tmp_path / "classes.safetensors")
    save_file({**state, "score.bias": torch.full((2,), torch.nan)}, tmp_path / "nan.safetensors")
    with pytest.raises(WeightsError, match="not finite"):
        load_detector(tmp_path / "nan.safetensors")
