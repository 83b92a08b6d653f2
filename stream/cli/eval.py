"""`gifnet eval`: how good fused pictures and videos are, several methods side by side."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stream.errors import ConfigError, SinkError

if TYPE_CHECKING:
    from stream.quality.inputs import Sample
    from stream.quality.tables import Values

_VIDEOS = {".mp4", ".mkv", ".mov", ".avi", ".ts", ".webm"}


@click.command(name="eval")
@click.option("--visible", required=True, type=click.Path(path_type=Path), help="Folder, picture or video.")
@click.option("--thermal", required=True, type=click.Path(path_type=Path), help="Folder, picture or video.")
@click.option("--fused", multiple=True, metavar="[NAME=]PATH", help="Fused pictures of a method; repeatable.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path),
    help="Folder for metrics.csv, metrics.json, metrics.svg and worst.png.",
)  # fmt: skip
@click.option("--metric", "metrics", multiple=True, help="Only this metric; repeatable. All by default.")
@click.option(
    "--every", type=click.IntRange(1), help="Take each so many-th pair; of videos frame, 10 by default."
)
@click.option("--video", is_flag=True, help="Folders hold the frames of one video.")
@click.option("--worst", default=5, show_default=True, type=click.IntRange(1, 50), help="Pairs on the sheet.")
@click.option(
    "--worst-by", default="Qabf", show_default=True, help="Metric that says which pairs are the worst."
)
@click.option("--workers", type=click.IntRange(1), help="Processes; one a core by default.")
@click.option(
    "--detector",
    metavar="NAME|FILE",
    help="Tell what a detector finds instead: default, weights of ours, or an ONNX file.",
)
@click.option("--boxes", type=click.Path(path_type=Path), help="Known boxes, COCO JSON or truth.jsonl.")
@click.option(
    "--segmenter",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Tell instead how well a segmentation network of gifnet train --joint labels the pixels.",
)
@click.option(
    "--masks",
    type=click.Path(path_type=Path),
    help="Folder of PNGs of the right classes: 0 background, 1 and on, 255 unknown.",
)
@click.option("--json", "as_json", is_flag=True, help="Tell it as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def evaluate(
    visible: Path,
    thermal: Path,
    fused: tuple[str, ...],
    output: Path | None,
    metrics: tuple[str, ...],
    every: int | None,
    video: bool,
    worst: int,
    worst_by: str,
    workers: int | None,
    detector: str | None,
    boxes: Path | None,
    segmenter: Path | None,
    masks: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure fused pictures or videos against their sources.

    Pictures of folders belong together when their names agree but for the suffix. Colour pictures are
    measured by their BT.601 luma, so that grey and colour ones compare.
    """
    from stream.quality import tables

    if detector is not None:
        _detect(detector, boxes, visible, thermal, _methods(fused), every or 1, output, as_json, quiet)
        return
    if boxes is not None:
        raise click.UsageError("--boxes goes with --detector")
    if segmenter is not None and masks is not None:
        _segment(segmenter, masks, visible, thermal, _methods(fused), every or 1, output, as_json)
        return
    if segmenter is not None or masks is not None:
        raise click.UsageError("--segmenter FILE and --masks FOLDER go together")
    if not fused:
        raise click.UsageError("name what is to be measured with --fused NAME=PATH")
    names = _checked(metrics)
    methods = _methods(fused)
    if video or visible.suffix.lower() in _VIDEOS:
        samples: list[Sample] = []
        rows = _measure_videos(visible, thermal, methods, names, every or 10, workers or 0)
    else:
        if names and output is not None and worst_by not in names:
            names = (*names, *_checked((worst_by,)))
        _checked((worst_by,))
        samples, rows = _measure_pictures(visible, thermal, methods, names, every or 1, workers or 0, quiet)
    click.echo(tables.as_json(rows) if as_json else tables.table(tables.means(rows)))
    if output is not None:
        _write(output, samples, rows, worst, worst_by)


