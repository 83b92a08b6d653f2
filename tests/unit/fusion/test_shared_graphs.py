"""Graphs of a shared network on stubs of the GPU: one for every size, order of work, owners of memory."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor

from gifnet.lite.model import GIFNetLite
from stream.config.many.pairs import SharingSettings
from stream.errors import DeviceError
from stream.fusion.fuser import Fuser
from stream.fusion.shared.batches import GraphBatches
from stream.fusion.shared.devices import GPU_BATCH, SharedDevices
from stream.fusion.shared.network import MOST_SHAPES, Share, SharedNetwork
from stream.fusion.shared.waiting import Request, Waiting
from stream.runtime.clock import SystemClock
from tests.helpers.cuda_stub import OUT_OF_MEMORY, StubContext, StubCuda, install
from tests.unit.fusion.test_fuser import pair_of
from tests.unit.fusion.test_shared_network import fuser


class Plain(GIFNetLite):
    """Gives the visible picture; notes the sizes of the batches that it was called with."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    def forward(self, visible: Tensor, thermal: Tensor) -> Tensor:
        self.batches.append(len(visible))
        return visible.float()


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> StubCuda:
    return install(monkeypatch)


def request(context: StubContext, pair: int = 1, size: int = 8) -> Request:
    pictures = [torch.full((1, 1, size, size), float(pair)) for _ in range(3)]
    return Request(pair, *pictures, context.new_event(), context.new_event())


def shared(context: StubContext, most: int, network: GIFNetLite | None = None) -> SharedNetwork:
    return SharedNetwork(network or Plain(), "lite", context, Waiting(most, 0.0), SystemClock())


def number(context: StubContext) -> int:
    found: int = context._compute.stream.cuda_stream
    return found


def test_there_is_a_graph_for_every_size_the_largest_first(cuda: StubCuda) -> None:
    network, context = Plain(), StubContext()
    batches = GraphBatches(network, context, 3, request(context))
    # Two of the captured calls are warm-ups of the stub's graph and the capture itself.
    assert list(dict.fromkeys(network.batches)) == [3, 2, 1]
    assert [verb for _, verb in cuda.log].count("capture") == 3
    assert {stream for stream, verb in cuda.log if verb == "capture"} == {number(context)}
    batches.close()
    assert [verb for _, verb in cuda.log].count("reset") == 3


def test_a_batch_waits_for_its_pictures_replays_once_and_tells_each_pair(cuda: StubCuda) -> None:
    context = StubContext()
    of = shared(context, most=2)
    pairs = [context.fork() for _ in range(2)]
    one = of.join(pairs[0])
    one(torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8))
    begin = len(cuda.log)
    one(torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8))
    network, own = number(context), number(pairs[0])
    assert cuda.log[begin:] == [
        (own, "record"),
        (0, "event synchronize"),
        (network, "waits for an event"),
        (network, "replay"),
        (network, "record"),
        (network, "record"),
        (own, "waits for an event"),
    ]


def test_pictures_go_into_their_rows_and_results_come_from_them(cuda: StubCuda) -> None:
    context = StubContext()
    batches = GraphBatches(Plain(), context, 3, request(context))
    batch = [request(context, pair) for pair in (1, 2, 3)]
    batches._fused.copy_(torch.tensor([10.0, 20.0, 30.0]).reshape(3, 1, 1, 1).expand_as(batches._fused))
    batches.fuse(batch)
    assert batches._visible[:, 0, 0, 0].tolist() == [1, 2, 3]
    assert [float(one.result[0, 0, 0, 0]) for one in batch] == [10, 20, 30]


def test_graphs_keep_the_memory_that_they_address_until_they_are_closed(cuda: StubCuda) -> None:
    context = StubContext()
    of = shared(context, most=2)
    of.join(context.fork())(torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8))
    batches: Any = next(iter(of._batches.values()))
    memory = [weakref.ref(each) for each in (batches._visible, batches._thermal, batches._fused)]
    del batches
    gc.collect()
    assert all(each() is not None for each in memory)
    of.close()
    gc.collect()
    assert not any(each() is not None for each in memory)


