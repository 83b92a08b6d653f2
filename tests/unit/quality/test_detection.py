"""Known boxes from files, and the figures of detectors against values worked out by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from gifnet.perception.finder import Found
from stream.cli.eval import evaluate
from stream.errors import ConfigError, SourceError
from stream.quality.boxes import KnownBoxes, read_boxes
from stream.quality.detection import score
from tests.helpers.onnx_model import write_colour_detector

COCO = {
    "images": [{"id": 3, "file_name": "night/a.jpg"}, {"id": 5, "file_name": "b.png"}],
    "categories": [{"id": 1, "name": "pedestrian"}, {"id": 7, "name": "Car"}],
    "annotations": [
        {"image_id": 3, "category_id": 1, "bbox": [10, 20, 30, 40]},
        {"image_id": 3, "category_id": 7, "bbox": [0, 0, 5, 5], "iscrowd": 1},
    ],
}
LEFT, RIGHT = (0.0, 0.0, 10.0, 10.0), (50.0, 0.0, 60.0, 10.0)


def test_boxes_of_coco(tmp_path: Path) -> None:
    (tmp_path / "boxes.json").write_text(json.dumps(COCO))
    known = read_boxes(tmp_path / "boxes.json")
    assert list(known) == ["a", "b"]
    assert known["a"] == KnownBoxes([("person", (10, 20, 40, 60))], [("vehicle", (0, 0, 5, 5))])
    assert known["b"] == KnownBoxes()


def test_boxes_of_scenes(tmp_path: Path) -> None:
    box = {"kind": "car", "left": 1, "top": 2, "right": 3, "bottom": 4, "name": "car-0"}
    (tmp_path / "truth.jsonl").write_text(
        json.dumps({"visible": "visible/000000.png", "boxes": [box]}) + "\n"
    )
    assert read_boxes(tmp_path / "truth.jsonl")["000000"].objects == [("vehicle", (1, 2, 3, 4))]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"categories": [{"id": 1, "name": "cat"}]}, "the class 'cat' is unknown; known are person"),
        ({"annotations": [{"image_id": 3, "category_id": 1, "bbox": [1, 1, 0, 4]}]}, "is not a box"),
        ({"annotations": [{"image_id": 4, "category_id": 1, "bbox": [1, 1, 2, 4]}]}, "it lacks 4"),
        ({"images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "x/a.png"}]}, "one name"),
    ],
)
def test_boxes_that_are_wrong(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    (tmp_path / "boxes.json").write_text(json.dumps(COCO | change))
    with pytest.raises(SourceError, match=words):
        read_boxes(tmp_path / "boxes.json")


def test_files_that_hold_no_boxes(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read: No such file"):
        read_boxes(tmp_path / "none.json")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(SourceError, match="holds no boxes"):
        read_boxes(tmp_path / "list.json")
    (tmp_path / "text.json").write_text("boxes")
    with pytest.raises(SourceError, match="are wrong"):
        read_boxes(tmp_path / "text.json")


def test_figures_worked_out_by_hand() -> None:
    known = {"a": KnownBoxes([("person", LEFT), ("person", RIGHT)]), "b": KnownBoxes()}
    # One is found, then something that is nothing, in the other picture; the second person is missed.
    found = {"a": [Found("person", 0.9, LEFT)], "b": [Found("person", 0.6, LEFT)]}
    figures = score(known, found, samples=20)
    # Precision is 1 up to a recall of 0.5: 51 of the 101 recalls.
    assert figures["person"].ap50 == pytest.approx(51 / 101)
    assert figures["person"].ap == pytest.approx(51 / 101)
    assert (figures["person"].recall, figures["person"].precision) == (0.5, 0.5)
    assert math.isnan(figures["vehicle"].ap50) and figures["vehicle"].objects == 0
    assert figures["all"].ap50 == figures["person"].ap50
    low, high = figures["person"].ap50_interval
    assert low <= 51 / 101 <= high


def test_a_box_that_overlaps_by_three_quarters_counts_up_to_there() -> None:
    known = {"a": KnownBoxes([("vehicle", (0.0, 0.0, 100.0, 77.0))])}
    figures = score(known, {"a": [Found("vehicle", 0.9, (0.0, 0.0, 100.0, 100.0))]}, samples=2)["vehicle"]
    assert figures.ap50 == pytest.approx(1)
    assert figures.ap == pytest.approx(6 / 10)  # at 0.5, 0.55, ... 0.75 of ten


def test_what_is_ignored_counts_neither_way() -> None:
    known = {"a": KnownBoxes([("person", LEFT)], [("person", (40.0, 0.0, 90.0, 40.0))])}
    found = {"a": [Found("person", 0.9, RIGHT), Found("person", 0.8, LEFT)]}
    assert score(known, found, samples=2)["person"].ap50 == pytest.approx(1)
    assert score(known, found, samples=2)["person"].precision == 1


def test_nothing_found_is_nothing() -> None:
    figures = score({"a": KnownBoxes([("person", LEFT)])}, {"a": []}, samples=2)
    assert figures["person"].ap50 == 0 and figures["person"].recall == 0
    assert math.isnan(figures["person"].precision)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    for side in ("visible", "thermal", "ours"):
        (folder / side).mkdir()
        for stem in ("a", "b"):
            cv2.imwrite(str(folder / side / f"{stem}.png"), np.zeros((64, 64, 3), np.uint8))
    write_colour_detector(folder / "colours.onnx")
    (folder / "boxes.json").write_text(json.dumps(COCO))
    return folder


def _run(pairs: Path, *options: str) -> Any:
    where = ["--visible", str(pairs / "visible"), "--thermal", str(pairs / "thermal")]
    return CliRunner().invoke(evaluate, [*where, *options])


def test_the_command_compares_kinds_of_pictures(pairs: Path) -> None:
    options = ["--detector", str(pairs / "colours.onnx"), "--boxes", str(pairs / "boxes.json"), "--json"]
    done = _run(pairs, *options, "--fused", f"ours={pairs / 'ours'}", "-o", str(pairs / "report"))
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert list(told) == ["visible", "thermal", "mean", "maximum", "ours"]
    assert told["ours"]["person"]["objects"] == 1 and told["ours"]["person"]["ap50"] == 0
    assert json.loads((pairs / "report" / "detection.json").read_text()) == told
    text = _run(pairs, *options[:-1]).stdout
    assert "mAP@.5:.95" in text and "vehicle" not in text


def test_the_command_says_what_is_missing(pairs: Path, tmp_path: Path) -> None:
    detector = ["--detector", str(pairs / "colours.onnx")]
    assert isinstance(done := _run(pairs, *detector).exception, ConfigError) and "--boxes FILE" in str(done)
    (tmp_path / "boxes.json").write_text(json.dumps(COCO | {"images": [COCO["images"][0]]}))
    done = _run(pairs, *detector, "--boxes", str(tmp_path / "boxes.json")).exception
    assert isinstance(done, SourceError) and "tells nothing of 1 of the 2 pictures, the first b" in str(done)
    assert "goes with --detector" in _run(pairs, "--boxes", str(pairs / "boxes.json")).output
    assert "--fused NAME=PATH" in _run(pairs).output
