"""Stages of the step on a GPU, each captured as a graph of its own; on a CPU a run times them itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch

import gifnet
from gifnet.loading import Precision
from stream.bench.load import Load, settings_for, thermal_size
from stream.bench.timing import Timer, Timing, Work, summarise
from stream.device.context import DeviceContext
from stream.fusion.registrars import Registrars
from stream.fusion.step import BatchShape, FusionStep
from stream.thermal.agc import Agc


@torch.inference_mode()
def measure_stages(
    load: Load,
    weights: str,
    precision: Precision,
    batch: int,
    context: DeviceContext,
    timer: Timer,
    count: int,
    nvtx: bool,
) -> dict[str, Timing]:
    """Times of copies to the device, every stage, and copies back.

    Args:
        load: what is fused.
        weights: name or file.
        precision: number format of the network.
        batch: pairs at once.
        context: a GPU.
        timer: for it.
        count: runs of each stage.
        nvtx: name each stage for NVIDIA's profilers.
    """
    step = _step(load, weights, precision, batch, context)
    works: dict[str, Work] = {"upload": _copies(step.inputs, context, to_device=True)}
    works |= {name: _captured(stage, context) for name, stage in step.stages}
    works["download"] = _copies(step.results[:2], context, to_device=False)
    times = {}
    for name, work in works.items():
        with _named(name, nvtx):
            times[name] = summarise(timer.burst(work, count), batch)
    return times


def _step(load: Load, weights: str, precision: Precision, batch: int, context: DeviceContext) -> FusionStep:
    network = gifnet.load(weights, context.device, precision)
    shape = BatchShape(load.size, thermal_size(load.size), torch.uint16, batch)
    with settings_for(load, weights, precision, batch) as settings:
        registrar = Registrars(settings.registration).get(settings.registration, shape)
        gain = Agc(settings.gain, load.thermal.bits, context.operations, context.device)
    step = FusionStep(shape, registrar, gain, network, context.operations, network.picture_dtype)
    for index in range(batch):
        pair = load.pairs[index % len(load.pairs)]
        step.visible[index].copy_(torch.from_numpy(pair.visible.pixels))
        step.counts[index].copy_(torch.from_numpy(pair.thermal.pixels))
    step.ema_weight.zero_()
    return step


def _captured(stage: Callable[[], None], context: DeviceContext) -> Work:
    graph = context.capture(stage)
    return graph.replay if graph else stage


def _copies(tensors: tuple[torch.Tensor, ...], context: DeviceContext, to_device: bool) -> Work:
    hosts = [context.pinned_like(tensor).copy_(tensor) for tensor in tensors]

    def copy() -> None:
        for host, tensor in zip(hosts, tensors, strict=True):
            target, source = (tensor, host) if to_device else (host, tensor)
            target.copy_(source, non_blocking=True)

    return copy


def _named(name: str, nvtx: bool) -> AbstractContextManager[object]:
    return torch.cuda.nvtx.range(name) if nvtx else nullcontext()
