"""Boxes of people and vehicles that are known: COCO JSON, or truth.jsonl of `gifnet scenes`."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gifnet.perception.config import CLASSES
from stream.errors import SourceError

# Names of other sets for what is a person or a vehicle here.
ALIASES = {"people": "person", "pedestrian": "person", "rider": "person"} | dict.fromkeys(
    (
        "car",
        "bus",
        "truck",
        "lorry",
        "van",
        "motorcycle",
        "motorbike",
        "bicycle",
        "bike",
        "train",
        "other vehicle",
    ),
    "vehicle",
)
Box = tuple[float, float, float, float]


@dataclass(slots=True)
class KnownBoxes:
    """The objects that are known in one picture.

    Attributes:
        objects: class and left, top, right, bottom in pixels.
        ignored: regions that count neither way, with the class that they hold for.
    """

    objects: list[tuple[str, Box]] = field(default_factory=list)
    ignored: list[tuple[str, Box]] = field(default_factory=list)


def read_boxes(path: Path) -> dict[str, KnownBoxes]:
    """The boxes of each picture, by its name without folder and suffix.

    Args:
        path: COCO JSON with the classes person and vehicle or names of them in other sets, where what is
            marked as a crowd is ignored; or truth.jsonl of `gifnet scenes`.

    Raises:
        SourceError: the file is neither, a class is unknown, or a box is none.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SourceError(f"the boxes {path} cannot be read: {why}") from None
    try:
        if path.suffix == ".jsonl":
            return _scenes([json.loads(line) for line in text.splitlines() if line.strip()])
        return _coco(json.loads(text))
    except (KeyError, TypeError, AttributeError) as error:
        raise SourceError(
            f"{path} holds no boxes that are known: it lacks {error}; give COCO JSON or the truth.jsonl of "
            "gifnet scenes"
        ) from None
    except ValueError as error:
        raise SourceError(f"the boxes {path} are wrong: {error}") from None


def _coco(values: dict[str, Any]) -> dict[str, KnownBoxes]:
    names = {category["id"]: _class(category["name"]) for category in values["categories"]}
    images = {image["id"]: Path(image["file_name"]).stem for image in values["images"]}
    known = {stem: KnownBoxes() for stem in images.values()}
    if len(known) < len(images):
        raise ValueError("two pictures have one name")
    for annotation in values["annotations"]:
        left, top, width, height = (float(number) for number in annotation["bbox"])
        name, boxes = names[annotation["category_id"]], known[images[annotation["image_id"]]]
        place = boxes.ignored if annotation.get("iscrowd") else boxes.objects
        place.append((name, _checked((left, top, left + width, top + height))))
    return known


def _scenes(lines: list[dict[str, Any]]) -> dict[str, KnownBoxes]:
    known = {}
    for line in lines:
        boxes = known[Path(line["visible"]).stem] = KnownBoxes()
        for each in line["boxes"]:
            box = _checked((each["left"], each["top"], each["right"], each["bottom"]))
            boxes.objects.append((_class(each["kind"]), box))
    return known


def _checked(box: Box) -> Box:
    if not (box[0] < box[2] and box[1] < box[3]):
        raise ValueError(f"{list(box)} is not a box: right and bottom must be beyond left and top")
    return box


def _class(name: str) -> str:
    own = ALIASES.get(name.lower(), name.lower())
    if own not in CLASSES:
        raise ValueError(f"the class {name!r} is unknown; known are {', '.join([*CLASSES, *ALIASES])}")
    return own
