"""Quality of lite with and without its exposure, and the flicker of clips with one that follows slowly.

    python -m benchmarks.lite.exposure
    python -m benchmarks.lite.exposure --set tno --weights runs/other.safetensors

All behind levels. Clips: not exposed, each frame by its own brightness, and as a run exposes videos, with
`--steady` behind them too. Also the time of one core for a 640x480 frame, the network left out. Reads the
reference data at GIFNET_TEST_DATA (default ../shared), writes to benchmarks/results.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import torch
from torch import Tensor

import gifnet
from benchmarks.common import REFERENCE, circumstances, save
from benchmarks.quality.cost import in_turn
from benchmarks.quality.methods import in_8_bits
from benchmarks.quality.sets import pairs_of
from benchmarks.quality.video import fused, read_pairs, values_of
from gifnet.eval import measure
from gifnet.lite.model import GIFNetLite
from gifnet.model import Fusion
from stream.fusion.exposure import ExposedVideo
from stream.fusion.steady import SteadyNetwork
from stream.runtime.heap import keep_heap

METRICS = ("EN", "SD", "MI", "SCD", "VIF", "Qabf", "SSIM")
EVERY = {"roadscene": 3, "smoke": 6, "tno": 1}
CLIPS, START, FRAMES, KEEP = ("0111_1716", "0117_1605", "1230_1202"), 40, 9, 0.5


class NotExposed:
    """Lite's pictures as they are mixed, held within [0, 1]."""

    def __init__(self, network: GIFNetLite) -> None:
        self._network = network

    @torch.no_grad()
    def __call__(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """Fuse [B, 1, H, W] pictures in [0, 1]."""
        return self._network.fuse(visible, thermal)[0].clamp(0, 1)


def quality(ways: dict[str, Fusion], chosen: str) -> dict[str, dict[str, float]]:
    """Means of the metrics over a set, by way."""
    rows = {}
    pairs = pairs_of(REFERENCE, chosen, EVERY[chosen])
    for way, fuse in ((way, in_8_bits(each)) for way, each in ways.items()):
        values = [
            measure(fuse(pair.visible, pair.thermal), pair.visible, pair.thermal, METRICS) for pair in pairs
        ]
        rows[way] = {metric: round(float(np.mean([row[metric] for row in values])), 4) for metric in METRICS}
        click.echo(f"{chosen:10} {way:12} {_words(rows[way])}")
    return rows


def flicker(ways: dict[str, Fusion], clip: str) -> dict[str, dict[str, float]]:
    """Temporal metrics of a clip, by way."""
    pairs, rows = read_pairs(REFERENCE, clip, START, FRAMES), {}
    for way, network in ways.items():
        values = values_of(fused(SteadyNetwork(gifnet.levelled(network), KEEP), pairs), pairs)
        rows[way] = {name: round(value, 4) for name, value in values.items()}
        click.echo(f"{clip:10} {way:12} {_words(rows[way])}")
    return rows


def cost() -> dict[str, dict[str, float]]:
    """Milliseconds of one core to expose a frame of a video, and to hold it within [0, 1] alone."""
    visible, thermal, fused_ = torch.rand(3, 1, 1, 480, 640)
    video = ExposedVideo(lambda *_: fused_)
    return in_turn({"exposure": lambda: video(visible, thermal), "clamp": lambda: fused_.clamp(0, 1)}, 100)


def _words(row: dict[str, float]) -> str:
    return " ".join(f"{key} {value:.3f}" for key, value in row.items())


@click.command()
@click.option("--set", "sets", multiple=True, type=click.Choice(list(EVERY)), help="Repeatable; default all.")
@click.option("--weights", default="default", show_default=True, help="Of lite.")
def main(sets: tuple[str, ...], weights: str) -> None:
    """Measure lite not exposed and exposed."""
    keep_heap()  # as runs do
    torch.set_num_threads(1)
    network, unexposed = (gifnet.load_lite(weights, precision="float32") for _ in range(2))
    unexposed.exposes = False
    alone = NotExposed(network)
    result: dict[str, object] = {"circumstances": circumstances(), "weights": Path(weights).name}
    for name in sets or EVERY:
        ways = {"not exposed": gifnet.levelled(alone), "exposed": gifnet.levelled(network)}
        result[name] = quality(ways, name)
    result["clips"] = {
        clip: flicker(
            {"not exposed": alone, "by its own": network, "as in a run": ExposedVideo(unexposed)}, clip
        )
        for clip in CLIPS
    }
    result["core_ms"] = cost()
    click.echo(f"core_ms {result['core_ms']}")
    name = "lite_exposure" if weights == "default" else f"lite_exposure_{Path(weights).stem}"
    click.echo(f"wrote {save(name, result)}", err=True)


if __name__ == "__main__":
    main()
