"""The whole way of a frame: from the host, through the device, and back."""

from __future__ import annotations

from collections import deque
from itertools import cycle, islice, pairwise
from typing import NamedTuple

from stream.bench.load import Load, settings_for
from stream.bench.timing import Timing, burst_length, summarise
from stream.device.context import DeviceContext
from stream.fusion.fuser import Fuser
from stream.fusion.planner import SLOTS
from stream.fusion.slots import PendingBatch
from stream.runtime.clock import Clock
from stream.runtime.stage_times import StageTime, StageTimes


class EndToEnd(NamedTuple):
    """Measurements of the whole way.

    Attributes:
        throughput: with as many batches under way as there are slots; times from one result to the next.
        latency: of a batch alone, from the host to the host.
        start_s: from nothing loaded to the first fused frame.
        stages: times of the stages that the run itself can tell apart.
        device: batch, slots and form that were really used.
    """

    throughput: Timing
    latency: Timing
    start_s: float
    stages: dict[str, StageTime]
    device: dict[str, str]


def measure_end_to_end(
    load: Load, weights: str, precision: str, batch: int, context: DeviceContext, clock: Clock, burst_s: float
) -> EndToEnd:
    """Fuse the load's pairs as a run does, without sources and sinks."""
    times = StageTimes(clock)
    begin_s = clock.monotonic_s()
    with settings_for(load, weights, precision, batch) as settings:
        fuser = Fuser(settings, load.visible, load.thermal, context, times)
    batch = int(fuser.device_usage["batch"])
    pairs = cycle(load.pairs)

    def submit() -> PendingBatch:
        return fuser.submit(list(islice(pairs, batch)))

    submit().result()
    start_s = clock.monotonic_s() - begin_s
    begin_s = clock.monotonic_s()
    submit().result()
    count = 2 * SLOTS + burst_length(clock.monotonic_s() - begin_s, burst_s)
    latencies_s = []
    for _ in range(count):
        begin_s = clock.monotonic_s()
        submit().result()
        latencies_s.append(clock.monotonic_s() - begin_s)
    done_s = []
    pending: deque[PendingBatch] = deque(submit() for _ in range(SLOTS - 1))
    for _ in range(count + 1):
        pending.append(submit())
        pending.popleft().result()
        done_s.append(clock.monotonic_s())
    for each in pending:
        each.result()
    fuser.close()
    between_s = [second - first for first, second in pairwise(done_s)]
    return EndToEnd(
        summarise(between_s, batch),
        summarise(latencies_s, batch),
        start_s,
        times.summary(),
        fuser.device_usage,
    )
