"""Streams of device work and the events between them; on the host both are empty."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

import torch
from torch import Tensor

from stream.errors import DeviceError

# Streams that torch keeps for a device and hands out in turn.
TORCH_STREAMS = 32


class Event(Protocol):
    """A point in a stream's work that others can wait for."""

    def wait(self) -> None:
        """Hold the calling thread until the stream has come past the point."""


class Stream(Protocol):
    """A queue of device work that is done in order; streams run beside each other."""

    def after(self, *events: Event) -> AbstractContextManager[None]:
        """Work given in the block joins this stream and starts only after the events."""

    def record(self, event: Event) -> None:
        """Place an event behind all that the stream has been given."""

    def uses(self, tensor: Tensor) -> None:
        """Keep a tensor's memory from being given to others before this stream's present work is done."""

    def synchronize(self) -> None:
        """Hold the calling thread until the stream has nothing left to do."""


class HostEvent:
    """An event of the host, where work is done when it is given."""

    def wait(self) -> None:
        """Return at once: nothing is ever outstanding."""


class HostStream:
    """A stream of the host: work is done when it is given."""

    def after(self, *events: Event) -> AbstractContextManager[None]:
        """Do nothing around the block."""
        return nullcontext()

    def record(self, event: Event) -> None:
        """Do nothing: nothing is ever outstanding."""

    def uses(self, tensor: Tensor) -> None:
        """Do nothing: the same."""

    def synchronize(self) -> None:
        """Return at once: the same."""


class CudaEvent:
    """A CUDA event; waiting for one that was never recorded returns at once."""

    def __init__(self) -> None:
        # A blocking event lets the waiting thread sleep, where it would otherwise burn a core.
        self.event = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]  # torch has no types here

    def wait(self) -> None:
        """As `Event.wait`."""
        self.event.synchronize()


class CudaStream:
    """A CUDA stream that nothing else in this process uses.

    Attributes:
        stream: as torch knows it.
    """

    def __init__(self, device: torch.device) -> None:
        self.stream = take_stream(device)

    @contextmanager
    def after(self, *events: Event) -> Iterator[None]:
        """As `Stream.after`."""
        for event in events:
            assert isinstance(event, CudaEvent)
            self.stream.wait_event(event.event)
        with torch.cuda.stream(self.stream):
            yield

    def record(self, event: Event) -> None:
        """As `Stream.record`."""
        assert isinstance(event, CudaEvent)
        event.event.record(self.stream)

    def uses(self, tensor: Tensor) -> None:
        """As `Stream.uses`."""
        tensor.record_stream(self.stream)

    def synchronize(self) -> None:
        """As `Stream.synchronize`."""
        self.stream.synchronize()


def take_stream(device: torch.device) -> torch.cuda.Stream:
    """A stream of torch's that is not in use here; it is free again when it is deleted.

    Two owners of one stream would wait for each other, and what one launches while the other captures would
    become part of the other's graph.

    Raises:
        DeviceError: all of them are taken.
    """
    with _lock:
        for _ in range(TORCH_STREAMS):
            stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]  # torch has no types here
            key = (str(device), stream.cuda_stream)
            if key not in _taken:
                _taken.add(key)
                weakref.finalize(stream, _taken.discard, key)
                return stream
    raise DeviceError(
        f"all {TORCH_STREAMS} CUDA streams of {device} are in use by this process; "
        "end some of the runs in it, or start them as processes of their own"
    )


_lock = threading.Lock()
_taken: set[tuple[str, int]] = set()
