"""`gifnet eval --detector`: what a detector finds in visible, thermal, simply mixed and fused pictures."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stream.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from stream.frame import Pixels
    from stream.quality.boxes import KnownBoxes
    from stream.quality.detection import Score

# Down to which score boxes count for average precision.
LEAST_SCORE = 0.05
COLUMNS = ("objects", "mAP@.5", "95 % of it", "mAP@.5:.95", "recall", "precision")


def evaluate_detector(
    detector: str,
    boxes: Path | None,
    visible: Path,
    thermal: Path,
    fused: dict[str, Path],
    every: int,
    quiet: bool,
) -> dict[str, dict[str, Score]]:
    """Figures of each picture kind and class.

    Args:
        detector: default, a file of weights of ours, or an ONNX file.
        boxes: COCO JSON or truth.jsonl.
        visible: folder of pictures.
        thermal: likewise.
        fused: folders by the name of the method.
        every: take every n-th pair.
        quiet: no progress.

    Raises:
        GifnetError: of the detector, the boxes or the pictures.
    """
    from rich.console import Console
    from rich.progress import track

    from stream.config import DetectionSettings
    from stream.detection.open import open_finder
    from stream.quality.boxes import read_boxes
    from stream.quality.detection import score
    from stream.quality.inputs import find_samples

    if boxes is None:
        raise ConfigError(
            "--detector needs to know what is in the pictures: --boxes FILE, in COCO JSON or of scenes"
        )
    known = read_boxes(boxes)
    samples = find_samples(visible, thermal, fused or {"thermal": thermal}, every)
    stems = list(dict.fromkeys(sample.name for sample in samples))
    if missing := [stem for stem in stems if stem not in known]:
        raise SourceError(
            f"{boxes} tells nothing of {len(missing)} of the {len(stems)} pictures, the first {missing[0]}"
        )
    finder = open_finder(DetectionSettings(enabled=True, detector=detector, least_score=LEAST_SCORE))
    by_stem = {stem: [sample for sample in samples if sample.name == stem] for stem in stems}
    found: dict[str, dict[str, Any]] = {}
    progress = track(
        stems, "detecting", console=Console(stderr=True), transient=True,
        disable=quiet or not sys.stderr.isatty(),
    )  # fmt: skip
    for stem in progress:
        own = by_stem[stem]
        paths = {sample.method: sample.fused for sample in own} if fused else {}
        for kind, picture in pictures_of(own[0].visible, own[0].thermal, paths):
            found.setdefault(kind, {})[stem] = finder.find(picture)
    truth: dict[str, KnownBoxes] = {stem: known[stem] for stem in stems}
    return {kind: score(truth, each) for kind, each in found.items()}


def table(scores: dict[str, dict[str, Score]]) -> str:
    """A block of lines for each class: the kinds of pictures and their figures."""
    lines: list[str] = []
    for name in next(iter(scores.values())):
        if not next(iter(scores.values()))[name].objects:
            continue
        width = max(len(kind) for kind in (name, *scores))
        lines.append("  ".join([name.ljust(width), *(column.rjust(12) for column in COLUMNS)]))
        for kind, classes in scores.items():
            one = classes[name]
            interval = "-".join(_number(each) for each in one.ap50_interval)
            figures = [str(one.objects), _number(one.ap50), interval, _number(one.ap)]
            figures += [_number(one.recall), _number(one.precision)]
            lines.append("  ".join([kind.ljust(width), *(figure.rjust(12) for figure in figures)]))
        lines.append("")
    return "\n".join(lines[:-1])


def as_json(scores: dict[str, dict[str, Score]]) -> str:
    """The same as JSON; null where a figure is not defined."""
    plain = {kind: {name: asdict(one) for name, one in classes.items()} for kind, classes in scores.items()}
    return json.dumps(_without_nan(plain), indent=2, allow_nan=False)


def tell(scores: dict[str, dict[str, Score]], as_text_of_json: bool) -> None:
    """Print them."""
    click.echo(as_json(scores) if as_text_of_json else table(scores))


def pictures_of(visible: Path, thermal: Path, fused: dict[str, Path]) -> Iterator[tuple[str, Pixels]]:
    """Each kind of picture, [H, W, 3] uint8 RGB or [H, W] grey, on the visible grid."""
    import cv2
    import numpy as np

    from stream.sources.pictures.decode import read_picture

    def read(path: Path) -> Pixels:
        pixels = read_picture(path)
        if pixels is None or pixels.dtype != np.uint8:
            raise SourceError(f"{path} is not a whole picture of 8 bits")
        return np.asarray(pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))

    seen, warm = read(visible), read(thermal)
    grey = warm if warm.ndim == 2 else cv2.cvtColor(warm, cv2.COLOR_RGB2GRAY)
    if seen.shape[:2] != grey.shape:
        raise SourceError(
            f"{visible} and {thermal} differ in size; detectors are compared on registered pictures"
        )
    yield "visible", seen
    yield "thermal", np.asarray(grey)
    colour = seen if seen.ndim == 3 else cv2.cvtColor(seen, cv2.COLOR_GRAY2RGB)
    spread = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    yield "mean", np.asarray(cv2.addWeighted(colour, 0.5, spread, 0.5, 0))
    yield "maximum", np.maximum(colour, spread)
    for method, path in fused.items():
        yield method, read(path)


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value
