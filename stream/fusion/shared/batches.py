"""A batch of requests through the network: on a CPU as it is, on a GPU by a captured graph for every size."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from typing import Protocol

import torch

from gifnet.model import Fusion
from stream.device.context import DeviceContext
from stream.device.cuda_graph import CapturedGraph
from stream.fusion.shared.waiting import Request
from stream.runtime.cpu_threads import all_cores


class Batches(Protocol):
    """Fuses batches of one shape; used by one thread at a time.

    Attributes:
        most: requests that it takes at once.
    """

    most: int

    def fuse(self, batch: Sequence[Request]) -> None:
        """Fuse 1 to `most` requests into their results; on a GPU the work is only given to the device."""

    def close(self) -> None:
        """Release the memory; no batch may be running."""


class HostBatches:
    """Batches on the CPU, where the work is done when it is given."""

    def __init__(self, network: Fusion, most: int) -> None:
        """Take no memory.

        Args:
            network: it.
            most: requests of a batch.
        """
        self._network, self.most = network, most
        self._helped = not getattr(network, "own_threads", False)

    def fuse(self, batch: Sequence[Request]) -> None:
        """As `Batches.fuse`."""
        visible, thermal = batch[0].visible, batch[0].thermal
        if len(batch) > 1:
            visible = torch.cat([request.visible for request in batch])
            thermal = torch.cat([request.thermal for request in batch])
        with all_cores() if self._helped else nullcontext():
            fused = self._network(visible, thermal)
        for row, request in enumerate(batch):
            request.result.copy_(fused[row : row + 1])

    def close(self) -> None:
        """Nothing was taken."""


class GraphBatches:
    """Batches on a GPU: pictures are copied into rows of fixed memory, and a graph of that size is replayed.

    Everything goes by one stream, which waits for the pictures of each request and records when its result
    is there; no thread waits for the device.
    """

    def __init__(self, network: Fusion, context: DeviceContext, most: int, like: Request) -> None:
        """Take memory and capture a graph for 1 to `most` requests, the largest first.

        Args:
            network: it; graphs of it may replay one after the other only.
            context: with a compute stream of its own.
            most: requests of a batch.
            like: a request of the shape.

        Raises:
            OutOfMemoryError: the device has too little memory for so many.
        """
        self._context, self._network, self.most = context, network, most
        self._graphs: dict[int, CapturedGraph] = {}
        shape = (most, *like.visible.shape[1:])
        with context.compute.after():
            self._visible = torch.zeros(shape, dtype=like.visible.dtype, device=like.visible.device)
            self._thermal = torch.zeros_like(self._visible)
            self._fused = torch.zeros(shape, device=like.visible.device)
            for count in range(most, 0, -1):
                graph = context.capture(partial(self._work, count))
                assert graph is not None, "a device with graphs"
                self._graphs[count] = graph

    def fuse(self, batch: Sequence[Request]) -> None:
        """As `Batches.fuse`."""
        compute = self._context.compute
        with compute.after(*(request.ready for request in batch)):
            for row, request in enumerate(batch):
                self._visible[row : row + 1].copy_(request.visible)
                self._thermal[row : row + 1].copy_(request.thermal)
            self._graphs[len(batch)].replay()
            for row, request in enumerate(batch):
                request.result.copy_(self._fused[row : row + 1])
        for request in batch:
            compute.record(request.done)

    def close(self) -> None:
        """Give graphs and memory up."""
        for graph in self._graphs.values():
            graph.close()
        self._graphs.clear()

    def _work(self, count: int) -> None:
        self._fused[:count].copy_(self._network(self._visible[:count], self._thermal[:count]))
