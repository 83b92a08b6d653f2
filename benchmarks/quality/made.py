"""Pictures that methods made of pairs, and what is measured of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import gifnet.eval
from benchmarks.quality.methods import Fuse
from benchmarks.quality.regions import veils
from benchmarks.quality.sets import Pair
from gifnet.eval import measure
from gifnet.eval.single import Grey
from stream.quality.inputs import read_grey

Row = tuple[str, str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Made:
    """A picture that a method made of a pair."""

    method: str
    pair: Pair
    fused: Grey


def fused_pictures(pairs: list[Pair], methods: dict[str, Fuse]) -> Iterator[Made]:
    """Everything that is compared."""
    for pair in pairs:
        for method, fuse in methods.items():
            yield Made(method, pair, fuse(pair.visible, pair.thermal))
        for method, path in pair.others.items():
            yield Made(method, pair, read_grey(path))


def measure_made(made: Made) -> Row:
    """Method, pair, and all metrics but FMI, with veils; processes import it from here."""
    pair = made.pair
    sources = pair.visible, pair.thermal
    # FMI takes as long as all others together.
    wanted = tuple(each for each in gifnet.eval.METRICS if each != "FMI")
    values = measure(made.fused, *sources, wanted) | veils(made.fused, *sources)
    return made.method, pair.name, values
