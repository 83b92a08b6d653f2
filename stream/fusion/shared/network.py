"""A network through which the frames of several pairs go in batches."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

import torch
from torch import Tensor

from gifnet.config import Kind
from stream.device.context import DeviceContext
from stream.fusion.model_choice import WholeNetwork
from stream.fusion.shared.batches import Batches, GraphBatches, HostBatches
from stream.fusion.shared.waiting import Request, Waiting
from stream.runtime.clock import Clock

# Shapes of frames whose memory and graphs are kept; the oldest makes way for another one.
MOST_SHAPES = 4


class SharedNetwork:
    """Fuses frames of several pairs, those of one shape together; used by the threads of all pairs.

    It has no thread of its own: of the threads that wait, the one that comes first when a batch is due fuses
    it for all. While a batch is fused, requests gather for the next one. On a GPU the next batch is given out
    once the one before is done.

    Attributes:
        network: it.
        kind: `full` or `lite`.
        sizes: how many batches there were of each size.
    """

    def __init__(
        self, network: WholeNetwork, kind: Kind, context: DeviceContext, waiting: Waiting, clock: Clock
    ) -> None:
        """Take no memory yet.

        Args:
            network: ready to fuse, on the device of the context.
            kind: `full` or `lite`.
            context: with a compute stream of its own.
            waiting: the rule that makes batches.
            clock: for the wait.
        """
        self.network, self.kind = network, kind
        self.sizes: Counter[int] = Counter()
        self._context, self._waiting, self._clock = context, waiting, clock
        self._changed = threading.Condition()
        self._is_busy = False
        self._under_way = context.new_event()
        self._batches: dict[object, Batches] = {}
        self._joined = 0

    def join(self, context: DeviceContext) -> Share:
        """Access for one more pair.

        Args:
            context: of the pair, on the same device.
        """
        with self._changed:
            self._joined += 1
            return Share(self, self._joined, context)

    def leave(self, pair: int) -> None:
        """Wait for nothing of a pair any more."""
        with self._changed:
            self._waiting.leave(pair)
            self._changed.notify_all()

    def fuse(self, request: Request) -> None:
        """Get a request done, together with those of other pairs; returns when that is so.

        Raises:
            RuntimeError: the device fails, or has too little memory.
        """
        with self._changed:
            request.since_s = self._clock.monotonic_s()
            self._waiting.add(request)
            self._changed.notify_all()
        while self._is_my_turn(request):
            self._fuse_next()
        if request.error is not None:
            # Without the traceback, which the other pairs of the batch raise it with too.
            raise request.error.with_traceback(None)

    @contextmanager
    def exclusive(self) -> Iterator[WholeNetwork]:
        """The network itself, for a block in which no batch is fused."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_busy)
            self._is_busy = True
        try:
            yield self.network
        finally:
            self._end_turn([])

    def close(self) -> None:
        """Release memory and threads; no request may follow."""
        with suppress(RuntimeError):  # a device that failed is left as it is
            self._context.drain()
            for batches in self._batches.values():
                batches.close()
        self._batches.clear()
        close = getattr(self.network, "close", None)
        if close is not None:
            close()

    def _is_my_turn(self, request: Request) -> bool:
        """Wait until a batch is due and this thread is to fuse it; False once the own request is done."""
        with self._changed:
            while not request.is_done:
                due_in_s = self._waiting.due_in_s(self._clock.monotonic_s())
                if not self._is_busy and due_in_s == 0:
                    self._is_busy = True
                    return True
                self._changed.wait(None if self._is_busy else due_in_s)
        return False

    def _fuse_next(self) -> None:
        batch: list[Request] = []
        try:
            # Before the batch is made up: others may come while the device is at work.
            self._under_way.wait()
            with self._changed:
                batch = self._waiting.take()
            self._fuse(batch)
            self._context.compute.record(self._under_way)
        except BaseException as error:
            if not batch:
                with self._changed:
                    batch = self._waiting.take()
            for request in batch:
                request.error = error
        finally:
            self._end_turn(batch)

    @torch.inference_mode()
    def _fuse(self, batch: list[Request]) -> None:
        rest = batch
        while rest:
            batches = self._batches_for(rest[0])
            now, rest = rest[: batches.most], rest[batches.most :]
            batches.fuse(now)
            self.sizes[len(now)] += 1

    def _end_turn(self, batch: list[Request]) -> None:
        with self._changed:
            self._is_busy = False
            for request in batch:
                request.is_done = True
            self._changed.notify_all()

    def _batches_for(self, request: Request) -> Batches:
        """The step that fuses frames of a request's shape; in smaller batches where memory is short."""
        batches = self._batches.get(request.shape)
        if batches is not None:
            return batches
        if len(self._batches) >= MOST_SHAPES:
            self._context.drain()
            self._batches.pop(next(iter(self._batches))).close()
        made = self._batches[request.shape] = self._make(request)
        return made

    def _make(self, request: Request) -> Batches:
        if not self._context.has_graphs:
            return HostBatches(self.network, self._waiting.most)
        most = self._waiting.most
        while True:
            try:
                return GraphBatches(self.network, self._context, most, request)
            except torch.OutOfMemoryError:
                if most == 1:
                    raise
            # Only here: while the error is handled, it refers to all that was taken.
            self._context.release_unused()
            most = self._waiting.most = (most + 1) // 2


class Share:
    """A pair's access to a shared network; used by one thread at a time.

    Attributes:
        kind: `full` or `lite`.
        own_threads: True: torch's threads would be in the way of other pairs.
        weights_sha256: of the network.
        precision: of the network.
        picture_dtype: of the network.
        form: of the network, and that it is shared.
        exposes: of the network.
    """

    own_threads = True

    def __init__(self, shared: SharedNetwork, number: int, context: DeviceContext) -> None:
        self._shared, self._number, self._context = shared, number, context
        network = shared.network
        self.kind = shared.kind
        self.weights_sha256, self.precision = network.weights_sha256, network.precision
        self.picture_dtype, self.form = network.picture_dtype, f"{network.form}, shared"
        self.exposes = bool(getattr(network, "exposes", True))
        self._ready, self._done = context.new_event(), context.new_event()

    def fuse(self, visible: Tensor, thermal: Tensor, result: Tensor) -> None:
        """Fuse one frame, together with frames of other pairs.

        What the pair's compute stream has been given comes before it, and what it is given next behind it.

        Args:
            visible: [1, 1, H, W] in [0, 1]; stays as it is until the result is there.
            thermal: the same.
            result: [1, 1, H, W] float32.

        Raises:
            RuntimeError: the device fails, or has too little memory.
        """
        compute = self._context.compute
        compute.record(self._ready)
        self._shared.fuse(Request(self._number, visible, thermal, result, self._ready, self._done))
        with compute.after(self._done):
            pass

    def __call__(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """Fuse a [1, 1, H, W] picture, as `fuse`."""
        result = torch.empty(visible.shape, device=visible.device)
        self.fuse(visible, thermal, result)
        return result

    def exclusive(self) -> AbstractContextManager[WholeNetwork]:
        """See `SharedNetwork.exclusive`."""
        return self._shared.exclusive()

    def close(self) -> None:
        """Stop sharing; may be called twice."""
        self._shared.leave(self._number)
