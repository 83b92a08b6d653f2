"""Gain and loss by the constants of `gifnet.level`: metrics with one of them changed at a time.

    python -m benchmarks.quality.constants --made runs/made

On TNO, smoke of M3SVD and generated streets, never on RoadScene, where the results are reported. Reads the
reference data at GIFNET_TEST_DATA (default ../shared), writes to benchmarks/results.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np

import gifnet
import gifnet.level
from benchmarks.common import REFERENCE, circumstances, save
from benchmarks.quality.made import Made
from benchmarks.quality.methods import in_8_bits
from benchmarks.quality.once import Once
from benchmarks.quality.regions import people_ratios, veils
from benchmarks.quality.sets import Pair, pairs_of
from gifnet import weights as weight_files
from gifnet.eval import measure
from stream.quality import tables
from stream.quality.measuring import spread

_SETS = {"tno": 1, "smoke": 12, "streets": 5}  # every so many-th pair; streets of all lights
_METRICS = ("SCD", "VIF", "Qabf", "SSIM")
_CHANGES: dict[str, dict[str, object]] = {
    "as packaged": {},
    "selected .7": {"_SELECTED": 0.7},
    "selected 1": {"_SELECTED": 1.0},
    "slope 4": {"_SLOPE": 4.0},
    "slope 16": {"_SLOPE": 16.0},
    "no lead": {"_LEAD": 0.0},
    "warm things as others": {"_THING": (1.0, 2.0)},
    "skies .8": {"_SKY": 0.8},
    "skies .95": {"_SKY": 0.95},
}


@contextmanager
def changed(constants: dict[str, object]) -> Iterator[None]:
    """Constants of the module replaced for a while."""
    before = {name: getattr(gifnet.level, name) for name in constants}
    try:
        for name, value in constants.items():
            setattr(gifnet.level, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(gifnet.level, name, value)


def measured(made: Made) -> dict[str, float]:
    """Metrics and veils of a picture."""
    sources = made.pair.visible, made.pair.thermal
    return measure(made.fused, *sources, _METRICS) | veils(made.fused, *sources)


def mean_of_sets(values: list[dict[str, float]], sets: list[str]) -> dict[str, float]:
    """Mean over the sets of each metric's mean in a set."""
    of_sets = tables.means([(chosen, "", each) for chosen, each in zip(sets, values, strict=True)])
    return {
        name: float(np.nanmean([each[name] for each in of_sets.values()]))
        for name in (*_METRICS, "dark ratio", "sky ratio")
    }


def people(made: list[Made]) -> dict[str, float]:
    """Contrast of people over that of the better source: the median, and the share that reaches 0.8."""
    ratios = [
        ratio
        for each in made
        for ratio in people_ratios(each.fused, each.pair.visible, each.pair.thermal, each.pair.people)
    ]
    reached = np.mean(np.array(ratios) >= 0.8)
    return {"people, median": float(np.median(ratios)), "people from 0.8 on": float(reached)}


@click.command()
@click.option("--made", type=click.Path(path_type=Path), help="Folder that keeps what the network made.")
@click.option("--workers", default=1, show_default=True, help="Processes that measure.")
def main(made: Path | None, workers: int) -> None:
    """Make the table of constants."""
    started = circumstances()
    network = Once(gifnet.load("default"), made, weight_files.resolve("default"))
    pairs: list[Pair] = []
    sets: list[str] = []
    for chosen, every in _SETS.items():
        found = pairs_of(REFERENCE, chosen, every)
        pairs, sets = [*pairs, *found], [*sets, *[chosen] * len(found)]
    fuse = in_8_bits(gifnet.levelled(network))
    pictures: list[Made] = []
    for name, constants in _CHANGES.items():
        with changed(constants):
            pictures += [Made(name, pair, fuse(pair.visible, pair.thermal)) for pair in pairs]
    values = list(spread(measured, pictures, workers))
    rows = {}
    for index, name in enumerate(_CHANGES):
        own = slice(index * len(pairs), (index + 1) * len(pairs))
        rows[name] = mean_of_sets(values[own], sets) | people(pictures[own])
    click.echo(f"{len(pairs)} pairs\n{tables.table(rows)}")
    changes: dict[str, Any] = {name: constants for name, constants in _CHANGES.items()}
    result = {"circumstances": started, "changes": changes, "sets": _SETS, "mean": rows}
    click.echo(f"wrote {save('quality_constants', result)}", err=True)


if __name__ == "__main__":
    main()
