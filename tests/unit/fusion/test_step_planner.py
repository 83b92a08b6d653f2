"""Memory and capture of the step on stubs of the GPU: order of work, owners of memory, too little of it."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from stream.config import FuseSettings
from stream.device.context import HostContext, Work
from stream.device.cuda_graph import CapturedGraph
from stream.errors import CalibrationError
from stream.frame import FramePair
from stream.fusion.fuser import Fuser
from stream.runtime.stage_times import StageTimes
from tests.helpers.clock import HandClock
from tests.helpers.cuda_stub import StubContext, StubCuda, install
from tests.unit.fusion.test_fuser import SIZE, changed, landed, pair_of


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> StubCuda:
    return install(monkeypatch)


class LittleMemory(HostContext):
    """Refuses the first captures, and notes whether the refused steps are dead when memory is released."""

    def __init__(self, refusals: int) -> None:
        super().__init__()
        self.refusals = refusals
        self.steps: list[weakref.ref[Any]] = []
        self.dead: list[bool] = []

    def capture(self, work: Work) -> CapturedGraph | None:
        if len(self.steps) < self.refusals:
            self.steps.append(weakref.ref(work))
            raise torch.OutOfMemoryError("no room")
        return None

    def release_unused(self) -> None:
        super().release_unused()
        self.dead.append(all(step() is None for step in self.steps))


def fuser(context: HostContext | StubContext, batch: int = 1, **gain: Any) -> Fuser:
    settings = FuseSettings.model_validate(
        {
            "visible": {"uri": "a"},
            "thermal": {"uri": "b"},
            "fusion": {"model": "null", "batch": batch},
            "gain": gain,
        }
    )
    return Fuser(settings, None, None, context, StageTimes(HandClock()))


def test_what_had_no_room_is_gone_before_less_is_tried() -> None:
    context = LittleMemory(refusals=3)
    by = fuser(context, batch=8)
    gc.disable()
    try:
        assert len(landed(by, [pair_of(0)])) == 1
    finally:
        gc.enable()
    assert context.dead == [True] * 3
    assert by._planner.batch == 1


def test_a_step_dies_with_its_last_user_without_a_collection() -> None:
    by = fuser(HostContext())
    landed(by, [pair_of(0)])
    step = weakref.ref(by._planner._step)
    gc.disable()
    try:
        by.close()
        assert step() is None
    finally:
        gc.enable()


def test_the_fuser_keeps_what_its_graph_addresses(cuda: StubCuda) -> None:
    by = fuser(StubContext())
    landed(by, [pair_of(0)])
    step = by._planner._step
    memory = [weakref.ref(each) for each in (step._luma, step._picture, step._coverage, step.visible)]
    del step
    gc.collect()
    assert all(each() is not None for each in memory)
    by.close()
    gc.collect()
    assert not any(each() is not None for each in memory)


def test_frames_on_their_way_are_waited_for_before_another_step_is_made(cuda: StubCuda) -> None:
    context = StubContext()
    by = fuser(context)
    batches = list(by.fuse([pair_of(0), pair_of(1)]))
    begin = len(cuda.log)
    changed(by, gain={"method": "minmax"})
    batches += list(by.fuse([pair_of(2)]))
    log = cuda.log[begin:]
    capture = log.index((context._compute.stream.cuda_stream, "capture"))
    streams = (context.upload, context.compute, context.download)
    for stream in streams:
        assert (stream.stream.cuda_stream, "synchronize") in log[:capture]
        # And what the new memory begins with is there before the upload stream writes to it.
        assert (stream.stream.cuda_stream, "synchronize") in log[capture:]
    assert log.index((0, "reset")) > max(
        log.index((stream.stream.cuda_stream, "synchronize")) for stream in streams
    )
    assert all(len(batch.result()) == 1 for batch in batches)


def test_a_nudge_goes_into_the_memory_that_the_graph_reads(cuda: StubCuda) -> None:
    by = fuser(StubContext())
    list(by.fuse([pair_of(0)]))
    changed(by, registration={"nudge_right_px": 1})
    list(by.fuse([pair_of(1)]))
    planner = by._planner
    step, work, coverage = planner._step, planner.work, planner._step._coverage
    captures = [verb for _, verb in cuda.log].count("capture")
    for nudge in (2, 3, 5):
        changed(by, registration={"nudge_right_px": nudge})
        list(by.fuse([pair_of(nudge)]))
        assert int((by.coverage()[0] == 0).sum()) == nudge
        assert step._coverage is coverage and np.array_equal(coverage.numpy(), by.coverage())
    assert (planner._step, planner.work) == (step, work)
    assert [verb for _, verb in cuda.log].count("capture") == captures == 2


def test_a_nudge_on_the_host_moves_every_pixel_and_takes_no_new_step() -> None:
    """The host's operations know maps by identity: written over, they would go by the old ones."""
    by = fuser(HostContext())
    landed(by, [pair_of(0)])
    changed(by, registration={"nudge_right_px": 1})
    landed(by, [pair_of(0)])
    work = by._planner.work
    changed(by, registration={"nudge_right_px": 4, "nudge_down_px": -2})
    moved = landed(by, [pair_of(0)])[0]
    assert by._planner.work is work
    fresh = fuser(HostContext())
    changed(fresh, registration={"nudge_right_px": 4, "nudge_down_px": -2})
    assert np.array_equal(moved.thermal, landed(fresh, [pair_of(0)] * 3)[-1].thermal)


