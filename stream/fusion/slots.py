"""Slots for batches on their way through the device, so that copies and computation overlap."""

from __future__ import annotations

import threading
from collections import deque
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from stream.device.context import DeviceContext, Work
from stream.device.errors import mapped_cuda_errors
from stream.device.streams import Stream
from stream.frame import AnyPixels, Frame, FramePair, FrameSet, FusedFrame, Pixels
from stream.fusion.luma_step import grey_like
from stream.fusion.step import FusionStep
from stream.picture import YuvPlanes

# The step's own tensor, the slot's on the device, the slot's on the host.
Buffers = tuple[Tensor, Tensor, Tensor]


class Slot:
    """Memory for one batch, on the host and on the device, and how far it has come.

    The device half is a copy of the step's inputs and results: the next batch is uploaded, and the last one
    downloaded, while the step works on its own memory. A slot is used again only after its download was
    waited for, which comes after its computation and that after its upload: so nothing overwrites pinned or
    device memory that a copy still reads.
    """

    def __init__(self, step: FusionStep, context: DeviceContext) -> None:
        self._context = context
        self._inputs = [_buffers(tensor, context) for tensor in step.inputs]
        self._results = [_buffers(tensor, context) for tensor in step.results]
        self._brings_visible = False
        self._uploaded, self._computed, self._downloaded = (context.new_event() for _ in range(3))
        self._visible, self._counts, self._keep = (host.numpy() for _, _, host in self._inputs)
        self._luma = step.shape.luma is not None

    def upload(self, pairs: list[FramePair], keeps: list[float]) -> None:
        """Bring a batch to the device's side of the slot; a short one is filled up with its last pair."""
        count = len(self._visible)
        padded = [*pairs, *[pairs[-1]] * (count - len(pairs))]
        for i, pair in enumerate(padded):
            _put(self._taken(pair.visible), self._visible[i])
            _put(pair.thermal.pixels, self._counts[i])
        # Frames that were decoded on the device have no picture on the host yet.
        self._brings_visible = any(isinstance(pair.visible.picture, Tensor) for pair in pairs)
        # Padding keeps the span, or it would count a frame twice.
        self._keep[:, 0] = [*keeps, *[1.0] * (count - len(keeps))]
        upload = self._context.upload
        with upload.after():
            for _, device, host in self._inputs:
                device.copy_(host, non_blocking=True)
            for i, pair in enumerate(padded):
                _put_device(self._taken(pair.visible), self._inputs[0][1][i], upload)
                _put_device(pair.thermal.pixels, self._inputs[1][1][i], upload)
        upload.record(self._uploaded)

    def compute(self, work: Work) -> None:
        """Give the step this slot's inputs, run it, and keep its results."""
        compute = self._context.compute
        with compute.after(self._uploaded):
            for inside, device, _ in self._inputs:
                inside.copy_(device)
            work()
            for inside, device, _ in self._results:
                device.copy_(inside)
        compute.record(self._computed)

    def download(self) -> None:
        """Start the copies to the host."""
        download = self._context.download
        with download.after(self._computed):
            for _, device, host in self._wanted():
                host.copy_(device, non_blocking=True)
        download.record(self._downloaded)

    def results(self) -> list[Pixels]:
        """Wait for the download, then copies: fused, thermal, and visible where it came from the device."""
        self._downloaded.wait()
        return [np.array(host.numpy()) for _, _, host in self._wanted()]

    def _taken(self, visible: Frame) -> AnyPixels:
        """The part of a visible frame that goes through the device: its luma, or RGB."""
        if self._luma and isinstance(visible.picture, YuvPlanes):
            return visible.picture.y
        return visible.pixels

    def _wanted(self) -> list[Buffers]:
        return self._results if self._brings_visible else self._results[:2]


class Batch(Protocol):
    """Frames that are fused, or on their way through the device."""

    def result(self) -> list[FusedFrame]:
        """Wait, and give the fused frames in order."""


class ReadyBatch:
    """Fused frames that needed no computation."""

    def __init__(self, frames: list[FusedFrame]) -> None:
        self._frames = frames

    def result(self) -> list[FusedFrame]:
        """The frames."""
        return self._frames


class PendingBatch:
    """A batch on its way through the device: `result` waits for it and gives its fused frames."""

    def __init__(
        self,
        slot: Slot,
        pool: SlotPool,
        frame_sets: list[FrameSet],
        pairs: list[FramePair],
        first_index: int,
    ) -> None:
        self._slot: Slot | None = slot
        self._pool, self._frame_sets, self._first_index = pool, frame_sets, first_index
        self._pairs = pairs
        self._frames: list[FusedFrame] = []
        self._lock = threading.Lock()

    def result(self) -> list[FusedFrame]:
        """Fused frames in the order of their pairs; may be called from any thread and more than once.

        Raises:
            DeviceError: the device failed.
        """
        with self._lock:
            if self._slot is not None:
                with mapped_cuda_errors():
                    self._frames = self._collect(self._slot)
                self._pool.give_back(self._slot)
                self._slot = None
        return self._frames

    @property
    def is_done(self) -> bool:
        """True once the frames are on the host and the slot is free."""
        return self._slot is None

    def _collect(self, slot: Slot) -> list[FusedFrame]:
        fused, thermal, *rest = slot.results()
        frames = []
        for i, pair in enumerate(self._pairs):
            frame_set, visible = self._frame_sets[i], pair.visible.picture
            picture: Pixels | YuvPlanes = fused[i]
            if isinstance(visible, Tensor):
                visible = rest[0][i]
            if frame_set.visible is None:  # nothing to fuse with: the thermal picture itself passes through
                picture = grey_like(visible, thermal[i])
            elif isinstance(visible, YuvPlanes) and fused[i].ndim == 2:
                picture = visible.with_luma(fused[i])
            frames.append(FusedFrame(picture, visible, thermal[i], frame_set, self._first_index + i))
        return frames


class SlotPool:
    """A fixed number of slots; when all are in use, the oldest batch is waited for first."""

    def __init__(self, slots: list[Slot]) -> None:
        self._free = deque(slots)
        self._pending: deque[PendingBatch] = deque()

    def take(self) -> Slot:
        """A free slot; waits for the device only where none is left."""
        while not self._free:
            self._pending.popleft().result()
        return self._free.popleft()

    def pending(
        self, slot: Slot, frame_sets: list[FrameSet], pairs: list[FramePair], first_index: int
    ) -> PendingBatch:
        """The batch of a slot whose work has been given to the device, `pairs` in place of its frame sets."""
        while self._pending and self._pending[0].is_done:
            self._pending.popleft()
        batch = PendingBatch(slot, self, frame_sets, pairs, first_index)
        self._pending.append(batch)
        return batch

    def give_back(self, slot: Slot) -> None:
        """Take a slot back whose results have been copied."""
        self._free.append(slot)


def _buffers(tensor: Tensor, context: DeviceContext) -> Buffers:
    device = torch.empty_like(tensor)
    return tensor, device, context.pinned_like(device)


def _put(pixels: Pixels | Tensor, buffer: Pixels) -> None:
    if isinstance(pixels, np.ndarray):
        np.copyto(buffer, pixels)


def _put_device(pixels: Pixels | Tensor, buffer: Tensor, upload: Stream) -> None:
    if isinstance(pixels, Tensor):
        buffer.copy_(pixels, non_blocking=True)
        # The picture's memory is its decoder's: forgotten early, it would get the next picture too soon.
        upload.uses(pixels)
