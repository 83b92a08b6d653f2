"""Facts that ONNX files tell of themselves, and segmentation networks among them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gifnet.perception.finder import Found
from stream.detection.onnx_facts import class_names, input_shape, metadata
from stream.detection.open import open_onnx
from stream.errors import WeightsError
from tests.helpers.onnx_model import write_bright_segmenter, write_colour_detector


def test_names_and_sizes_are_read_from_the_file(tmp_path: Path) -> None:
    write_colour_detector(tmp_path / "colours.onnx", names="{0: 'red', 1: 'green', 2: 'blue'}")
    data = (tmp_path / "colours.onnx").read_bytes()
    assert class_names(metadata(data)) == {0: "red", 1: "green", 2: "blue"}
    assert input_shape(data) == (1, 3, 64, 64)
    for length in range(0, len(data), 97):
        metadata(data[:length]), input_shape(data[:length])  # damaged files tell nothing, and raise nothing
    assert class_names({"names": "no dictionary"}) == {} == class_names({"names": "[1, 2]"})


def test_a_file_keeps_its_names_and_its_size(tmp_path: Path) -> None:
    write_colour_detector(tmp_path / "colours.onnx", names="{0: 'red', 1: 'green', 2: 'blue'}")
    picture = np.zeros((128, 128, 3), np.uint8)
    picture[32:48, 64:80, 1] = 255
    # Another side is asked for; the file allows 64 only.
    finder = open_onnx(tmp_path / "colours.onnx", side_px=416)
    assert finder.find(picture) == [Found("green", 1.0, (64.0, 32.0, 80.0, 48.0))]


def test_regions_of_a_segmentation_network_are_objects(tmp_path: Path) -> None:
    write_bright_segmenter(tmp_path / "bright.onnx")
    picture = np.zeros((128, 64), np.uint8)
    picture[20:60, 10:30] = 255
    picture[100:120, 40:60] = 204
    picture[0, 0] = 255  # a speck
    finder = open_onnx(tmp_path / "bright.onnx", least_score=0.5)
    first, second = finder.find(picture)
    assert first == Found("person", 1.0, (10.0, 20.0, 30.0, 60.0))
    assert second.name == "person" and second.score == pytest.approx(0.8, abs=0.01)
    assert finder.find(np.dstack([picture] * 3)) == [first, second]


def test_a_segmentation_network_that_gives_less_than_it_names_is_refused(tmp_path: Path) -> None:
    write_bright_segmenter(tmp_path / "bright.onnx", names="{1: 'person', 2: 'vehicle'}")
    with pytest.raises(WeightsError, match=r"gives \[1, 2, 64, 64\] and names classes up to 2"):
        open_onnx(tmp_path / "bright.onnx")


def test_a_segmentation_network_without_names_is_refused(tmp_path: Path) -> None:
    write_bright_segmenter(tmp_path / "bright.onnx", names="")
    with pytest.raises(WeightsError, match=r"name its classes, got an input of \[1, 1, 64, 64\] and 0 names"):
        open_onnx(tmp_path / "bright.onnx")
