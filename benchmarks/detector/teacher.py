"""Labels of registered pairs by a teacher: what an ONNX detector finds on both cameras, or frame after frame.

    python -m benchmarks.detector.teacher yolox_nano.onnx M3SVD -o REAL [--leave-out 0117_1605 0111_1803]

M3SVD holds folders visible/ and thermal/ at any depth, and clips NAME_visible.mp4 with NAME_thermal.mp4. Both
pictures of a pair are looked at. A box stays where the other camera shows the same (overlap of 0.45 or more),
or where a frame next to it does (0.3 or more, since things move) and it is sure (0.4 or more). Any other box
becomes a region in which nothing counts as right or wrong. Written are visible/*.png, thermal/*.png and
labels.json (COCO) in a folder for each scene. Look at them before anything is trained: a teacher is blind in
camouflage, and sees people in statues.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2

from gifnet.perception.finder import Found
from gifnet.train.pairs import Pair, load_pairs
from stream.detection.open import ObjectFinder, open_onnx

FOUND_FROM, SURE_FROM = 0.25, 0.4
SAME_OVERLAP, NEXT_OVERLAP = 0.45, 0.3
NUMBERS = {"person": 1, "vehicle": 2}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("detector", type=Path, help="ONNX file of the YOLOX or YOLOv8 layout")
    parser.add_argument("data", type=Path, nargs="+", help="folders with pairs or clips")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--clip-step", type=int, default=10, help="take every n-th frame of a clip")
    parser.add_argument("--leave-out", nargs="*", default=[], help="scenes that are kept for testing")
    arguments = parser.parse_args()
    finder = open_onnx(arguments.detector, FOUND_FROM)
    scenes: dict[str, list[Pair]] = defaultdict(list)
    for pair in load_pairs(arguments.data, arguments.clip_step):
        scenes[pair.scene].append(pair)
    for scene, pairs in sorted(scenes.items()):
        if scene not in arguments.leave_out:
            boxes = label(finder, pairs)
            write(arguments.output / scene, pairs, boxes)
            sure = sum(not crowd for each in boxes for _, crowd in each)
            print(
                f"{scene}: {len(pairs)} pairs, {sure} boxes, {sum(map(len, boxes)) - sure} unsure", flush=True
            )


def label(finder: ObjectFinder, pairs: Sequence[Pair]) -> list[list[tuple[Found, bool]]]:
    """Boxes of each pair of a scene, in the order of time, and whether each is unsure."""
    found = [[finder.find(picture) for picture in (pair.visible, pair.thermal)] for pair in pairs]
    labelled = []
    for place, (visible, thermal) in enumerate(found):
        near = [
            each
            for at in (place - 1, place + 1)
            if 0 <= at < len(found)
            for side in found[at]
            for each in side
        ]
        boxes: list[tuple[Found, bool]] = []
        for each, others in [(each, thermal) for each in visible] + [(each, visible) for each in thermal]:
            agreed = _seen(each, others, SAME_OVERLAP)
            followed = each.score >= SURE_FROM and _seen(each, near, NEXT_OVERLAP)
            boxes.append((each, not (agreed or followed)))
        labelled.append(_once(boxes))
    return labelled


def _once(boxes: list[tuple[Found, bool]]) -> list[tuple[Found, bool]]:
    """Each thing once: sure boxes before unsure ones, then by score."""
    kept: list[tuple[Found, bool]] = []
    for each, crowd in sorted(boxes, key=lambda box: (box[1], -box[0].score)):
        if not _seen(each, [other for other, _ in kept], SAME_OVERLAP):
            kept.append((each, crowd))
    return kept


def _seen(box: Found, others: Sequence[Found], least: float) -> bool:
    return any(other.name == box.name and _overlap(box.box, other.box) >= least for other in others)


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(across, 0.0) * max(down, 0.0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared / max(sum(areas) - shared, 1e-9)


def write(folder: Path, pairs: Sequence[Pair], boxes: Sequence[list[tuple[Found, bool]]]) -> None:
    """Pictures and labels of a scene."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for side in ("visible", "thermal"):
        (folder / side).mkdir(parents=True, exist_ok=True)
    for index, (pair, of_pair) in enumerate(zip(pairs, boxes, strict=True)):
        name = f"{index:06d}.png"
        cv2.imwrite(str(folder / "visible" / name), pair.visible)
        cv2.imwrite(str(folder / "thermal" / name), pair.thermal)
        height, width = pair.visible.shape
        images.append({"id": index, "file_name": f"visible/{name}", "width": width, "height": height})
        for each, crowd in of_pair:
            left, top, right, bottom = (round(side, 1) for side in each.box)
            annotations.append(
                {
                    "id": len(annotations),
                    "image_id": index,
                    "category_id": NUMBERS[each.name],
                    "bbox": [left, top, round(right - left, 1), round(bottom - top, 1)],
                    "score": round(each.score, 3),
                    "iscrowd": int(crowd),
                }
            )
    names = [{"id": number, "name": name} for name, number in NUMBERS.items()]
    content = {"images": images, "categories": names, "annotations": annotations}
    (folder / "labels.json").write_text(json.dumps(content), encoding="utf-8")


if __name__ == "__main__":
    main()
