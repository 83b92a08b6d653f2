"""Boxes in the common formats: COCO JSON, VOC XML, YOLO text, and the text of KAIST."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from gifnet.errors import TrainingError


@dataclass(frozen=True, slots=True)
class NamedBox:
    """A box as a file states it.

    Attributes:
        name: of its class.
        corners: left, top, right, bottom in pixels from the picture's upper left edge.
        crowd: true where single things cannot be told apart.
    """

    name: str
    corners: tuple[float, float, float, float]
    crowd: bool = False


def read_coco(path: Path) -> dict[str, list[NamedBox]]:
    """Boxes of COCO JSON by the pictures' file names; a picture without boxes has an empty list.

    Raises:
        TrainingError: the file is no COCO JSON.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        names = {each["id"]: str(each["name"]) for each in content["categories"]}
        files = {each["id"]: str(each["file_name"]) for each in content["images"]}
        found: dict[str, list[NamedBox]] = {file: [] for file in files.values()}
        for each in content["annotations"]:
            left, top, width, height = (float(value) for value in each["bbox"])
            corners = (left, top, left + width, top + height)
            box = NamedBox(names[each["category_id"]], corners, bool(each.get("iscrowd", 0)))
            found[files[each["image_id"]]].append(box)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, "COCO JSON with images, annotations and categories", error) from None
    return found


def read_voc(path: Path) -> list[NamedBox]:
    """Boxes of a VOC XML file, whose pixels count from 1 and whose right and bottom are included.

    Raises:
        TrainingError: the file is no VOC XML.
    """
    try:
        root = ElementTree.parse(path).getroot()
        return [
            NamedBox(
                _text(each, "name"),
                (
                    float(_text(each, "bndbox/xmin")) - 1,
                    float(_text(each, "bndbox/ymin")) - 1,
                    float(_text(each, "bndbox/xmax")),
                    float(_text(each, "bndbox/ymax")),
                ),
            )
            for each in root.iter("object")
        ]
    except (OSError, ValueError, ElementTree.ParseError) as error:
        raise _damaged(path, "VOC XML with object/name and object/bndbox", error) from None


def read_yolo(path: Path, names: Sequence[str], size: tuple[int, int]) -> list[NamedBox]:
    """Boxes of a YOLO text file: class number, then middle, width and height as shares of the picture.

    Args:
        path: the file; empty where nothing is in the picture.
        names: of the classes, by number.
        size: width and height of the picture.

    Raises:
        TrainingError: a line is none of these.
    """
    width, height = size
    found = []
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line.strip():
                continue
            number, x, y, wide, tall = (float(word) for word in line.split()[:5])
            if not 0 <= number < len(names):
                raise ValueError(f"class {number:g} of {len(names)}")
            corners = (
                (x - wide / 2) * width,
                (y - tall / 2) * height,
                (x + wide / 2) * width,
                (y + tall / 2) * height,
            )
            found.append(NamedBox(names[int(number)], corners))
    except (OSError, ValueError) as error:
        raise _damaged(path, "YOLO text, a line `class x y width height` a box", error) from None
    return found


def read_kaist(path: Path) -> list[NamedBox]:
    """Boxes of a text file of KAIST (bbGt version 3): name, left, top, width, height and more a line.

    There `people` is a group that could not be told apart, `person?` an unsure one.

    Raises:
        TrainingError: a line is none of these.
    """
    found = []
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line.strip() or line.startswith("%"):
                continue
            name, *numbers = line.split()
            left, top, width, height = (float(word) for word in numbers[:4])
            unsure = len(numbers) > 9 and numbers[9] == "1"
            name = "group of people" if name == "people" else name
            found.append(NamedBox(name, (left, top, left + width, top + height), unsure))
    except (OSError, ValueError) as error:
        raise _damaged(path, "KAIST text, a line `name left top width height ...` a box", error) from None
    return found


def _text(element: Any, path: str) -> str:
    text = element.findtext(path)
    if text is None:
        raise ValueError(f"{path} is missing")
    return str(text)


def _damaged(path: Path, expected: str, error: Exception) -> TrainingError:
    return TrainingError(f"the labels {path} cannot be read ({error}); expected {expected}")
