"""Quality of fused pictures: published and packaged weights, your own, mean and maximum, on the same pairs.

    python -m benchmarks.quality                                   # RoadScene, every third pair
    python -m benchmarks.quality --set smoke --weights new=runs/new.safetensors --pictures worst.png

Reads the reference data at GIFNET_TEST_DATA (default ../shared), writes to benchmarks/results. On TNO
the outputs of DenseFuse, SDNet and SeAFusion are measured beside ours.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import click
import cv2
import numpy as np
import torch

import gifnet
from benchmarks.common import circumstances, save
from gifnet.eval import measure
from gifnet.eval.single import Grey
from stream.config import Precision
from stream.quality import tables
from stream.quality.inputs import read_grey
from stream.quality.measuring import spread

Fuse = Callable[[Grey, Grey], Grey]
Row = tuple[str, str, dict[str, float]]
_SMOKE = ("0111_1716", "0111_1753", "0111_1803")
_PUBLISHED = ("DenseFuse", "SDNet", "SeAFusion")
_TASKS = {
    "IVIF": ("visible.jpg", "thermal.jpg"),
    "MEIF": ("over_or_under_a.jpg", "over_or_under_b.jpg"),
    "MFIF": ("b.jpg", "a.jpg"),
    "Medical": ("mri.png", "pet.png"),
    "NIR-VIS": ("visible.jpg", "nir.jpg"),
}


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair, and pictures that other methods made of it."""

    name: str
    visible: Path
    thermal: Path
    others: dict[str, Path]


def pairs_of(data: Path, chosen: str, every: int) -> list[Pair]:
    """Pairs of a set by name: `roadscene`, `smoke` (M3SVD), `tno` or `tasks`."""
    if chosen == "tno":
        folder = data / "metrics/images"
        stems = [path.stem[:2] for path in sorted(folder.glob("*_visible.png"))]
        return [
            Pair(stem, folder / f"{stem}_visible.png", folder / f"{stem}_thermal.png",
                 {name: folder / f"{stem}_{name}.png" for name in _PUBLISHED})
            for stem in stems[::every]
        ]  # fmt: skip
    if chosen == "tasks":
        found = [(task, *names) for task, names in _TASKS.items()]
        return [
            Pair(task, data / "data/tasks" / task / one, data / "data/tasks" / task / other, {})
            for task, one, other in found
        ]
    scenes = ["roadscene"] if chosen == "roadscene" else [f"m3svd/frames/{name}" for name in _SMOKE]
    found_pairs = []
    for scene in scenes:
        folder = data / "data" / scene
        for path in sorted((folder / "visible").iterdir()):
            found_pairs.append(
                Pair(f"{Path(scene).name}/{path.stem}", path, folder / "thermal" / path.name, {})
            )
    return found_pairs[::every]


def by_network(weights: str, precision: Precision) -> Fuse:
    """Fuse luma by GIFNet, rounded to 8 bits as it would be written."""
    network = gifnet.load(weights, "cpu", precision)

    def fuse(visible: Grey, thermal: Grey) -> Grey:
        inputs = [torch.from_numpy(each.astype(np.float32))[None, None] / 255 for each in (visible, thermal)]
        with torch.inference_mode():
            fused = network(*inputs)[0, 0]
        return np.asarray((fused * 255).clamp(0, 255).round().to(torch.uint8).numpy())

    return fuse


