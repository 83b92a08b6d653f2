"""docs/scaling.md is what its command writes, and its simulation does what a queue must."""

from __future__ import annotations

import pytest

from benchmarks.scaling.__main__ import PAGE, page
from benchmarks.scaling.simulate import GPU_BATCH_S, GPU_FRAME_S, RATE, Node, loads


def test_the_page_is_what_the_command_writes() -> None:
    assert page() == PAGE.read_text(encoding="utf-8"), "run python -m benchmarks.scaling"


def test_a_single_pair_takes_the_time_of_its_frames_and_waits_for_nobody() -> None:
    played = Node(1, seed=1).play()
    assert played.kept == 1 and played.batch == 1
    assert played.ages_ms[0] == pytest.approx(1000 * (GPU_FRAME_S + GPU_BATCH_S))
    assert played.busy == pytest.approx(RATE * (GPU_FRAME_S + GPU_BATCH_S), rel=0.01)


def test_beyond_what_the_gpu_holds_frames_are_dropped_and_the_first_bottleneck_is_named() -> None:
    held = 1 / (RATE * GPU_FRAME_S)
    played = Node(int(2 * held), seed=1).play()
    assert 0.4 < played.kept < 0.55
    used = loads(int(2 * held), 1, played.busy)
    assert max(used, key=lambda name: used[name]) == "GPU time"
    assert max(loads(2000, 1000, 0.1), key=loads(2000, 1000, 0.1).__getitem__) == "Ray control plane"
