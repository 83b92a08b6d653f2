"""torch.cuda without a GPU: streams, events and graphs that note what they are asked, in one order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from cuda_kernels import reference
from stream.device import streams
from stream.device.context import CudaContext
from stream.device.streams import CudaStream

DEVICE = torch.device("cpu")
OUT_OF_MEMORY = "out of memory"


class StubCuda:
    """State that the stubs share.

    Attributes:
        log: what was asked, in order: (stream, verb).
        dealt: streams that were made so far; they repeat as torch's do.
        current: the current stream's number; 0 is the default stream.
        capture_fails: errors to raise when captures end, the next first; None for one that succeeds.
    """

    def __init__(self) -> None:
        self.log: list[tuple[int, str]] = []
        self.dealt = 0
        self.current = 0
        self.capture_fails: list[Exception | None] = []


class StubStream:
    """A stream; two with one number are one stream."""

    def __init__(self, cuda: StubCuda, number: int) -> None:
        self.cuda, self.cuda_stream, self.device = cuda, number, DEVICE

    def wait_stream(self, other: StubStream) -> None:
        self.cuda.log.append((self.cuda_stream, f"waits for {other.cuda_stream}"))

    def wait_event(self, event: Any) -> None:
        self.cuda.log.append((self.cuda_stream, "waits for an event"))

    def synchronize(self) -> None:
        self.cuda.log.append((self.cuda_stream, "synchronize"))


class StubGraph:
    """A graph that replays nothing."""

    def __init__(self, cuda: StubCuda) -> None:
        self.cuda = cuda

    def replay(self) -> None:
        self.cuda.log.append((self.cuda.current, "replay"))

    def reset(self) -> None:
        self.cuda.log.append((self.cuda.current, "reset"))


def install(monkeypatch: pytest.MonkeyPatch) -> StubCuda:
    """Put the stubs in place of `torch.cuda`'s."""
    cuda = StubCuda()

    def new_stream(device: Any = None) -> StubStream:
        cuda.dealt += 1
        return StubStream(cuda, 1 + (cuda.dealt - 1) % 32)

    @contextmanager
    def use(stream: StubStream) -> Iterator[None]:
        before, cuda.current = cuda.current, stream.cuda_stream
        try:
            yield
        finally:
            cuda.current = before

    @contextmanager
    def capture(graph: StubGraph, stream: StubStream, capture_error_mode: str) -> Iterator[None]:
        assert capture_error_mode == "thread_local"
        cuda.log.append((stream.cuda_stream, "capture"))
        with use(stream):
            try:
                yield
            finally:
                failure = cuda.capture_fails.pop(0) if cuda.capture_fails else None
                if failure:
                    raise failure

    @contextmanager
    def on(device: Any) -> Iterator[None]:
        yield

    class StubEvent:
        def __init__(self, blocking: bool = False) -> None:
            assert blocking

        def record(self, stream: StubStream) -> None:
            cuda.log.append((stream.cuda_stream, "record"))

        def synchronize(self) -> None:
            cuda.log.append((cuda.current, "event synchronize"))

    monkeypatch.setattr(streams, "_taken", set())
    monkeypatch.setattr(torch.cuda, "Stream", new_stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device=None: StubStream(cuda, cuda.current))
    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: StubGraph(cuda))
    monkeypatch.setattr(torch.cuda, "graph", capture)
    monkeypatch.setattr(torch.cuda, "stream", use)
    monkeypatch.setattr(torch.cuda, "device", on)
    monkeypatch.setattr(torch.cuda, "Event", StubEvent)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: cuda.log.append((cuda.current, "empty cache")))
    return cuda


class StubContext(CudaContext):
    """The GPU's context with tensors on the host: its streams and graphs are stubs."""

    def __init__(self) -> None:
        self.device = DEVICE
        self.operations = reference
        self._compute = CudaStream(DEVICE)
        self.upload, self.compute, self.download = CudaStream(DEVICE), self._compute, CudaStream(DEVICE)

    def pinned_like(self, tensor: torch.Tensor) -> torch.Tensor:
        return torch.empty_like(tensor)