def mean(visible: Grey, thermal: Grey) -> Grey:
    """Pixel mean, half rounded up."""
    return np.asarray((visible.astype(np.uint16) + thermal + 1) // 2, np.uint8)


def methods_of(data: Path, weights: dict[str, str], precision: Precision) -> dict[str, Fuse]:
    """The fused pictures of each method, by name."""
    methods: dict[str, Fuse] = {}
    published = data / "upstream/GIFNet_Final.model"
    if published.is_file():
        methods["published"] = by_network(str(published), precision)
    else:
        click.echo(f"no published weights in {published}; they are left out", err=True)
    methods["packaged"] = by_network("default", precision)
    for name, path in weights.items():
        methods[name] = by_network(path, precision)
    return methods | {"mean": mean, "maximum": np.maximum}


def fused_pictures(
    pairs: list[Pair], methods: dict[str, Fuse]
) -> Iterator[tuple[str, Pair, Grey, Grey, Grey]]:
    """Method, pair, fused, visible and thermal of everything that is compared."""
    for pair in pairs:
        visible, thermal = read_grey(pair.visible), read_grey(pair.thermal)
        for method, fuse in methods.items():
            yield method, pair, fuse(visible, thermal), visible, thermal
        for method, path in pair.others.items():
            yield method, pair, read_grey(path), visible, thermal


def _measure(task: tuple[str, str, Grey, Grey, Grey]) -> Row:
    method, name, fused, visible, thermal = task
    # FMI takes as long as all others together.
    wanted = tuple(each for each in gifnet.eval.METRICS if each != "FMI")
    return method, name, measure(fused, visible, thermal, wanted)


def draw(tasks: list[tuple[str, str, Grey, Grey, Grey]], rows: list[Row], count: int) -> Grey:
    """Rows of visible, thermal and each method, of the pairs whose packaged picture has the lowest Qabf."""
    scores = {name: values["Qabf"] for method, name, values in rows if method == "packaged"}
    bands = []
    for name in sorted(scores, key=lambda each: scores[each])[:count]:
        own = [task for task in tasks if task[1] == name]
        tiles = [("visible", own[0][3]), ("thermal", own[0][4]), *((task[0], task[2]) for task in own)]
        bands.append(np.concatenate([_tile(label, picture) for label, picture in tiles], axis=1))
    width = max(band.shape[1] for band in bands)
    return np.concatenate([np.pad(band, ((0, 0), (0, width - band.shape[1]))) for band in bands])


def _tile(label: str, picture: Grey) -> Grey:
    small = cv2.resize(picture, (360, 270), interpolation=cv2.INTER_AREA)
    tile = np.pad(small, ((20, 4), (0, 4)))
    cv2.putText(tile, label, (2, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 235, 1, cv2.LINE_AA)
    return np.asarray(tile, np.uint8)


@click.command()
@click.option("--set", "chosen", default="roadscene", show_default=True,
              type=click.Choice(["roadscene", "smoke", "tno", "tasks"]))  # fmt: skip
@click.option("--weights", multiple=True, metavar="NAME=PATH", help="Weights to compare; repeatable.")
@click.option("--pairs", "every", type=click.IntRange(1), help="Take every so many-th pair.")
@click.option("--precision", default="auto", show_default=True, type=click.Choice(get_args(Precision)))
@click.option("--pictures", type=click.Path(path_type=Path), help="A contact sheet of the worst pairs.")
@click.option("--workers", default=1, show_default=True, help="Processes that measure.")
def main(
    chosen: str,
    weights: tuple[str, ...],
    every: int | None,
    precision: Precision,
    pictures: Path | None,
    workers: int,
) -> None:
    """Make the table of quality."""
    data = Path(os.environ.get("GIFNET_TEST_DATA", Path(__file__).parents[2] / "shared"))
    pairs = pairs_of(data, chosen, every or (3 if chosen in ("roadscene", "smoke") else 1))
    named = dict(word.split("=", 1) for word in weights)
    started = circumstances()
    tasks = [
        (method, pair.name, fused, visible, thermal)
        for method, pair, fused, visible, thermal in fused_pictures(pairs, methods_of(data, named, precision))
    ]
    rows = list(spread(_measure, tasks, workers))
    summary = tables.means(rows)
    click.echo(f"{chosen}, {len(pairs)} pairs, precision {precision}\n{tables.table(summary)}")
    if pictures is not None:
        cv2.imwrite(str(pictures), draw(tasks, rows, 5))
    result = {"circumstances": started, "set": chosen, "pairs": [pair.name for pair in pairs]}
    result |= {"precision": precision, "mean": summary}
    where = save("quality" if chosen == "roadscene" else f"quality_{chosen}", result)
    click.echo(f"wrote {where}", err=True)


if __name__ == "__main__":
    main()
