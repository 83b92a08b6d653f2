"""Memory and capture of the fusion step: as much at once as the device has room for."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

import torch

from gifnet.level import levelled
from gifnet.model import Fusion
from stream.device.context import DeviceContext, Work
from stream.device.cuda_graph import CapturedGraph
from stream.errors import DeviceError
from stream.fusion.exposure import ExposedVideo
from stream.fusion.luma_step import LumaStep
from stream.fusion.model_choice import borrowed
from stream.fusion.shared.split import GivenPicture, SplitStep
from stream.fusion.slots import Slot, SlotPool
from stream.fusion.steady import SteadyNetwork
from stream.fusion.step import BatchShape, FusionStep, timed
from stream.registration.registrar import Registrar
from stream.runtime.stage_times import StageTimes
from stream.thermal.agc import Agc

SLOTS = 3

_log = logging.getLogger(__name__)


class Network(Fusion, Protocol):
    """A network, its number formats, and the name of its form in reports."""

    @property
    def picture_dtype(self) -> torch.dtype:
        """Number format of the pictures that go in; that of the convolutions may be coarser."""

    @property
    def precision(self) -> str:
        """Name of the number format."""

    @property
    def form(self) -> str:
        """Name of the form in reports."""


class StepPlanner:
    """Owns the fusion step of a run, its captured graph and its slots; used by one thread.

    Where the device has too little memory, batches become smaller, then the slots fewer; that is logged and
    in `usage`. Nothing moves to another device by itself.

    Attributes:
        shape: of single pairs that the step serves; None where there is no step.
        batch: pairs that are fused at once.
        slots: of the step.
        usage: what is used of the device: `batch`, `slots` and `form`; empty before the first step.
        work: the step: a graph's replay, or its stages one by one.
    """

    def __init__(
        self,
        network: Network,
        context: DeviceContext,
        batch: int,
        times: StageTimes,
        steady: float = 0.0,
        level: float = 0.0,
    ) -> None:
        """Take no memory yet.

        Args:
            network: what fuses.
            context: the device.
            batch: pairs to fuse at once, memory permitting.
            times: gets the times of the stages where they run one by one.
            steady: share of the fused frame before that is kept where nothing moves, see `SteadyNetwork`.
            level: strength of the correction of levels, see `gifnet.level`.
        """
        self._steady, self._level = steady, level
        self._network, self._context, self._times = network, context, times
        self.usage: dict[str, str] = {}
        self.shape: BatchShape | None = None
        self.batch = batch
        self.slots = SlotPool([])
        self.work: Work = _nothing
        self._step: FusionStep | None = None
        self._graph: CapturedGraph | SplitStep | None = None

    @torch.inference_mode()
    def plan(self, shape: BatchShape, registrar: Registrar, gain: Agc) -> None:
        """Take memory for pairs of a shape, and capture the step; the one before is given up.

        Batches that are still on their way are waited for, since both steps share the gain's memory and the
        network's. Their results stay in their slots.

        Args:
            shape: of single pairs.
            registrar: for these sizes.
            gain: shared with the steps of other shapes.

        Raises:
            DeviceError: the device has too little memory even for one pair.
            ConfigError, CalibrationError: of the thermal front end; then there is no step.
        """
        self.close()
        for batch, slots in _plans(self.batch):
            try:
                self._take_memory(replace(shape, batch=batch), registrar, gain, slots)
            except torch.OutOfMemoryError:
                _log.warning("too little memory on the device for %s", _words(batch, slots))
            else:
                self.shape, self.batch = shape, batch
                self.usage = {"batch": str(batch), "slots": str(slots), "form": self._network.form}
                return
            # Only here: while the error is handled, it refers to all that was taken.
            self.close()
            self._context.release_unused()
        width, height = shape.visible_size
        raise DeviceError(
            f"the device has too little memory to fuse pictures of {width}x{height} pixels, "
            "even one by one; end other programs on it, take smaller pictures, or ask for --device cpu"
        )

    @torch.inference_mode()
    def move(self, registrar: Registrar) -> bool:
        """Go by another registrar of the same sizes from the next batch on, in the same memory and graph.

        Returns:
            False, and nothing is changed, where that needs another step.
        """
        if self._step is None:
            return False
        with self._context.compute.after():
            return self._step.move(registrar)

    def close(self) -> None:
        """Wait for running work, and release step and graph; a failed device is left as it is."""
        with suppress(RuntimeError):
            self._context.drain()
            if self._graph:
                self._graph.close()
        self.shape, self.work, self.slots = None, _nothing, SlotPool([])
        self._step = self._graph = None

    def _take_memory(self, shape: BatchShape, registrar: Registrar, gain: Agc, slots: int) -> None:
        context, network, shared = self._context, self._network, borrowed(self._network)
        # All on one stream, so that nothing overtakes the first contents of this memory.
        with context.compute.after():
            fusion: Fusion = network
            if shared is not None:
                width, height = shape.visible_size
                picture = torch.zeros(1, 1, height, width, device=context.device)
                fusion = GivenPicture(picture)
            exposed = ExposedVideo(fusion) if not getattr(network, "exposes", True) else None
            fusion = levelled(exposed or fusion, self._level)
            steady = SteadyNetwork(fusion, self._steady) if self._steady else None
            make = FusionStep if shape.luma is None else LumaStep
            self._step = step = make(
                shape, registrar, gain, steady or fusion, context.operations, network.picture_dtype
            )
            if shared is not None:
                self._graph = SplitStep(step, shared, picture, context, self._times.measure)
            else:
                self._graph = context.capture(step)
            for memory in (exposed, steady):
                if memory and self._graph:
                    memory.forget()  # what the capture was warmed up with
            self.slots = SlotPool([Slot(step, context) for _ in range(slots)])
        self.work = self._graph.replay if self._graph else timed(step, self._times.measure)
        # Slots are written by the upload stream next, which does not look at the compute stream.
        context.drain()


def _plans(batch: int) -> Iterator[tuple[int, int]]:
    """Batch and slots to try, from the largest on."""
    while batch > 1:
        yield batch, SLOTS
        batch = (batch + 1) // 2
    yield 1, SLOTS
    yield 1, 1


def _words(batch: int, slots: int) -> str:
    return f"{batch} pair{'s' * (batch > 1)} at once with {slots} slot{'s' * (slots > 1)}; trying less"


def _nothing() -> None:
    """Stand in for the step before there is memory for one."""
