"""Pictures of lite beside those of full: a contact sheet, and how far lite's metrics are from full's.

    python -m benchmarks.lite.beside_full --sheet beside.png

20 pairs of RoadScene and 8 frames of a clip (M3SVD) of the reference data at GIFNET_TEST_DATA (default
../shared), both networks as packaged.
"""

from __future__ import annotations

from pathlib import Path

import click
import cv2
import numpy as np
import torch

from benchmarks.common import REFERENCE, circumstances, save
from benchmarks.quality.band import draw_band
from benchmarks.quality.methods import Fuse, in_8_bits
from benchmarks.quality.sets import Pair, pairs_of
from gifnet.config import Kind
from gifnet.eval import METRICS, measure
from gifnet.eval.single import Grey
from gifnet.loading import load_network

PAIRS, FRAMES = 20, 8
# By the issue's own measure; FMI takes as long as all others together.
MEASURED = tuple(name for name in METRICS if name != "FMI")
FIVE = ("SCD", "VIF", "Qabf", "SSIM", "MI")


@click.command()
@click.option("--sheet", type=click.Path(path_type=Path), help="Picture to write: a row for each pair.")
def main(sheet: Path | None) -> None:
    """Fuse all pairs by both networks."""
    still, moving = pairs_of(REFERENCE, "roadscene", 1), pairs_of(REFERENCE, "smoke", 1)
    sets = {"pairs": still[:: len(still) // PAIRS][:PAIRS], "clip": moving[:FRAMES]}
    kinds: tuple[Kind, ...] = ("full", "lite")
    methods = {kind: network(kind) for kind in kinds}
    started, bands = circumstances(), []
    result: dict[str, object] = {}
    for name, pairs in sets.items():
        fused = [{kind: fuse(pair.visible, pair.thermal) for kind, fuse in methods.items()} for pair in pairs]
        bands += [draw_band(pair, pictures) for pair, pictures in zip(pairs, fused, strict=True)]
        result[name] = means = {kind: mean(pairs, [one[kind] for one in fused]) for kind in methods}
        for metric in MEASURED:
            full, lite = means["full"][metric], means["lite"][metric]
            mark = "*" if metric in FIVE else " "
            click.echo(f"{name:6}{mark}{metric:8} full {full:8.3f}  lite {lite:8.3f}  {lite / full:6.3f}")
    if sheet:
        width = max(band.shape[1] for band in bands)
        whole = [np.pad(band, ((0, 0), (0, width - band.shape[1]))) for band in bands]
        cv2.imwrite(str(sheet), np.concatenate(whole))
    where = save("lite_beside_full", {"circumstances": started, "mean": result})
    click.echo(f"wrote {where}", err=True)


def network(kind: Kind) -> Fuse:
    """A packaged network."""
    return in_8_bits(load_network(kind, "default", torch.device("cpu"), "auto"))


def mean(pairs: list[Pair], pictures: list[Grey]) -> dict[str, float]:
    """Mean of every metric."""
    rows = [
        measure(one, pair.visible, pair.thermal, MEASURED) for one, pair in zip(pictures, pairs, strict=True)
    ]
    return {metric: round(float(np.mean([row[metric] for row in rows])), 4) for metric in MEASURED}


if __name__ == "__main__":
    main()
