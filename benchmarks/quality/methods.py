"""Ways to make a fused picture of a grey pair that `benchmarks.quality` compares."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import torch
from torch import Tensor

import gifnet
from gifnet import weights as weight_files
from gifnet.eval.single import Grey
from gifnet.inference import InferenceForm
from gifnet.loading import choose_dtype
from gifnet.model import Fusion, GIFNet
from stream.config import Precision

Fuse = Callable[[Grey, Grey], Grey]


class Once:
    """A network that fuses a pair once, however often it is asked for the same one in a row."""

    def __init__(self, network: Fusion) -> None:
        """Wrap a network."""
        self._network, self._pair, self._fused = network, (torch.empty(0), torch.empty(0)), torch.empty(0)

    def __call__(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """Fuse [1, 1, H, W] pictures in [0, 1]."""
        if not (torch.equal(visible, self._pair[0]) and torch.equal(thermal, self._pair[1])):
            self._pair, self._fused = (visible, thermal), self._network(visible, thermal)
        return self._fused


def by_network(weights: str, precision: Precision, level: float = 0.0) -> Fuse:
    """Fuse luma by GIFNet, rounded to 8 bits as it would be written; `level` as of `gifnet run`."""
    return in_8_bits(gifnet.levelled(gifnet.load(weights, "cpu", precision), level))


def without_auxiliary(weights: str, precision: Precision) -> Fuse:
    """The same with the gate of the auxiliary side shut, which saves a third of the arithmetic."""
    model = GIFNet()
    weight_files.load_into(model, weight_files.read(weight_files.resolve(weights)))
    model.drop_auxiliary()
    return in_8_bits(InferenceForm(model.eval(), choose_dtype(precision, torch.device("cpu"))))


def in_8_bits(network: Fusion) -> Fuse:
    """A network that takes and gives pictures of 8 bits."""

    def fuse(visible: Grey, thermal: Grey) -> Grey:
        inputs = [torch.from_numpy(each.astype(np.float32))[None, None] / 255 for each in (visible, thermal)]
        with torch.inference_mode():
            fused = network(*inputs)[0, 0]
        return np.asarray((fused * 255).clamp(0, 255).round().to(torch.uint8).numpy())

    return fuse


def mean(visible: Grey, thermal: Grey) -> Grey:
    """Pixel mean, half rounded up."""
    return np.asarray((visible.astype(np.uint16) + thermal + 1) // 2, np.uint8)


def methods_of(
    data: Path, weights: dict[str, str], precision: Precision, gate: bool, level: float
) -> dict[str, Fuse]:
    """The methods by name; with `gate` also the published weights without their auxiliary side.

    Our networks are followed by the correction of levels of that strength, and stand there without it too.
    """
    methods: dict[str, Fuse] = {}
    published = data / "upstream/GIFNet_Final.model"
    if published.is_file():
        methods["published"] = by_network(str(published), precision)
        if gate:
            methods["gate shut"] = without_auxiliary(str(published), precision)
    else:
        click.echo(f"no published weights in {published}; they are left out", err=True)
    ours = {
        "packaged": gifnet.load("default", "cpu", precision),
        "lite": gifnet.load_lite(precision=precision),
    }
    for name, network in ours.items():
        once = Once(network)
        methods[name] = in_8_bits(gifnet.levelled(once, level))
        if level:
            methods[f"{name}, no level"] = in_8_bits(once)
    for name, path in weights.items():
        methods[name] = by_network(path, precision, level)
    return methods | {"mean": mean, "maximum": np.maximum}
