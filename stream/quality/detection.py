"""Mean average precision, recall and precision of a detector on pictures with known boxes.

Average precision is COCO's, by pycocotools: interpolated at 101 recalls, at an overlap of 0.5 and as the mean
of 0.5 to 0.95 in steps of 0.05. Intervals hold the middle 95 % of bootstrap samples of pictures.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gifnet.perception.config import CLASSES
from gifnet.perception.finder import Found
from stream.config import DetectionSettings
from stream.errors import ConfigError
from stream.quality.boxes import KnownBoxes

SAMPLES = 200
SEED = 1
# Least score of what counts as found for recall and precision, as in `gifnet run --detect`.
FOUND_FROM = DetectionSettings().least_score


@dataclass(frozen=True, slots=True)
class Score:
    """Figures of one method and one class; NaN where no object of the class is known.

    Attributes:
        objects: that are known.
        ap50: average precision at an overlap of 0.5.
        ap: mean average precision at 0.5 to 0.95.
        ap50_interval: of the bootstrap.
        recall: share of the objects that are found, at an overlap of 0.5.
        precision: share of what is found that is an object.
    """

    objects: int
    ap50: float
    ap: float
    ap50_interval: tuple[float, float]
    recall: float
    precision: float


def score(
    known: Mapping[str, KnownBoxes], found: Mapping[str, Sequence[Found]], samples: int = SAMPLES
) -> dict[str, Score]:
    """Figures by class, and `all` as the mean of the classes that occur.

    Args:
        known: boxes by the name of the picture.
        found: with all scores down to a low one, by the name of the picture; each that is known is there.
        samples: of the bootstrap.

    Raises:
        ConfigError: pycocotools is not installed.
    """
    evaluation = _evaluated(known, found)
    rng = np.random.default_rng(SEED)
    draws = [rng.integers(0, len(known), len(known)) for _ in range(samples)]
    whole = _precisions(evaluation, np.arange(len(known)))
    drawn = np.array([_precisions(evaluation, draw)[:, 0] for draw in draws]).reshape(samples, len(CLASSES))
    scores = {}
    for number, name in enumerate(CLASSES):
        objects = sum(each == name for boxes in known.values() for each, _ in boxes.objects)
        interval = _interval(drawn[:, number])
        recall, precision = _at_threshold(evaluation, number)
        scores[name] = Score(
            objects, float(whole[number, 0]), float(whole[number, 1]), interval, recall, precision
        )
    there = [number for number, name in enumerate(CLASSES) if scores[name].objects]
    each = [scores[CLASSES[number]] for number in there]
    # A draw may hold no object of any class; such draws are left out.
    means = np.array([_mean(one.tolist()) for one in drawn[:, there]])
    scores["all"] = Score(
        objects=sum(one.objects for one in each),
        ap50=_mean([one.ap50 for one in each]),
        ap=_mean([one.ap for one in each]),
        ap50_interval=_interval(means),
        recall=_mean([one.recall for one in each]),
        precision=_mean([one.precision for one in each]),
    )
    return scores


def _evaluated(known: Mapping[str, KnownBoxes], found: Mapping[str, Sequence[Found]]) -> Any:
    """The evaluation of pycocotools, each picture compared."""
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError:
        raise ConfigError("average precision needs pycocotools: pip install 'gifnet-stream[eval]'") from None
    numbers = {name: number for number, name in enumerate(CLASSES, start=1)}
    annotations: list[dict[str, Any]] = []
    for image, boxes in enumerate(known.values(), start=1):
        for crowd, group in ((0, boxes.objects), (1, boxes.ignored)):
            for name, (left, top, right, bottom) in group:
                size = [left, top, right - left, bottom - top]
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": image,
                        "category_id": numbers[name],
                        "bbox": size,
                        "area": size[2] * size[3],
                        "iscrowd": crowd,
                    }
                )
    truth = COCO()
    truth.dataset = {
        "info": {},
        "images": [{"id": image} for image in range(1, len(known) + 1)],
        "categories": [{"id": number, "name": name} for name, number in numbers.items()],
        "annotations": annotations,
    }
    results = [
        {
            "image_id": image,
            "category_id": numbers[each.name],
            "bbox": [each.box[0], each.box[1], each.box[2] - each.box[0], each.box[3] - each.box[1]],
            "score": each.score,
        }
        for image, name in enumerate(known, start=1)
        for each in found[name]
        if each.name in numbers
    ]
    with contextlib.redirect_stdout(io.StringIO()):  # it tells of its progress
        truth.createIndex()
        evaluation = COCOeval(truth, _loaded(truth, results), "bbox")
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.params.maxDets = [100]
        evaluation.evaluate()
    return evaluation


def _loaded(truth: Any, results: list[dict[str, Any]]) -> Any:
    """Results as pycocotools has them; it takes no empty list."""
    if results:
        return truth.loadRes(results)
    empty = type(truth)()
    empty.dataset = {**truth.dataset, "annotations": []}
    empty.createIndex()
    return empty


def _precisions(evaluation: Any, images: NDArray[np.int64]) -> NDArray[np.float64]:
    """[classes, 2] average precision at 0.5 and at 0.5 to 0.95 over some pictures, each as often as given."""
    count = len(evaluation.params.imgIds)
    all_images, parameters = evaluation.evalImgs, evaluation._paramsEval
    kept_images, kept_ids = all_images, parameters.imgIds
    try:
        evaluation.evalImgs = [
            all_images[number * count + image] for number in range(len(CLASSES)) for image in images
        ]
        with contextlib.redirect_stdout(io.StringIO()):
            evaluation.accumulate()
    finally:
        evaluation.evalImgs, parameters.imgIds = kept_images, kept_ids
    precision = evaluation.eval["precision"][:, :, :, 0, 0].astype(float)  # [overlaps, recalls, classes]
    precision[precision < 0] = np.nan
    return np.stack([precision[0].mean(axis=0), precision.mean(axis=(0, 1))], axis=1)


def _at_threshold(evaluation: Any, number: int) -> tuple[float, float]:
    """Recall and precision of one class at an overlap of 0.5, of what scores at least `FOUND_FROM`."""
    count = len(evaluation.params.imgIds)
    right = wrong = objects = 0
    for image in evaluation.evalImgs[number * count : (number + 1) * count]:
        if image is None:
            continue
        objects += int((~np.asarray(image["gtIgnore"], bool)).sum())
        counts = (np.asarray(image["dtScores"]) >= FOUND_FROM) & ~image["dtIgnore"][0].astype(bool)
        matched = image["dtMatches"][0] > 0
        right += int((counts & matched).sum())
        wrong += int((counts & ~matched).sum())
    recall = right / objects if objects else float("nan")
    return recall, right / (right + wrong) if right + wrong else float("nan")


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    known = values[~np.isnan(values)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.percentile(known, [2.5, 97.5]).tolist()
    return low, high


def _mean(values: list[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return sum(known) / len(known) if known else float("nan")
