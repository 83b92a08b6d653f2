"""Forms of the network as pieces of work to be timed."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

import gifnet
from gifnet import weights as weight_files
from gifnet.hardware import exact_float32
from gifnet.loading import Precision
from gifnet.model import GIFNet
from stream.bench.timing import Work
from stream.device.context import DeviceContext


class Model(NamedTuple):
    """Our form, ready to be timed.

    Attributes:
        network: holds its precision and the name of its form.
        work: fuses the pictures once.
        result: where the fused pictures are afterwards, [B, 1, H, W].
    """

    network: GIFNet
    work: Work
    result: Tensor


def ours(
    weights: str, precision: Precision, pictures: tuple[Tensor, Tensor], context: DeviceContext
) -> Model:
    """Our inference form; on a GPU as one captured graph, as in a run.

    The work holds all that it reads and writes, its 16-bit inputs included, for as long as it is held itself.
    """
    network = gifnet.load(weights, context.device, precision)
    visible, thermal = (picture.to(getattr(torch, network.precision)) for picture in pictures)
    result = torch.empty_like(pictures[0])

    @torch.inference_mode()
    def fuse() -> None:
        result.copy_(network(visible, thermal))

    graph = context.capture(fuse)
    work = graph.replay if graph else fuse
    work()
    return Model(network, work, result)


def published(weights: str, pictures: tuple[Tensor, Tensor], device: torch.device) -> Callable[[], Tensor]:
    """The published form: the full network, eager, channels first, float32 without TF32."""
    network = _full(weights, device)

    @torch.no_grad()
    def fuse() -> Tensor:
        with exact_float32(device):
            return network.fuse_as_published(*pictures)

    return fuse


def compiled(
    weights: str, precision: str, pictures: tuple[Tensor, Tensor], device: torch.device
) -> Callable[[], Tensor]:
    """The full network under torch.compile, with autocast for 16 bits."""
    network = torch.compile(_full(weights, device).fuse_as_published)
    dtype: torch.dtype = getattr(torch, precision)

    @torch.no_grad()
    def fuse() -> Tensor:
        with torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32):
            fused: Tensor = network(*pictures)
            return fused

    fuse()
    return fuse


def psnr_db(got: Tensor, expected: Tensor) -> float:
    """Peak signal-to-noise ratio of pictures in [0, 1], in dB; 150 at most."""
    squares = (got.float() - expected.float()).square().mean().clamp_min(1e-15)
    return float(-10 * torch.log10(squares))


def _full(weights: str, device: torch.device) -> GIFNet:
    network = GIFNet()
    weight_files.load_into(network, weight_files.read(weight_files.resolve(weights)))
    return network.to(device).eval()
