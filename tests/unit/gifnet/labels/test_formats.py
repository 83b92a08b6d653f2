"""Boxes and masks in the common formats, and names of classes."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from gifnet.errors import TrainingError
from gifnet.labels.boxes import NamedBox, read_coco, read_kaist, read_voc, read_yolo
from gifnet.labels.classes import ClassNames
from gifnet.labels.masks import read_mask


def test_coco_boxes_are_left_top_width_height(tmp_path: Path):
    path = tmp_path / "labels.json"
    content = {
        "images": [{"id": 7, "file_name": "visible/a.png"}, {"id": 8, "file_name": "b.png"}],
        "categories": [{"id": 3, "name": "person"}],
        "annotations": [{"image_id": 7, "category_id": 3, "bbox": [1, 2, 10, 20], "iscrowd": 1}],
    }
    path.write_text(json.dumps(content))
    assert read_coco(path) == {"visible/a.png": [NamedBox("person", (1, 2, 11, 22), True)], "b.png": []}


def test_voc_pixels_count_from_one(tmp_path: Path):
    path = tmp_path / "a.xml"
    box = "<bndbox><xmin>1</xmin><ymin>3</ymin><xmax>10</xmax><ymax>20</ymax></bndbox>"
    path.write_text(f"<annotation><object><name>People</name>{box}</object></annotation>")
    assert read_voc(path) == [NamedBox("People", (0, 2, 10, 20))]


def test_yolo_boxes_are_shares_of_the_picture(tmp_path: Path):
    path = tmp_path / "a.txt"
    path.write_text("1 0.5 0.25 0.25 0.5\n\n")
    assert read_yolo(path, ["person", "car"], (200, 100)) == [NamedBox("car", (75, 0, 125, 50))]
    path.write_text("")
    assert read_yolo(path, ["person"], (200, 100)) == []


def test_kaist_groups_and_unsure_boxes_are_set_apart(tmp_path: Path):
    path = tmp_path / "I0.txt"
    rows = ["% bbGt version=3", "person 10 20 30 40 0 0 0 0 0 0 0", "people 1 1 5 5 0 0 0 0 0 0 0"]
    path.write_text("\n".join([*rows, "person 3 3 4 4 0 0 0 0 0 1 0"]))
    first, group, unsure = read_kaist(path)
    assert first == NamedBox("person", (10, 20, 40, 60))
    assert ClassNames().is_ignored(group.name) and unsure.crowd


@pytest.mark.parametrize(
    ("reader", "name", "text", "said"),
    [
        (read_coco, "a.json", "{}", "expected COCO JSON"),
        (read_voc, "a.xml", "<annotation><object/></annotation>", "name is missing.*expected VOC XML"),
        (lambda path: read_yolo(path, ["person"], (9, 9)), "a.txt", "4 0 0 1 1", "class 4 of 1.*YOLO text"),
        (read_kaist, "b.txt", "person 1 2 x 4", "expected KAIST text"),
    ],
)
def test_damaged_labels_are_refused_in_a_sentence(tmp_path: Path, reader, name: str, text: str, said: str):
    (tmp_path / name).write_text(text)
    with pytest.raises(TrainingError, match=rf"{name} cannot be read.*{said}"):
        reader(tmp_path / name)


def test_names_are_found_however_they_are_spelt():
    names = ClassNames()
    assert names.names == ("person", "vehicle")
    assert [names.number(name, "x") for name in ("People", "OTHER_vehicle", "car-stop")] == [0, 1, None]
    with pytest.raises(TrainingError, match=r"labels\.json: unknown class 'zebra'; known are .*bicycle"):
        names.number("zebra", "labels.json")


def test_a_mask_becomes_class_plus_one(tmp_path: Path):
    values = np.array([[0, 1, 2], [3, 4, 255]], np.uint8)
    cv2.imwrite(str(tmp_path / "m.png"), values)
    names = ("unlabelled", "car", "person", "bike", "curve")
    assert read_mask(tmp_path / "m.png", names, ClassNames()).tolist() == [[0, 2, 1], [2, 0, 255]]
    with pytest.raises(TrainingError, match="hold the value 2, but there are 2 classes"):
        read_mask(tmp_path / "m.png", names[:2], ClassNames())
    cv2.imwrite(str(tmp_path / "c.png"), np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(TrainingError, match="one channel"):
        read_mask(tmp_path / "c.png", names, ClassNames())
