"""Files of labelled pairs, in folders as the authors of the data sets lay them out.

scenes   visible/, thermal/ with equal names; labels.json (COCO), or labels/*.txt (YOLO) with classes.txt;
         labels/*.png
m3fd     Vis/ or vi/, Ir/ or ir/; Annotation/*.xml; meta/SPLIT.txt where it is there
llvip    visible/SPLIT/, infrared/SPLIT/; Annotations/*.xml
msrs     SPLIT/vi/, SPLIT/ir/; SPLIT/Segmentation_labels/*.png
mfnet    images/*.png with four channels, of which the last is thermal; labels/*.png; SPLIT.txt
flir     JPEGImages/*_RGB.jpg, *_PreviewData.jpeg; Annotations/*_PreviewData.xml; align_SPLIT.txt
kaist    images/set*/V*/visible/, lwir/; annotations*/set*/V*/*.txt or *.xml; imageSets/SPLIT.txt
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gifnet.errors import TrainingError

Layout = Literal["auto", "scenes", "m3fd", "llvip", "msrs", "mfnet", "flir", "kaist"]
PICTURES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff"}
MFNET_CLASSES = (
    "unlabelled",
    "car",
    "person",
    "bike",
    "curve",
    "car stop",
    "guardrail",
    "color cone",
    "bump",
)
SCENE_CLASSES = ("street", "person", "vehicle")


@dataclass(frozen=True, slots=True)
class Entry:
    """Files of one labelled pair.

    Attributes:
        scene: pairs of one scene resemble each other.
        visible: its file; holds thermal too, as a fourth channel, where `thermal` is None.
        thermal: its file.
        boxes: their file; None where there are none.
        mask: its file; None where there is none.
        mask_names: of the values of the mask.
        text: format of boxes in a .txt file.
    """

    scene: str
    visible: Path
    thermal: Path | None
    boxes: Path | None = None
    mask: Path | None = None
    mask_names: Sequence[str] = ()
    text: Literal["yolo", "kaist"] = "yolo"


def find_entries(root: Path, layout: Layout = "auto", split: str = "train") -> list[Entry]:
    """Files of all pairs of a data set's split.

    Args:
        root: its folder.
        layout: by default the one whose folders are there.
        split: train, val or test, as the data set spells it; `scenes` has none.

    Raises:
        TrainingError: the folder is of no known layout, or something of it is missing.
    """
    if not root.is_dir():
        raise TrainingError(f"the data folder {root} does not exist")
    name = _recognised(root) if layout == "auto" else layout
    entries = list(_FINDERS[name](root, split))
    if not entries:
        raise TrainingError(f"{root}: no labelled pairs in layout {name}, split {split!r}")
    return entries


def _recognised(root: Path) -> str:
    for name, marks in _MARKS.items():
        if all(any((root / part).exists() for part in mark) for mark in marks):
            return name
    known = "; ".join(
        f"{name}: {', '.join(' or '.join(mark) for mark in marks)}" for name, marks in _MARKS.items()
    )
    there = ", ".join(sorted(path.name for path in root.iterdir())[:10]) or "nothing"
    raise TrainingError(f"{root} is of no known layout ({known}); there is {there}")


def _scenes(root: Path, split: str) -> Iterator[Entry]:
    del split
    visible, thermal = _needed(root, "visible"), _needed(root, "thermal")
    coco = root / "labels.json"
    for stem, file in _stems(visible).items():
        text = root / "labels" / f"{stem}.txt"
        boxes = coco if coco.is_file() else text if text.is_file() else None
        mask = _optional(root / "labels" / f"{stem}.png")
        yield Entry(root.name, file, _partner(thermal, stem, file), boxes, mask, SCENE_CLASSES)


def _m3fd(root: Path, split: str) -> Iterator[Entry]:
    visible, thermal, labels = (
        _needed(root, "Vis", "vi"),
        _needed(root, "Ir", "ir"),
        _needed(root, "Annotation"),
    )
    chosen = _listed(root / "meta" / f"{split}.txt") if (root / "meta").is_dir() else None
    for stem, file in _stems(visible).items():
        if chosen is None or stem in chosen:
            yield Entry(stem, file, _partner(thermal, stem, file), _partner(labels, stem, file, {".xml"}))


def _llvip(root: Path, split: str) -> Iterator[Entry]:
    visible, thermal = _needed(root, f"visible/{split}"), _needed(root, f"infrared/{split}")
    labels = _needed(root, "Annotations")
    for stem, file in _stems(visible).items():
        boxes = _partner(labels, stem, file, {".xml"})
        yield Entry(stem[:2], file, _partner(thermal, stem, file), boxes)


def _msrs(root: Path, split: str) -> Iterator[Entry]:
    visible, thermal = _needed(root, f"{split}/vi"), _needed(root, f"{split}/ir")
    labels = _needed(root, f"{split}/Segmentation_labels")
    for stem, file in _stems(visible).items():
        mask = _partner(labels, stem, file, {".png"})
        yield Entry(stem, file, _partner(thermal, stem, file), None, mask, MFNET_CLASSES)


def _mfnet(root: Path, split: str) -> Iterator[Entry]:
    pictures, labels = _needed(root, "images"), _needed(root, "labels")
    for stem in _listed(root / f"{split}.txt"):
        file = _partner(pictures, stem, root / f"{split}.txt")
        yield Entry(stem, file, None, None, _partner(labels, stem, file, {".png"}), MFNET_CLASSES)


def _flir(root: Path, split: str) -> Iterator[Entry]:
    pictures, labels = _needed(root, "JPEGImages"), _needed(root, "Annotations")
    listed = root / f"align_{'validation' if split in ('val', 'test') else split}.txt"
    for stem in _listed(listed):
        thermal = _partner(pictures, stem, listed)
        visible = _partner(pictures, stem.replace("_PreviewData", "_RGB"), thermal)
        yield Entry(stem, visible, thermal, _partner(labels, stem, thermal, {".xml"}))


def _kaist(root: Path, split: str) -> Iterator[Entry]:
    pictures = _needed(root, "images")
    labels = _needed(root, "annotations", "annotations-xml-new", "annotations-xml")
    listed = _listed(
        _first(root / "imageSets", (f"{split}.txt", f"{split}-all-20.txt", f"{split}-all-01.txt"))
    )
    for each in listed:
        place, stem = (pictures / each).parent, Path(each).name
        visible = _partner(place / "visible", stem, root / "imageSets")
        boxes = _partner((labels / each).parent, stem, visible, {".txt", ".xml"})
        thermal = _partner(place / "lwir", stem, visible)
        yield Entry(str(Path(each).parent), visible, thermal, boxes, text="kaist")


_FINDERS: dict[str, Callable[[Path, str], Iterator[Entry]]] = {
    "scenes": _scenes,
    "m3fd": _m3fd,
    "llvip": _llvip,
    "msrs": _msrs,
    "mfnet": _mfnet,
    "flir": _flir,
    "kaist": _kaist,
}
_MARKS: dict[str, tuple[tuple[str, ...], ...]] = {
    "m3fd": (("Vis", "vi"), ("Ir", "ir")),
    "llvip": (("visible",), ("infrared",)),
    "msrs": (("train/vi", "test/vi"),),
    "flir": (("JPEGImages",),),
    "kaist": (("images/set00", "imageSets"),),
    "mfnet": (("images",), ("labels",)),
    "scenes": (("visible",), ("thermal",)),
}


def _needed(root: Path, *names: str) -> Path:
    """The folder of one of these names."""
    for name in names:
        if (root / name).is_dir():
            return root / name
    raise TrainingError(f"{root}: the folder {' or '.join(names)} is missing")


def _first(folder: Path, names: Sequence[str]) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise TrainingError(f"{folder}: the list {' or '.join(names)} is missing")


def _listed(path: Path) -> list[str]:
    """Names in a list of a split, without endings."""
    if not path.is_file():
        raise TrainingError(f"the list {path} is missing")
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [
        line[: -len(Path(line).suffix)] if Path(line).suffix in PICTURES else line for line in lines if line
    ]


def _stems(folder: Path) -> dict[str, Path]:
    return {file.stem: file for file in sorted(folder.iterdir()) if file.suffix.lower() in PICTURES}


def _optional(path: Path) -> Path | None:
    return path if path.is_file() else None


def _partner(folder: Path, stem: str, file: Path, endings: set[str] = PICTURES) -> Path:
    """The file of a name in another folder."""
    for ending in sorted(endings):
        for path in (folder / f"{stem}{ending}", folder / f"{stem}{ending.upper()}"):
            if path.is_file():
                return path
    raise TrainingError(f"{file} has no partner {stem} ({', '.join(sorted(endings))}) in {folder}")
