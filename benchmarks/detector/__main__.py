"""Compares detectors on frames that were labelled by hand and never trained on, on every kind of picture.

    GIFNET_TEST_DATA=../shared python -m benchmarks.detector
    GIFNET_TEST_DATA=../shared python -m benchmarks.detector --detector yolox_nano.onnx --models lite
    GIFNET_TEST_DATA=../shared python -m benchmarks.detector --boxes aside
    GIFNET_TEST_DATA=../shared python -m benchmarks.detector --pictures found.jpg

`test_boxes.json` has 33 frames of two scenes of M3SVD (smoke, night) and 33 pairs of RoadScene (day and
night, driving); `aside_boxes.json` ten other pairs of RoadScene at night, by which nothing was chosen.
Compared are visible, thermal, their mean and maximum, and what the named networks fuse, with its levels as in
videos.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from gifnet.level import levelled
from gifnet.loading import load_network
from gifnet.model import Fusion
from gifnet.perception.finder import Found
from stream.cli.eval_detector import LEAST_SCORE, table
from stream.config import DetectionSettings
from stream.detection.open import open_finder
from stream.quality.boxes import KnownBoxes, read_boxes
from stream.quality.detection import FOUND_FROM, score
from stream.render.boxes import draw_boxes
from stream.zeromq.objects import FoundObject

BOXES = {name: Path(__file__).parent / f"{name}_boxes.json" for name in ("test", "aside")}
SETS = {"all": "", "m3svd": "m3svd/", "smoke": "m3svd/0117_1605", "roadscene": "roadscene/"}
Picture = NDArray[np.uint8]


def main() -> None:
    """Print a table for each set of pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--boxes", choices=BOXES, default="test", help="which frames")
    parser.add_argument("--detector", default="default")
    parser.add_argument("--side", type=int, default=416, help="longer side that the detector sees")
    parser.add_argument("--models", nargs="*", default=["lite", "full"], help="networks that fuse")
    parser.add_argument("--set", choices=SETS, action="append", help="of pictures; repeatable")
    parser.add_argument("--pictures", type=Path, help="file for a sheet of what is found")
    chosen = parser.parse_args()
    shared = Path(os.environ.get("GIFNET_TEST_DATA", "../shared"))
    settings = DetectionSettings(
        enabled=True, detector=chosen.detector, least_score=LEAST_SCORE, side_px=chosen.side
    )
    finder = open_finder(settings)
    images = json.loads(BOXES[chosen.boxes].read_text(encoding="utf-8"))["images"]
    known = read_boxes(BOXES[chosen.boxes])
    found: dict[str, dict[str, list[Found]]] = defaultdict(dict)
    networks = {name: levelled(load_network(name, "default", "cpu", "auto")) for name in chosen.models}
    rows = []
    for image in images:
        name = Path(image["file_name"]).stem
        kinds = pictures(shared, image["file_name"], networks)
        for kind, picture in kinds.items():
            found[kind][name] = finder.find(picture)
        rows.append([_drawn(kinds[kind], found[kind][name], known[name]) for kind in kinds if kind in SHOWN])
    for chosen_set in chosen.set or list(SETS):
        stems = [
            Path(each["file_name"]).stem for each in images if each["file_name"].startswith(SETS[chosen_set])
        ]
        truth = {stem: known[stem] for stem in stems}
        if not stems:
            continue
        print(f"{chosen_set}: {len(stems)} pictures, {finder.name}\n")
        print(table({kind: score(truth, each) for kind, each in found.items()}), end="\n\n")
    if chosen.pictures:
        sheet = [np.hstack([*left, *right]) for left, right in zip(rows[::2], rows[1::2], strict=False)]
        cv2.imwrite(str(chosen.pictures), np.vstack(sheet))


SHOWN = ("visible", "thermal", "lite")


def pictures(shared: Path, name: str, networks: dict[str, Fusion]) -> dict[str, Picture]:
    """Every kind of picture of one pair, [H, W, 3] uint8 RGB or [H, W]."""
    visible, thermal = read_pair(shared / "data", name)
    grey = cv2.cvtColor(thermal, cv2.COLOR_RGB2GRAY)
    kinds = {"visible": visible, "thermal": grey}
    kinds["mean"] = cv2.addWeighted(visible, 0.5, thermal, 0.5, 0)
    kinds["maximum"] = np.maximum(visible, thermal)
    luma = cv2.cvtColor(visible, cv2.COLOR_RGB2YCrCb)
    planes = [torch.from_numpy(each).float()[None, None] / 255 for each in (luma[..., 0], grey)]
    for model, network in networks.items():
        with torch.inference_mode():
            fused = network(*planes)[0, 0].float().clamp(0, 1).mul(255).round().byte().numpy()
        kinds[model] = cv2.cvtColor(np.dstack([fused, luma[..., 1:]]), cv2.COLOR_YCrCb2RGB)
    return kinds


def read_pair(data: Path, name: str) -> tuple[Picture, Picture]:
    """Visible and thermal picture of an entry of `test_boxes.json`, [H, W, 3] uint8 RGB."""
    collection, _, file = name.partition("/")
    if collection == "roadscene":
        paths = [data / "roadscene" / side / file for side in ("visible", "thermal")]
        return _rgb(cv2.imread(str(paths[0]))), _rgb(cv2.imread(str(paths[1])))
    scene, _, number = Path(file).stem.rpartition("-")
    clips = [data / "m3svd" / "clips" / f"{scene}_{side}.mp4" for side in ("visible", "thermal")]
    if clips[0].exists() and scene == "0117_1605":
        return _frame(clips[0], int(number)), _frame(clips[1], int(number))
    folder = data / "m3svd" / "frames" / scene
    visible, thermal = (folder / side / f"{number}.jpg" for side in ("visible", "thermal"))
    return _rgb(cv2.imread(str(visible))), _rgb(cv2.imread(str(thermal)))


def _frame(clip: Path, number: int) -> Picture:
    return _frames(clip)[number]


@cache
def _frames(clip: Path) -> dict[int, Picture]:
    """Every tenth frame of a clip by its number: the labelled ones are among them."""
    reader, frames = cv2.VideoCapture(str(clip)), {}
    number = 0
    while reader.grab():
        if number % 10 == 0:
            frames[number] = _rgb(reader.retrieve()[1])
        number += 1
    return frames


def _rgb(picture: Picture | None) -> Picture:
    if picture is None:
        raise SystemExit("a picture of the test set is missing; set GIFNET_TEST_DATA to the folder of data/")
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)


def _drawn(picture: Picture, found: list[Found], known: KnownBoxes) -> Picture:
    """A tile with what is found, and what is known in white."""
    colour = picture if picture.ndim == 3 else cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)
    colour = colour.copy()
    for _, box in known.objects:
        left, top, right, bottom = (round(side) for side in box)
        cv2.rectangle(colour, (left, top), (right, bottom), (255, 255, 255), 1)
    sure = [FoundObject(each.name, each.score, each.box) for each in found if each.score >= FOUND_FROM]
    drawn = cv2.resize(draw_boxes(colour, sure), (426, 320), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR), np.uint8)


if __name__ == "__main__":
    main()
