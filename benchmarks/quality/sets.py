"""Pairs that `benchmarks.quality` fuses: reference pictures and generated streets nobody trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from benchmarks.quality.regions import Box
from gifnet.eval.single import Grey
from stream.quality.inputs import read_grey
from stream.synthetic.street import Street

FILES = ("roadscene", "smoke", "tno", "tasks")
_SMOKE = ("0111_1716", "0111_1753", "0111_1803")
_PUBLISHED = ("DenseFuse", "SDNet", "SeAFusion")
_TASKS = {
    "IVIF": ("visible.jpg", "thermal.jpg"),
    "MEIF": ("over_or_under_a.jpg", "over_or_under_b.jpg"),
    "MFIF": ("b.jpg", "a.jpg"),
    "Medical": ("mri.png", "pet.png"),
    "NIR-VIS": ("visible.jpg", "nir.jpg"),
    "Remote": ("pan.tif", "ms_band1.tif"),
}
_LIGHTS = (("day", 0.0), ("dusk", 0.0), ("night", 0.0), ("day", 0.5))
STREETS = {"streets": 90_000, "other-streets": 95_000}
"""First seeds of generated streets; levels were chosen by a look at the first set, not at the other."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A grey pair.

    Attributes:
        name: for tables.
        visible: [H, W] uint8; the first picture of other tasks.
        thermal: likewise.
        others: pictures that other methods made of it.
        people: boxes of people, far ones first.
    """

    name: str
    visible: Grey
    thermal: Grey
    others: dict[str, Path] = field(default_factory=dict)
    people: Sequence[Box] = ()


def pairs_of(data: Path, chosen: str, every: int) -> list[Pair]:
    """Pairs of a set by name: `roadscene`, `smoke` (M3SVD), `tno`, `tasks`, `streets` or `other-streets`."""
    if chosen in STREETS:
        return [_street(STREETS[chosen], place) for place in range(0, 48, every)]
    found = _tno(data) if chosen == "tno" else _tasks(data) if chosen == "tasks" else _scenes(data, chosen)
    return [
        Pair(name, read_grey(one), read_grey(other), others) for name, one, other, others in found[::every]
    ]


_Found = list[tuple[str, Path, Path, dict[str, Path]]]


def _tno(data: Path) -> _Found:
    folder = data / "metrics/images"
    stems = [path.stem[:2] for path in sorted(folder.glob("*_visible.png"))]
    return [
        (stem, folder / f"{stem}_visible.png", folder / f"{stem}_thermal.png",
         {name: folder / f"{stem}_{name}.png" for name in _PUBLISHED})
        for stem in stems
    ]  # fmt: skip


def _tasks(data: Path) -> _Found:
    folder = data / "data/tasks"
    return [(task, folder / task / one, folder / task / other, {}) for task, (one, other) in _TASKS.items()]


def _scenes(data: Path, chosen: str) -> _Found:
    scenes = ["roadscene"] if chosen == "roadscene" else [f"m3svd/frames/{name}" for name in _SMOKE]
    return [
        (f"{Path(scene).name}/{path.stem}", path, data / "data" / scene / "thermal" / path.name, {})
        for scene in scenes
        for path in sorted((data / "data" / scene / "visible").iterdir())
    ]


def _street(first_seed: int, place: int) -> Pair:
    light, smoke = _LIGHTS[place % len(_LIGHTS)]
    street = Street(first_seed + place, light=light, smoke=smoke)  # type: ignore[arg-type]  # a literal
    time_s = 0.5 * place
    visible = np.asarray(cv2.cvtColor(street.visible(time_s), cv2.COLOR_RGB2GRAY), np.uint8)
    thermal = np.asarray(street.thermal(time_s, 8), np.uint8)
    people = [
        (box.left, box.top, box.right, box.bottom)
        for box in street.truth(time_s).boxes
        if box.kind == "person"
    ]
    return Pair(f"{light}{f' smoke {smoke}' if smoke else ''} {place}", visible, thermal, people=people)