def test_pictures_of_a_decoder_are_kept_until_they_are_uploaded(
    cuda: StubCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[tuple[int, Any]] = []
    monkeypatch.setattr(
        torch.Tensor, "record_stream", lambda self, stream: used.append((stream.cuda_stream, self))
    )
    context = StubContext()
    by = fuser(context)
    pair = pair_of(0)
    pixels = torch.from_numpy(pair.visible.pixels)
    pair = FramePair(replace(pair.visible, picture=pixels), pair.thermal, pair.time_s, 0.0)
    batches = list(by.fuse([pair]))
    assert [(stream, kept is pixels) for stream, kept in used] == [(context.upload.stream.cuda_stream, True)]
    assert np.array_equal(batches[0].result()[0].visible, pixels.numpy())


def test_a_slot_uploads_computes_and_downloads_in_the_order_of_events(cuda: StubCuda) -> None:
    context = StubContext()
    by = fuser(context)
    list(by.fuse([pair_of(0)]))
    begin = len(cuda.log)
    (batch,) = by.fuse([pair_of(1)])
    batch.result()
    up, run, down = (s.stream.cuda_stream for s in (context.upload, context.compute, context.download))
    assert cuda.log[begin:] == [
        (up, "record"),
        (run, "waits for an event"),
        (run, "replay"),
        (run, "record"),
        (down, "waits for an event"),
        (down, "record"),
        (0, "event synchronize"),
    ]


def test_a_size_that_is_refused_leaves_the_one_before_usable(tmp_path: Path) -> None:
    """A map of bad pixels fits one size of pictures; the camera changes its size, and comes back."""
    cv2.imwrite(str(tmp_path / "bad.png"), np.zeros(SIZE[::-1], np.uint8))
    by = fuser(HostContext(), bad_pixels=tmp_path / "bad.png")
    before = landed(by, [pair_of(0)])[0]
    with pytest.raises(CalibrationError, match="32x20"):
        landed(by, [pair_of(1, (32, 20))])
    after = landed(by, [pair_of(0)])[0]
    assert after.pixels.shape == before.pixels.shape


def test_refused_frames_are_not_kept() -> None:
    refused: list[str] = []
    settings = FuseSettings.model_validate(
        {"visible": {"uri": "a"}, "thermal": {"uri": "b"}, "fusion": {"model": "null"}}
    )
    by = Fuser(
        settings, None, None, HostContext(), StageTimes(HandClock()),
        lambda frame_set, error: refused.append(str(error)),
    )  # fmt: skip
    pictures = []
    for index in range(5):
        pair = pair_of(index, (1, 1))
        pictures.append(weakref.ref(pair.visible.pixels))
        landed(by, [pair])
        del pair
    gc.collect()
    assert len(refused) == 5
    # The newest may be held by the newest refusal.
    assert sum(picture() is not None for picture in pictures) <= 1


def test_slots_have_no_cycle() -> None:
    by = fuser(HostContext())
    landed(by, [pair_of(0)])
    gc.disable()
    try:
        taken = by._planner.slots.take()
        slot = weakref.ref(taken)
        del taken
        assert slot() is None
    finally:
        gc.enable()
