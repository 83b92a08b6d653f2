"""Captured graphs and streams of the GPU's context, on stubs of torch.cuda."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

import pytest
import torch

from stream.bench import models
from stream.device.cuda_graph import CapturedGraph
from stream.device.streams import TORCH_STREAMS, take_stream
from stream.errors import DeviceError
from tests.helpers.cuda_stub import DEVICE, StubContext, StubCuda, install


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> StubCuda:
    return install(monkeypatch)


def some_work() -> tuple[Callable[[], None], list[weakref.ref[torch.Tensor]]]:
    """Work on two tensors, and whether they are still there."""
    source, target = torch.zeros(3), torch.zeros(3)

    def work() -> None:
        target.copy_(source)

    return work, [weakref.ref(source), weakref.ref(target)]


def test_a_graph_owns_what_it_addresses(cuda: StubCuda) -> None:
    work, tensors = some_work()
    graph = CapturedGraph(work, take_stream(DEVICE))
    replay = graph.replay
    del work, graph
    gc.collect()
    assert all(tensor() is not None for tensor in tensors)
    del replay
    gc.collect()
    assert not any(tensor() is not None for tensor in tensors)


def test_a_closed_graph_owns_nothing(cuda: StubCuda) -> None:
    work, tensors = some_work()
    graph = CapturedGraph(work, take_stream(DEVICE))
    del work
    graph.close()
    gc.collect()
    assert not any(tensor() is not None for tensor in tensors)


def test_the_benchmark_s_16_bit_inputs_live_as_long_as_its_work(
    cuda: StubCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs: list[weakref.ref[torch.Tensor]] = []

    class Network:
        precision, form = "bfloat16", "stub"

        def __call__(self, visible: torch.Tensor, thermal: torch.Tensor) -> torch.Tensor:
            inputs[:] = [weakref.ref(visible), weakref.ref(thermal)]
            return visible.float()

    monkeypatch.setattr(models.gifnet, "load", lambda *arguments: Network())
    pictures = (torch.rand(1, 1, 8, 8), torch.rand(1, 1, 8, 8))
    made = models.ours("default", "bfloat16", pictures, StubContext())
    gc.collect()
    assert [each() is not None and each().dtype for each in inputs] == [torch.bfloat16] * 2
    del made
    gc.collect()
    assert [each() for each in inputs] == [None, None]


def test_it_is_warmed_up_and_captured_on_the_given_stream_behind_the_current_one(cuda: StubCuda) -> None:
    stream, seen = take_stream(DEVICE), []
    CapturedGraph(lambda: seen.append(cuda.current), stream, warm_ups=2)
    own = stream.cuda_stream
    assert seen == [own] * 3
    assert cuda.log == [(own, "waits for 0"), (own, "synchronize"), (own, "capture"), (0, f"waits for {own}")]


def test_too_little_memory_is_not_hidden_by_the_end_of_the_capture(cuda: StubCuda) -> None:
    cuda.capture_fails = [RuntimeError("CUDA error: operation failed due to a previous error during capture")]
    runs = 0

    def work() -> None:
        nonlocal runs
        runs += 1
        if runs > 3:
            raise torch.OutOfMemoryError("no room")

    with pytest.raises(torch.OutOfMemoryError, match="no room"):
        CapturedGraph(work, take_stream(DEVICE))
    assert cuda.current == 0


def test_no_two_owners_get_one_stream(cuda: StubCuda) -> None:
    mine = take_stream(DEVICE)
    for _ in range(3 * TORCH_STREAMS):
        assert take_stream(DEVICE).cuda_stream != mine.cuda_stream
    taken = [mine, *(take_stream(DEVICE) for _ in range(TORCH_STREAMS - 1))]
    assert len({stream.cuda_stream for stream in taken}) == TORCH_STREAMS
    with pytest.raises(DeviceError, match="all 32 CUDA streams"):
        take_stream(DEVICE)
    del taken[5]
    assert take_stream(DEVICE).cuda_stream not in {stream.cuda_stream for stream in taken}


def test_many_captures_take_no_further_stream(cuda: StubCuda) -> None:
    context = StubContext()
    dealt = cuda.dealt
    for _ in range(40):
        context.capture(lambda: None)
    assert cuda.dealt == dealt == 3
