"""The benchmark's arithmetic, and what it says when something cannot be measured."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from gifnet.folding import fold
from stream.bench.roofline import Rates, bytes_per_pixel, floor_of, multiply_adds
from stream.bench.suite import Bench, BenchSettings
from stream.bench.table import lines, reasons
from stream.bench.timing import HostTimer, burst_length, rounds, summarise
from stream.device.context import HostContext
from stream.runtime.clock import SystemClock
from tests.helpers.clock import HandClock
from tests.reference.formula import formula_model


class Full(HostContext):
    """A device without room for a ring of slots."""

    def pinned_like(self, tensor: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("no room")


def bench(context: HostContext | None = None, **settings: Any) -> list[dict[str, Any]]:
    chosen = BenchSettings(sizes=((32, 24),), precisions=("float32",), burst_s=0.0, rounds=1, **settings)
    return Bench(chosen, context or HostContext(), SystemClock(), lambda what: None).run()


def test_operations_are_counted_from_the_layers() -> None:
    encoder = 9 * 32 * (2 + 34 + 66)
    embeds, unembed, mix = 2 * 9 * 98**2, 9 * 98**2, 98**2
    decoder = 9 * (98 * 64 + 64 * 32 + 32 * 16 + 16)
    side = 3 * 98**2 + 2 * 64 * 98 + 25 * 98 + 98**2 + 2 * 98 * 196
    counted = multiply_adds(fold(formula_model(), torch.float32))
    assert counted == encoder + embeds + 3 * side + unembed + mix + decoder


def test_bytes_are_those_of_maps_that_must_be_whole() -> None:
    folded = fold(formula_model(), torch.float32)
    assert bytes_per_pixel(folded, torch.bfloat16) == 2 * (3 + 2 * 98 * 4)
    assert bytes_per_pixel(folded, torch.float32) == 4 * (3 + 2 * 98 * 4)


def test_the_floor_is_the_slower_of_arithmetic_and_memory() -> None:
    folded = fold(formula_model(), torch.float32)
    needed = 2 * multiply_adds(folded) * 100
    arithmetic = floor_of(folded, (10, 10), torch.float32, Rates(needed / 2.0, 1e30))
    assert arithmetic.milliseconds == pytest.approx(2000)
    moved = bytes_per_pixel(folded, torch.float32) * 100
    memory = floor_of(folded, (10, 10), torch.float32, Rates(needed / 2.0, moved / 3.0))
    assert memory.milliseconds == pytest.approx(3000)


def test_works_take_turns_and_first_runs_do_not_count() -> None:
    clock, order = HandClock(), []

    def work(name: str, seconds: list[float]) -> Any:
        def run() -> None:
            order.append(name)
            clock.now_s += seconds.pop(0)

        return run

    works = {"a": work("a", [9.0, 1.0, 9.0, 2.0]), "b": work("b", [9.0, 3.0, 9.0, 4.0])}
    seconds = rounds(works, HostTimer(clock), 2, 0.0)
    assert seconds == {"a": [1.0, 2.0], "b": [3.0, 4.0]}
    assert order == ["a", "a", "b", "b", "a", "a", "b", "b"]


def test_a_burst_has_at_least_one_run_and_an_end() -> None:
    assert burst_length(5.0, 1.0) == 1
    assert burst_length(0.1, 1.0) == 10
    assert burst_length(0.0, 1.0) == 500


def test_a_summary_counts_frames_of_a_batch() -> None:
    timing = summarise([0.1] * 98 + [0.2, 0.4], frames=4)
    assert timing.frames_per_s == pytest.approx(400 / 10.4)
    assert (timing.p50_ms, timing.p95_ms) == (pytest.approx(100), pytest.approx(100))
    assert timing.p99_ms == pytest.approx(202)
    assert summarise([1.0, 1.0], frames=1, total_s=1.0).frames_per_s == 2


def test_a_row_holds_everything() -> None:
    (row,) = bench()
    assert set(row["network"]) == {"ours", "published"}
    ours, published = row["network"]["ours"]["p50_ms"], row["network"]["published"]["p50_ms"]
    assert row["times_as_fast_as"] == {"published": published / ours}
    assert row["floor"]["times_used"] == pytest.approx(ours / row["floor"]["milliseconds"])
    assert row["psnr_db"] > 100
    assert {"upload", "luma", "gain", "register", "network", "merge"} <= set(row["stages"])
    assert row["end_to_end"]["batch"] == "1"
    assert list(row["not_measured"]) == ["published compiled"]


def test_what_does_not_fit_is_said_and_the_rest_is_measured() -> None:
    (row,) = bench(Full(), baseline=False)
    assert row["network"]["ours"]["runs"] >= 1
    assert "too little memory" in row["not_measured"]["end to end"]
    told = dict(lines(row))
    assert told["end to end"] == told["published form"] == "not measured"
    assert told["network"].endswith("frames/s")


def test_a_reason_is_told_once() -> None:
    rows = [{"not_measured": {"stages": "why"}}, {"not_measured": {"stages": "why"}}]
    assert reasons(rows) == ["not measured: stages: why"]
