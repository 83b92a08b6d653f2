"""The whole step on a GPU: the graph equals the stages one by one, and the CPU's result within a band."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from stream.device.context import CudaContext, open_device
from stream.fusion.fuser import Fuser
from tests.unit.fusion.test_fuser import changed, fuser, landed, pair_of, same

pytestmark = pytest.mark.gpu

SIZE = (96, 64)


@pytest.fixture(scope="module")
def context(cuda: str) -> CudaContext:
    opened = open_device("cuda")
    assert isinstance(opened, CudaContext)
    return opened


def pairs(count: int) -> list[object]:
    return [pair_of(i) for i in range(count)]


def test_it_equals_the_cpu(context: CudaContext) -> None:
    on_cpu, on_gpu = landed(fuser(), pairs(6)), landed(fuser(context=context), pairs(6))
    for first, second in zip(on_cpu, on_gpu, strict=True):
        assert np.abs(first.pixels.astype(int) - second.pixels.astype(int)).max() <= 1
        assert np.abs(first.thermal.astype(int) - second.thermal.astype(int)).max() <= 1


def test_levels_and_still_places_equal_the_cpu_s(context: CudaContext) -> None:
    """A still scene with noise, then a cut: the frame before is kept, inside the graph, as on the CPU."""
    random = np.random.default_rng(3)
    scene = pair_of(0, SIZE)
    noisy = []
    for index in range(8):
        pair = pair_of(index, SIZE)
        if index < 6:
            noise = random.integers(-1, 2, scene.visible.pixels.shape)
            rgb = np.clip(scene.visible.pixels.astype(int) + noise, 0, 255).astype(np.uint8)
            pair = replace(pair, visible=replace(pair.visible, picture=rgb), thermal=scene.thermal)
        noisy.append(pair)
    for batch in (1, 2):
        by = fuser(batch=batch, context=context)
        assert by._settings.fusion.used_level and by._settings.fusion.used_steady
        for ours, reference in zip(landed(by, noisy), landed(fuser(batch=batch), noisy), strict=True):
            assert np.abs(ours.pixels.astype(int) - reference.pixels.astype(int)).max() <= 2


def test_the_graph_equals_the_stages_one_by_one(
    context: CudaContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    graphed = landed(fuser(batch=2, context=context), pairs(7))
    monkeypatch.setattr(CudaContext, "capture", lambda self, work: None)
    assert same(landed(fuser(batch=2, context=context), pairs(7)), graphed)


def test_a_change_of_size_is_captured_again(context: CudaContext) -> None:
    mixed = [pair_of(0), pair_of(1), pair_of(2, SIZE), pair_of(3, SIZE), pair_of(4)]
    assert [frame.pixels.shape[:2] for frame in landed(fuser(context=context), mixed)] == [
        (16, 24),
        (16, 24),
        (64, 96),
        (64, 96),
        (16, 24),
    ]


def test_nudges_and_gain_changed_in_flight_equal_the_cpu(context: CudaContext) -> None:
    """Changes come while frames are on their way; the graph's memory is moved, or the graph made again."""
    on_cpu, on_gpu = fuser(), fuser(context=context)
    for index in range(12):
        for by in (on_cpu, on_gpu):
            if index % 3 == 0:
                changed(by, gain={"damping": 0.5 + index / 100})
            else:
                changed(by, registration={"nudge_right_px": 1 + index % 4})
        batches = [list(by.fuse(pairs(4))) for by in (on_cpu, on_gpu)]
        for first, second in zip(*batches, strict=True):
            apart = first.result()[0].thermal.astype(int) - second.result()[0].thermal.astype(int)
            assert np.abs(apart).max() <= 1


@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype")
def test_after_warm_up_nothing_is_allocated_and_nobody_waits(context: CudaContext) -> None:
    """Sending a frame on its way allocates no device memory and never waits for the device."""
    by: Fuser = fuser(context=context)
    landed(by, pairs(4))
    torch.cuda.synchronize()
    before = torch.cuda.memory_stats()["allocation.all.allocated"]
    for _ in range(25):
        torch.cuda.set_sync_debug_mode("error")
        try:
            flights = list(by.fuse(pairs(3)))
        finally:
            torch.cuda.set_sync_debug_mode("default")
        assert all(len(flight.result()) == 1 for flight in flights)
    assert torch.cuda.memory_stats()["allocation.all.allocated"] == before
