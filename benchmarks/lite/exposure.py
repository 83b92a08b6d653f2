"""Quality of lite with more contrast and an offset by the frame's brightness: an experiment.

    python -m benchmarks.lite.exposure
    python -m benchmarks.lite.exposure --set tno --weights runs/other.safetensors

Lite knows no statistics of a frame, so that nothing pumps. Its one mixture for all frames loses dark ones to
black, and bright ones to white. Here `gain (fused - 0.5) + 0.5 + share (middle - m)` is taken before levels,
where `m` is the mean of both sources. Also the flicker of a clip, with `m` of each frame and with one `m` for
all. Reads the reference data at GIFNET_TEST_DATA (default ../shared), writes to benchmarks/results.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import torch
from torch import Tensor

import gifnet
from benchmarks.common import REFERENCE, circumstances, save
from benchmarks.quality.methods import in_8_bits
from benchmarks.quality.sets import pairs_of
from benchmarks.quality.video import fused, read_pairs, values_of
from gifnet.eval import measure
from gifnet.level import level
from gifnet.lite.model import GIFNetLite

METRICS = ("EN", "SD", "MI", "SCD", "VIF", "Qabf", "SSIM")
EVERY = {"roadscene": 3, "smoke": 6, "tno": 1}
CLIP, START, FRAMES = "0117_1605", 40, 9

Brightness = Callable[[Tensor, Tensor], float]


class Exposed:
    """Lite before levels with more contrast, and an offset by brightness; then levels."""

    def __init__(
        self, network: GIFNetLite, gain: float, share: float, middle: float, brightness: Brightness
    ) -> None:
        self._network, self._gain, self._share, self._middle = network, gain, share, middle
        self._brightness = brightness

    @torch.no_grad()
    def __call__(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """Fuse [1, 1, H, W] pictures in [0, 1]."""
        plain = self._network.fuse(visible, thermal)[0]
        offset = 0.5 + self._share * (self._middle - self._brightness(visible, thermal))
        return level((self._gain * (plain - 0.5) + offset).clamp(0, 1), visible, thermal)


def mean_of_both(visible: Tensor, thermal: Tensor) -> float:
    """Mean of both sources."""
    return float(visible.mean() + thermal.mean()) / 2


@click.command()
@click.option("--set", "sets", multiple=True, type=click.Choice(list(EVERY)), help="Repeatable; default all.")
@click.option("--weights", default="default", show_default=True, help="Of lite.")
@click.option("--gain", default=1.2, show_default=True)
@click.option("--share", default=0.5, show_default=True)
@click.option("--middle", default=0.42, show_default=True)
def main(sets: tuple[str, ...], weights: str, gain: float, share: float, middle: float) -> None:
    """Measure lite as it is and exposed."""
    network = gifnet.load_lite(weights, precision="float32")

    def exposed(brightness: Brightness) -> Exposed:
        return Exposed(network, gain, share, middle, brightness)

    ways = {"lite": gifnet.levelled(network), "exposed": exposed(mean_of_both)}
    result: dict[str, object] = {"circumstances": circumstances(), "weights": Path(weights).name}
    result |= {"gain": gain, "share": share, "middle": middle}
    for name in sets or EVERY:
        pairs = pairs_of(REFERENCE, name, EVERY[name])
        result[name] = rows = {}
        for way, fuse in ((way, in_8_bits(each)) for way, each in ways.items()):
            values = [
                measure(fuse(pair.visible, pair.thermal), pair.visible, pair.thermal, METRICS)
                for pair in pairs
            ]
            rows[way] = {
                metric: round(float(np.mean([row[metric] for row in values])), 4) for metric in METRICS
            }
            click.echo(
                f"{name:10} {way:8} " + " ".join(f"{key} {value:.3f}" for key, value in rows[way].items())
            )
    clip = read_pairs(REFERENCE, CLIP, START, FRAMES)
    first = float(np.mean([source.mean() for source in clip[0]])) / 255
    ways["exposed, one brightness"] = exposed(lambda visible, thermal: first)
    result["clip"] = {way: values_of(fused(each, clip), clip) for way, each in ways.items()}
    for way, values in result["clip"].items():  # type: ignore[attr-defined]  # an object of json
        click.echo(f"{way}: " + " ".join(f"{key} {value:.3f}" for key, value in values.items()))
    name = "lite_exposure" if weights == "default" else f"lite_exposure_{Path(weights).stem}"
    click.echo(f"wrote {save(name, result)}", err=True)


if __name__ == "__main__":
    main()
