"""Slots for frames on their way through the device, so that copies and computation overlap."""

from __future__ import annotations

import threading
from collections import deque
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from stream.device.context import DeviceContext, Work
from stream.device.errors import mapped_cuda_errors
from stream.frame import FramePair, FrameSet, FusedFrame, Pixels
from stream.fusion.step import FusionStep

# The step's own tensor, the slot's on the device, the slot's on the host.
Places = tuple[Tensor, Tensor, Tensor]


class Slot:
    """Memory for one batch, on the host and on the device, and how far it has come.

    The device half is a copy of the step's inputs and results: the next batch goes up, and the last one comes
    down, while the step works on its own memory.
    """

    def __init__(self, step: FusionStep, context: DeviceContext) -> None:
        self._context = context
        self._inputs = [_places(tensor, context) for tensor in step.inputs]
        self._results = [_places(tensor, context) for tensor in step.results]
        self._brings_visible = False
        self._uploaded, self._computed, self._downloaded = (context.new_event() for _ in range(3))
        self._rgb, self._counts, self._keep = (host.numpy() for _, _, host in self._inputs)

    def fill(self, pairs: list[FramePair], keeps: list[float]) -> None:
        """Bring a batch to the device's side of the slot; a short one is filled up with its last pair."""
        count = len(self._rgb)
        padded = [*pairs, *[pairs[-1]] * (count - len(pairs))]
        for i, pair in enumerate(padded):
            _put(pair.visible.pixels, self._rgb[i])
            _put(pair.thermal.pixels, self._counts[i])
        # Frames that were decoded on the device have no picture on the host yet.
        self._brings_visible = any(isinstance(pair.visible.pixels, Tensor) for pair in pairs)
        # What fills up keeps the span, or it would count a frame twice.
        self._keep[:, 0] = [*keeps, *[1.0] * (count - len(keeps))]
        upload = self._context.upload
        with upload.after():
            for _, device, host in self._inputs:
                device.copy_(host, non_blocking=True)
            for i, pair in enumerate(padded):
                _put_device(pair.visible.pixels, self._inputs[0][1][i])
                _put_device(pair.thermal.pixels, self._inputs[1][1][i])
        upload.mark(self._uploaded)

    def compute(self, work: Work) -> None:
        """Give the step this slot's inputs, run it, and keep its results."""
        compute = self._context.compute
        with compute.after(self._uploaded):
            for inside, device, _ in self._inputs:
                inside.copy_(device)
            work()
            for inside, device, _ in self._results:
                device.copy_(inside)
        compute.mark(self._computed)

    def fetch(self) -> None:
        """Start the way down."""
        download = self._context.download
        with download.after(self._computed):
            for _, device, host in self._wanted():
                host.copy_(device, non_blocking=True)
        download.mark(self._downloaded)

    def results(self) -> list[Pixels]:
        """Wait for the way down, then copies: fused, thermal, and visible where it came from the device."""
        self._downloaded.wait()
        return [np.array(host.numpy()) for _, _, host in self._wanted()]

    def _wanted(self) -> list[Places]:
        return self._results if self._brings_visible else self._results[:2]


class Batch(Protocol):
    """Something on its way to fused frames."""

    def result(self) -> list[FusedFrame]:
        """Wait, and give the fused frames in order."""


class ReadyBatch:
    """Fused frames that are there already, because nothing had to be computed."""

    def __init__(self, frames: list[FusedFrame]) -> None:
        self._frames = frames

    def result(self) -> list[FusedFrame]:
        """The frames."""
        return self._frames


class PendingBatch:
    """A batch on its way: `result` waits for it and gives its fused frames."""

    def __init__(self, slot: Slot, ring: SlotPool, moments: list[FrameSet], first_index: int) -> None:
        self._slot: Slot | None = slot
        self._ring, self._moments, self._first_index = ring, moments, first_index
        self._frames: list[FusedFrame] = []
        self._lock = threading.Lock()

    def result(self) -> list[FusedFrame]:
        """Fused frames in the order of their pairs; may be called from any thread and more than once.

        Raises:
            DeviceError: the device failed on the way.
        """
        with self._lock:
            if self._slot is not None:
                with mapped_cuda_errors():
                    self._frames = self._collect(self._slot)
                self._ring.give_back(self._slot)
                self._slot = None
        return self._frames

    @property
    def is_home(self) -> bool:
        """True once the frames have been fetched."""
        return self._slot is None

    def _collect(self, slot: Slot) -> list[FusedFrame]:
        fused, thermal, *rest = slot.results()
        frames = []
        for i, moment in enumerate(self._moments):
            if moment.visible is None:  # nothing to fuse with: the thermal picture itself passes through
                fused[i], visible = thermal[i][..., None], np.zeros_like(fused[i])
            else:
                visible = rest[0][i] if rest else moment.visible.pixels
            frames.append(FusedFrame(fused[i], visible, thermal[i], moment, self._first_index + i))
        return frames


class SlotPool:
    """A fixed number of slots; when all are on their way, the oldest is brought home first."""

    def __init__(self, slots: list[Slot]) -> None:
        self._free = deque(slots)
        self._flying: deque[PendingBatch] = deque()

    def take(self) -> Slot:
        """A free slot; waits for the device only where none is left."""
        while not self._free:
            self._flying.popleft().result()
        return self._free.popleft()

    def launch(self, slot: Slot, moments: list[FrameSet], first_index: int) -> PendingBatch:
        """Follow a slot that is on its way now."""
        while self._flying and self._flying[0].is_home:
            self._flying.popleft()
        flight = PendingBatch(slot, self, moments, first_index)
        self._flying.append(flight)
        return flight

    def give_back(self, slot: Slot) -> None:
        """Take a slot back that is home."""
        self._free.append(slot)


def _places(tensor: Tensor, context: DeviceContext) -> Places:
    device = torch.empty_like(tensor)
    return tensor, device, context.pinned_like(device)


def _put(pixels: Pixels | Tensor, place: Pixels) -> None:
    if isinstance(pixels, np.ndarray):
        np.copyto(place, pixels)


def _put_device(pixels: Pixels | Tensor, place: Tensor) -> None:
    if isinstance(pixels, Tensor):
        place.copy_(pixels, non_blocking=True)
