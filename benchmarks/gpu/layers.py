"""The widest convolutions by torch, which is cuDNN on a GPU: a step of `benchmarks.gpu`.

python -m benchmarks.gpu.layers [--device cuda]
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from torch import Tensor

from benchmarks.gpu.network import attempt, median_ms, packaged_network
from gifnet.folding import fold
from stream.device.cuda_graph import CapturedGraph
from stream.device.streams import take_stream


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    measure(torch.device(parser.parse_args().device))


def measure(device: torch.device) -> None:
    """The three widest convolutions alone by torch (cuDNN on a GPU), bfloat16, channels last.

    As folded, both patch embeddings being one layer: with their 98 channels, and with 112 as our kernels
    store them.
    """
    torch.backends.cudnn.benchmark = True
    figures: dict[str, Any] = {}
    network = packaged_network(device)
    for gate in network._gates():
        gate.data.fill_(0.5)
    folded = fold(network, torch.bfloat16)
    widest = {"embed": folded.embed, "mix": folded.mix_interaction, "picture": folded.picture[0]}
    with torch.inference_mode():
        for name, layer in widest.items():
            for channels in (98, 112):
                outputs = layer.outputs // 98 * channels or layer.outputs
                label = f"{name} {channels}->{outputs}"
                attempt(figures, label, lambda i=channels, o=outputs: _layer(i, o, device))


def _layer(inputs: int, outputs: int, device: torch.device) -> Any:
    cuda = device.type == "cuda"
    height, width = (480, 640) if cuda else (32, 48)

    def random(*shape: int) -> Tensor:
        values = torch.randn(shape, device=device, dtype=torch.bfloat16)
        return values.to(memory_format=torch.channels_last)

    source, weight = random(1, inputs, height, width), random(outputs, inputs, 3, 3)

    def work() -> None:
        torch.nn.functional.conv2d(source, weight, padding=1)

    work()
    replay = CapturedGraph(work, take_stream(device)).replay if cuda else work
    taken_ms = median_ms(replay, 50 if cuda else 2)
    return {"ms": taken_ms, "operations_per_s": 2e3 * weight.numel() * height * width / taken_ms}


if __name__ == "__main__":
    main()
