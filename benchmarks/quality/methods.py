"""Ways to make a fused picture of a grey pair that `benchmarks.quality` compares."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import torch

import gifnet
from benchmarks.quality.once import Once
from gifnet import weights as weight_files
from gifnet.eval.single import Grey
from gifnet.inference import InferenceForm
from gifnet.loading import choose_dtype, load_network
from gifnet.model import Fusion, GIFNet
from stream.config import Precision

Fuse = Callable[[Grey, Grey], Grey]


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
    data: Path, weights: dict[str, str], precision: Precision, gate: bool, level: float, made: Path | None
) -> dict[str, Fuse]:
    """The methods by name; with `gate` also the published weights without their auxiliary side.

    Our networks are followed by the correction of levels of that strength, and stand there without it too.
    Pictures of the networks are kept in `made` and read from there.
    """

    def once(file: str) -> Once:
        """The network that a file of weights belongs to."""
        path = weight_files.resolve(file)
        kind = weight_files.read(path).kind
        return Once(load_network(kind, file, torch.device("cpu"), precision), made, path)

    methods: dict[str, Fuse] = {}
    published = data / "upstream/GIFNet_Final.model"
    if published.is_file():
        methods["published"] = in_8_bits(once(str(published)))
        if gate:
            methods["gate shut"] = without_auxiliary(str(published), precision)
    else:
        click.echo(f"no published weights in {published}; they are left out", err=True)
    for name, network in {"packaged": once("default"), "lite": once(str(weight_files.PACKAGED_LITE))}.items():
        methods[name] = in_8_bits(gifnet.levelled(network, level))
        if level:
            methods[f"{name}, no level"] = in_8_bits(network)
    for name, path in weights.items():
        methods[name] = in_8_bits(gifnet.levelled(once(path), level))
    return methods | {"mean": mean, "maximum": np.maximum}
