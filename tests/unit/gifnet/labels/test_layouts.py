"""Folders as the authors of the data sets lay them out, made tiny."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from gifnet.errors import TrainingError
from gifnet.labels import ClassNames, LabelledPair, check_apart, load_labelled

BOX = "<bndbox><xmin>3</xmin><ymin>5</ymin><xmax>8</xmax><ymax>12</ymax></bndbox>"


def picture(path: Path, value: int, channels: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (24, 32) if channels == 1 else (24, 32, channels)
    cv2.imwrite(str(path), np.full(shape, value, np.uint8))


def text(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def voc(path: Path, name: str) -> None:
    text(path, f"<annotation><object><name>{name}</name>{BOX}</object></annotation>")


def scenes(root: Path) -> None:
    picture(root / "visible" / "0.png", 50)
    picture(root / "thermal" / "0.png", 90)
    picture(root / "labels" / "0.png", 1)
    annotation = {"image_id": 1, "category_id": 1, "bbox": [2, 4, 6, 8]}
    content = {"images": [{"id": 1, "file_name": "visible/0.png"}], "annotations": [annotation]}
    text(root / "labels.json", json.dumps(content | {"categories": [{"id": 1, "name": "person"}]}))


def m3fd(root: Path) -> None:
    picture(root / "Vis" / "00000.png", 50)
    picture(root / "Ir" / "00000.png", 90)
    voc(root / "Annotation" / "00000.xml", "People")


def llvip(root: Path) -> None:
    picture(root / "visible" / "train" / "010001.jpg", 50)
    picture(root / "infrared" / "train" / "010001.jpg", 90)
    voc(root / "Annotations" / "010001.xml", "person")


def msrs(root: Path) -> None:
    picture(root / "train" / "vi" / "00001D.png", 50)
    picture(root / "train" / "ir" / "00001D.png", 90)
    picture(root / "train" / "Segmentation_labels" / "00001D.png", 2)


def mfnet(root: Path) -> None:
    picture(root / "images" / "00001D.png", 50, channels=4)
    picture(root / "labels" / "00001D.png", 2)
    text(root / "train.txt", "00001D\n")


def flir(root: Path) -> None:
    picture(root / "JPEGImages" / "FLIR_00002_RGB.jpg", 50)
    picture(root / "JPEGImages" / "FLIR_00002_PreviewData.jpeg", 90)
    voc(root / "Annotations" / "FLIR_00002_PreviewData.xml", "person")
    text(root / "align_train.txt", "FLIR_00002_PreviewData\n")


def kaist(root: Path) -> None:
    picture(root / "images" / "set00" / "V000" / "visible" / "I00001.jpg", 50)
    picture(root / "images" / "set00" / "V000" / "lwir" / "I00001.jpg", 90)
    text(root / "annotations" / "set00" / "V000" / "I00001.txt", "person 2 4 6 8 0 0 0 0 0 0 0\n")
    text(root / "imageSets" / "train-all-20.txt", "set00/V000/I00001\n")


LAYOUTS: list[Callable[[Path], None]] = [scenes, m3fd, llvip, msrs, mfnet, flir, kaist]


@pytest.mark.parametrize("make", LAYOUTS, ids=lambda make: make.__name__)
def test_a_folder_is_recognised_and_read(tmp_path: Path, make: Callable[[Path], None]):
    make(tmp_path)
    (pair,) = load_labelled([tmp_path], ClassNames())
    assert pair.visible.shape == pair.thermal.shape == (24, 32)
    assert pair.visible.mean() == pytest.approx(50, abs=1)
    if pair.corners is not None:
        assert pair.corners.tolist() == [[2, 4, 8, 12]] and pair.classes.tolist() == [0]
    if pair.mask is not None:
        assert (pair.mask == 1).all()
    assert pair.corners is not None or pair.mask is not None


MISSING = [
    (m3fd, "Annotation", "the folder Annotation is missing"),
    (m3fd, "Ir/00000.png", "00000.png has no partner 00000 .* in .*Ir"),
    (llvip, "infrared/train", "the folder infrared/train is missing"),
    (msrs, "train/Segmentation_labels", "the folder train/Segmentation_labels is missing"),
    (mfnet, "train.txt", "the list .*train.txt is missing"),
    (flir, "align_train.txt", "the list .*align_train.txt is missing"),
    (kaist, "images/set00/V000/lwir/I00001.jpg", "I00001.jpg has no partner I00001 .* in .*lwir"),
    (scenes, "thermal/0.png", "0.png has no partner 0 .* in .*thermal"),
]


@pytest.mark.parametrize(("make", "lost", "said"), MISSING)
def test_what_is_missing_is_said(tmp_path: Path, make: Callable[[Path], None], lost: str, said: str):
    make(tmp_path)
    gone = tmp_path / lost
    gone.rename(tmp_path.with_name(tmp_path.name + "-gone"))
    with pytest.raises(TrainingError, match=said):
        load_labelled([tmp_path], ClassNames())


def test_a_folder_of_no_layout_is_refused(tmp_path: Path):
    (tmp_path / "holiday").mkdir()
    with pytest.raises(TrainingError, match=r"is of no known layout \(m3fd: Vis or vi, .*there is holiday"):
        load_labelled([tmp_path], ClassNames())


def test_the_lists_of_a_data_set_choose_the_split(tmp_path: Path):
    m3fd(tmp_path)
    picture(tmp_path / "Vis" / "00001.png", 60)
    picture(tmp_path / "Ir" / "00001.png", 80)
    voc(tmp_path / "Annotation" / "00001.xml", "Car")
    text(tmp_path / "meta" / "train.txt", "00000.png\n")
    text(tmp_path / "meta" / "test.txt", "00001.png\n")
    train, test = (load_labelled([tmp_path], ClassNames(), "m3fd", split) for split in ("train", "test"))
    assert ([pair.scene for pair in train], [pair.scene for pair in test]) == (["00000"], ["00001"])
    assert test[0].classes.tolist() == [1]


@pytest.mark.parametrize(("box", "said"), [([40, 4, 6, 8], "40, 4, 46, 12"), ([2, 4, 0, 8], "2, 4, 2, 12")])
def test_a_box_outside_its_picture_is_refused(tmp_path: Path, box: list[int], said: str):
    scenes(tmp_path)
    labels = json.loads((tmp_path / "labels.json").read_text())
    labels["annotations"][0]["bbox"] = box
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    with pytest.raises(
        TrainingError, match=rf"the box {said} .* of a person is empty or outside .* of 32x24"
    ):
        load_labelled([tmp_path], ClassNames())


def test_a_box_that_reaches_over_the_edge_is_cut_off(tmp_path: Path):
    scenes(tmp_path)
    labels = json.loads((tmp_path / "labels.json").read_text())
    labels["annotations"][0]["bbox"] = [28, -3, 10, 8]
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    (pair,) = load_labelled([tmp_path], ClassNames())
    assert pair.corners is not None and pair.corners.tolist() == [[28, 0, 32, 5]]


def test_splits_that_share_pictures_are_refused_whatever_they_are_called():
    grey = np.zeros((4, 4), np.uint8)
    one = LabelledPair("a/1.png", "a", grey, grey)
    copy = LabelledPair("b/other.png", "b", grey.copy(), grey.copy())
    other = LabelledPair("b/2.png", "b", grey + 1, grey)
    check_apart({"data": [one, one], "test_data": [other]})
    with pytest.raises(TrainingError, match=r"1 pictures are in two: a/1.png of data is b/other.png of test"):
        check_apart({"data": [one], "test_data": [copy, other]})