def _segment(
    segmenter: Path, masks: Path, visible: Path, thermal: Path, methods: dict[str, Path], every: int,
    output: Path | None, as_json: bool,
) -> None:  # fmt: skip
    from stream.cli.eval_detector import pictures_of
    from stream.quality import segmentation
    from stream.quality.inputs import find_samples

    samples = find_samples(visible, thermal, methods or {"thermal": thermal}, every)
    by_name = {sample.name: [other for other in samples if other.name == sample.name] for sample in samples}
    meter = segmentation.Meter(segmenter, masks)
    for name, own in by_name.items():
        paths = {sample.method: sample.fused for sample in own} if methods else {}
        for kind, picture in pictures_of(own[0].visible, own[0].thermal, paths):
            meter.add(kind, name, picture)
    scores = meter.scores()
    text = segmentation.as_json(scores)
    click.echo(text if as_json else segmentation.table(scores))
    if output is not None:
        _write_text(output, "segmentation.json", text)


def _detect(
    detector: str, boxes: Path | None, visible: Path, thermal: Path, methods: dict[str, Path], every: int,
    output: Path | None, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    from stream.cli import eval_detector

    scores = eval_detector.evaluate_detector(detector, boxes, visible, thermal, methods, every, quiet)
    eval_detector.tell(scores, as_json)
    if output is not None:
        _write_text(output, "detection.json", eval_detector.as_json(scores))


def _write_text(folder: Path, name: str, text: str) -> None:
    from stream.files.atomic_write import write_atomic

    try:
        folder.mkdir(exist_ok=True)
        write_atomic(folder / name, text + "\n")
    except OSError as error:
        raise SinkError(f"{error.filename or folder} cannot be written: {error.strerror}") from None
    click.echo(f"wrote {name} to {folder}", err=True)


def _checked(metrics: tuple[str, ...]) -> tuple[str, ...]:
    from gifnet.eval import METRICS

    for name in metrics:
        if name not in METRICS:
            raise ConfigError(f"there is no metric {name!r}; known are {', '.join(METRICS)}")
    return metrics


def _methods(fused: tuple[str, ...]) -> dict[str, Path]:
    methods: dict[str, Path] = {}
    for word in fused:
        name, equals, path = word.partition("=")
        if not equals:
            name, path = Path(word).name or word, word
        if name in methods or name in ("visible", "thermal", ""):
            raise ConfigError(f"--fused {word} needs a name of its own: --fused NAME=PATH, got {name!r}")
        methods[name] = Path(path)
    return methods


def _measure_pictures(
    visible: Path, thermal: Path, methods: dict[str, Path], names: tuple[str, ...], every: int, workers: int,
    quiet: bool,
) -> tuple[list[Sample], list[tuple[str, str, Values]]]:  # fmt: skip
    from rich.console import Console
    from rich.progress import track

    from stream.quality.inputs import find_samples
    from stream.quality.measuring import measure_samples

    samples = find_samples(visible, thermal, methods, every)
    measured: Iterable[tuple[Sample, Values]] = track(
        measure_samples(samples, names, workers), "measuring", total=len(samples),
        console=Console(stderr=True), transient=True, disable=quiet or not sys.stderr.isatty(),
    )  # fmt: skip
    return samples, [(sample.method, sample.name, values) for sample, values in measured]


def _measure_videos(
    visible: Path, thermal: Path, methods: dict[str, Path], names: tuple[str, ...], every: int, workers: int
) -> list[tuple[str, str, Values]]:
    from stream.quality.measuring import spread
    from stream.quality.videos import Clip, measure_clip

    clips = [Clip(method, path, visible, thermal, names, every) for method, path in methods.items()]
    measured = spread(measure_clip, clips, workers)
    return [(clip.method, clip.fused.stem, values) for clip, values in zip(clips, measured, strict=True)]


def _write(
    folder: Path, samples: list[Sample], rows: list[tuple[str, str, Values]], worst: int, worst_by: str
) -> None:
    from stream.files.atomic_write import write_atomic
    from stream.quality import plots, sheet, tables
    from stream.sinks.images import encode

    contents = {
        "metrics.csv": tables.as_csv(rows).encode(),
        "metrics.json": tables.as_json(rows).encode(),
        "metrics.svg": plots.draw_plot(rows).encode(),
    }
    if samples:
        names = sheet.worst_names(rows, worst_by, worst, worst_by in tables.LOWER_IS_BETTER)
        contents["worst.png"] = encode(sheet.draw_sheet(samples, rows, worst_by, names), "png")
    try:
        folder.mkdir(exist_ok=True)
        for name, content in contents.items():
            write_atomic(folder / name, content)
    except OSError as error:
        raise SinkError(f"{error.filename or folder} cannot be written: {error.strerror}") from None
    click.echo(f"wrote {', '.join(contents)} to {folder}", err=True)