def test_with_too_little_memory_batches_become_smaller(cuda: StubCuda) -> None:
    context = StubContext()
    of = shared(context, most=4)
    cuda.capture_fails = [torch.OutOfMemoryError(OUT_OF_MEMORY)]
    share = of.join(context.fork())
    share(torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8))
    assert of._waiting.most == 2
    cuda.capture_fails = [torch.OutOfMemoryError(OUT_OF_MEMORY) for _ in range(4)]
    with pytest.raises(torch.OutOfMemoryError):
        share(torch.zeros(1, 1, 16, 8), torch.zeros(1, 1, 16, 8))


def test_memory_of_sizes_that_nobody_has_any_more_is_given_up(cuda: StubCuda) -> None:
    context = StubContext()
    of = shared(context, most=1)
    share = of.join(context.fork())
    for size in range(8, 8 + 2 * MOST_SHAPES):
        share(torch.zeros(1, 1, size, 8), torch.zeros(1, 1, size, 8))
    assert len(of._batches) == MOST_SHAPES
    assert [verb for _, verb in cuda.log].count("reset") == MOST_SHAPES


def test_pairs_have_a_compute_stream_each_and_share_the_copies(cuda: StubCuda) -> None:
    first = StubContext()
    others = [first.fork() for _ in range(5)]
    assert len({number(each) for each in (first, *others)}) == 6
    assert all(each.upload is first.upload and each.download is first.download for each in others)
    assert cuda.dealt == 3 + 5


def test_a_pair_on_a_gpu_is_two_graphs_around_the_shared_one(
    cuda: StubCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.fusion.shared.devices.open_device", lambda wanted: StubContext())
    monkeypatch.setattr("stream.fusion.shared.devices.load_whole", lambda *_: Plain())
    by = SharedDevices(SharingSettings(), 2, SystemClock())
    one, other = fuser(by), fuser(by)
    assert by._most("full", StubContext()) == min(2, GPU_BATCH)
    list(one.fuse([pair_of(0)]))
    begin = len(cuda.log)
    (batch,) = one.fuse([pair_of(1)])
    batch.result()
    own = number(one._context)
    replays = [stream for stream, verb in cuda.log[begin:] if verb == "replay"]
    shared_stream = replays[1]
    assert replays == [own, shared_stream, own] and shared_stream != own
    streams, waits = (own, shared_stream), "event synchronize"
    log = [entry for entry in cuda.log[begin:] if entry[0] in streams and entry[1] != waits]
    # The pair's first graph, a point behind it, the network, and only then the pair's second graph.
    assert log[1:4] == [(own, "replay"), (own, "record"), (shared_stream, "waits for an event")]
    assert log.index((own, "waits for an event"), 4) < len(log) - 1 - log[::-1].index((own, "replay"))
    one.close()
    other.close()
    by.close()


def test_a_gpu_that_fails_says_so_to_every_pair_of_the_batch(
    cuda: StubCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The GPU falls off the bus under a replay: one sentence, whichever pair's thread gave the work."""
    monkeypatch.setattr("stream.fusion.shared.devices.open_device", lambda wanted: StubContext())
    monkeypatch.setattr("stream.fusion.shared.devices.load_whole", lambda *_: Plain())
    by = SharedDevices(SharingSettings(), 2, SystemClock())
    pair: Fuser = fuser(by)
    list(pair.fuse([pair_of(0)]))

    def fail(self: GraphBatches, batch: list[Request]) -> None:
        raise RuntimeError("CUDA error: GPU has fallen off the bus")

    monkeypatch.setattr(GraphBatches, "fuse", fail)
    with pytest.raises(DeviceError, match="see what nvidia-smi says"):
        list(pair.fuse([pair_of(1)]))
    share = pair._network
    assert isinstance(share, Share)
    pair.close()
