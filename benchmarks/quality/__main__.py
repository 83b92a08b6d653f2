"""Quality of fused pictures: published and packaged weights, your own, mean and maximum, on the same pairs.

    python -m benchmarks.quality                                   # RoadScene, every third pair
    python -m benchmarks.quality --set smoke --weights new=runs/new.safetensors --pictures worst.png

Reads the reference data at GIFNET_TEST_DATA (default ../shared), writes to benchmarks/results. On TNO
the outputs of DenseFuse, SDNet and SeAFusion are measured beside ours.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click
import cv2
import numpy as np

from benchmarks.common import REFERENCE, circumstances, save
from benchmarks.quality.band import draw_band
from benchmarks.quality.made import Made, Row, fused_pictures, measure_made
from benchmarks.quality.methods import methods_of
from benchmarks.quality.regions import people_ratios, within
from benchmarks.quality.sets import FILES, STREETS, pairs_of
from gifnet.eval.single import Grey
from stream.config import Precision
from stream.quality import tables
from stream.quality.measuring import spread


def shares(made: list[Made], rows: list[Row]) -> dict[str, dict[str, float]]:
    """Share of veils within 10 %, and of people with 80 % of the better source's contrast, by method."""
    result = {}
    for method in dict.fromkeys(each.method for each in made):
        own = [values for name, _, values in rows if name == method]
        people = [
            ratio
            for each in made
            if each.method == method
            for ratio in people_ratios(each.fused, each.pair.visible, each.pair.thermal, each.pair.people)
        ]
        result[method] = {
            "dark within 10 %": within((values["dark ratio"] for values in own), 0.9, 1.1),
            "sky within 10 %": within((values["sky ratio"] for values in own), 0.9, 1.1),
            "people, median": float(np.median(people)) if people else float("nan"),
            "people from 0.8 on": within(people, 0.8, float("inf")),
            "people": float(len(people)),
            "pairs with dark": known_values(own, "dark ratio"),
            "pairs with sky": known_values(own, "sky ratio"),
        }
    return result


def known_values(rows: list[dict[str, float]], name: str) -> float:
    """Number of rows in which a value could be measured."""
    return float(sum(np.isfinite(values[name]) for values in rows))


def worst_pairs(rows: list[Row], count: int) -> dict[str, float]:
    """The pairs whose packaged picture has the lowest Qabf, and it."""
    scores = {name: values["Qabf"] for method, name, values in rows if method == "packaged"}
    return {name: scores[name] for name in sorted(scores, key=lambda each: scores[each])[:count]}


def draw(made: list[Made], rows: list[Row], count: int) -> Grey:
    """Rows of visible, thermal and each method, of the pairs whose packaged picture has the lowest Qabf."""
    bands = []
    for name in worst_pairs(rows, count):
        own = [each for each in made if each.pair.name == name]
        bands.append(draw_band(own[0].pair, {each.method: each.fused for each in own}))
    width = max(band.shape[1] for band in bands)
    return np.concatenate([np.pad(band, ((0, 0), (0, width - band.shape[1]))) for band in bands])


@click.command()
@click.option("--set", "chosen", default="roadscene", show_default=True,
              type=click.Choice([*FILES, *STREETS]))  # fmt: skip
@click.option("--weights", multiple=True, metavar="NAME=PATH", help="Weights of full or lite; repeatable.")
@click.option("--pairs", "every", type=click.IntRange(1), help="Take every so many-th pair.")
@click.option("--precision", default="auto", show_default=True, type=click.Choice(get_args(Precision)))
@click.option("--pictures", type=click.Path(path_type=Path), help="A contact sheet of the worst pairs.")
@click.option("--worst", default=5, show_default=True, help="Pairs on the contact sheet.")
@click.option("--gate", is_flag=True, help="Also the published weights without their auxiliary side.")
@click.option("--level", type=click.FloatRange(0, 1), help="Of our networks; default 1, 0 for tasks.")
@click.option("--workers", default=1, show_default=True, help="Processes that measure.")
@click.option("--only", multiple=True, help="Of the methods, by name; repeatable. Has a record of its own.")
@click.option("--made", type=click.Path(path_type=Path), help="Folder that keeps what the networks made.")
def main(
    chosen: str,
    weights: tuple[str, ...],
    every: int | None,
    precision: Precision,
    pictures: Path | None,
    worst: int,
    gate: bool,
    workers: int,
    level: float | None,
    made: Path | None,
    only: tuple[str, ...],
) -> None:
    """Make the table of quality."""
    pairs = pairs_of(REFERENCE, chosen, every or (3 if chosen in ("roadscene", "smoke") else 1))
    named = dict(word.split("=", 1) for word in weights)
    started = circumstances()
    # Levels are those of a visible and a thermal picture.
    level = (chosen != "tasks") if level is None else level
    methods = methods_of(REFERENCE, named, precision, gate, level, made)
    methods = {name: fuse for name, fuse in methods.items() if not only or name in only}
    pictures_made = list(fused_pictures(pairs, methods))
    rows = list(spread(measure_made, pictures_made, workers))
    summary, counted = tables.means(rows), shares(pictures_made, rows)
    click.echo(f"{chosen}, {len(pairs)} pairs, precision {precision}\n{tables.table(summary)}")
    click.echo(tables.table(counted))
    if pictures is not None:
        cv2.imwrite(str(pictures), draw(pictures_made, rows, worst))
    result = {"circumstances": started, "set": chosen, "pairs": [pair.name for pair in pairs]}
    result |= {
        "precision": precision,
        "level": float(level),
        "worst by Qabf": worst_pairs(rows, worst),
        "mean": known(summary),
        "shares": known(counted),
    }
    where = save("_".join(["quality", *([chosen] if chosen != "roadscene" else []), *only]), result)
    click.echo(f"wrote {where}", err=True)


def known(summary: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Without the values that nothing was there to measure for."""
    return {
        method: {name: value for name, value in values.items() if np.isfinite(value)}
        for method, values in summary.items()
    }


if __name__ == "__main__":
    main()
