"""Frames of many pairs against the GPUs of a cluster: a simulation by stated costs; nothing of it ran on one.

Arrivals with fixed seeds are served in batches by the product's own rule (`stream.fusion.shared.waiting`).
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass
from typing import Any

import torch

from stream.device.streams import TORCH_STREAMS, HostEvent
from stream.fusion.shared.devices import GPU_BATCH
from stream.fusion.shared.waiting import Request, Waiting

SEED, SECONDS = 20, 10.0
RATE, JITTER_S = 30, 0.002
WAIT_S = 0.002

# Costs of a pair of 640x480 at 30/s, and what a node has. Which of them was measured stands in the page.
GPU_FRAME_S, GPU_BATCH_S = 2.8e-3, 0.05e-3
HOST_CORE_S, HOST_CORES = 12e-3, 16
COPIED_BYTES, PCIE_BYTES_S = 640 * 480 * (3 + 1 + 3 + 1), 40e9
NETWORK_BITS, NETWORK_BITS_S = 6e6 + 640 * 480 * 3 * 8 * RATE, 25e9
RAY_CALLS_S = 500 / 0.28
SHARED_STREAMS = 4

_PICTURE, _EVENT = torch.zeros(1, 1, 1, 1), HostEvent()


@dataclass(frozen=True, slots=True)
class Played:
    """Counts of the frames of a simulated node.

    Attributes:
        kept: share of frames that were fused.
        busy: share of the time in which the GPU worked.
        batch: mean size of a batch.
        ages_ms: from arrival to the end of the batch, sorted.
    """

    kept: float
    busy: float
    batch: float
    ages_ms: list[float]

    def age_ms(self, share: float) -> float:
        """A quantile of the ages."""
        return self.ages_ms[min(int(share * len(self.ages_ms)), len(self.ages_ms) - 1)]


class Node:
    """A GPU that serves pairs; each has one frame under way, and behind it the freshest that came since."""

    def __init__(self, pairs: int, seed: int) -> None:
        self._waiting = Waiting(min(GPU_BATCH, pairs), WAIT_S)
        self._events: list[tuple[float, int, str, Any]] = []
        self._count = 0
        self._is_busy = False
        self._under_way: dict[int, float] = {}
        self._next: dict[int, float] = {}
        self._batches, self._busy_s, self._dropped = 0, 0.0, 0
        self.ages_ms: list[float] = []
        draw = random.Random(seed)
        for pair in range(pairs):
            phase_s = draw.random() / RATE
            for index in range(int(SECONDS * RATE)):
                at_s = max(phase_s + index / RATE + draw.gauss(0, JITTER_S), 0.0)
                self._push(at_s, "arrives", pair)

    def play(self) -> Played:
        """Until nothing is left to do."""
        arrived = len(self._events)
        while self._events:
            now_s, _, what, about = heapq.heappop(self._events)
            if what == "arrives":
                self._arrive(about, now_s)
            elif what == "done":
                self._finish(about, now_s)
            self._serve(now_s)
        fused = len(self.ages_ms)
        mean = fused / max(self._batches, 1)
        return Played(fused / arrived, self._busy_s / SECONDS, mean, sorted(self.ages_ms))

    def _push(self, at_s: float, what: str, about: Any) -> None:
        self._count += 1
        heapq.heappush(self._events, (at_s, self._count, what, about))

    def _arrive(self, pair: int, now_s: float) -> None:
        if pair in self._under_way:
            self._next[pair] = now_s
        else:
            self._ask(pair, now_s, now_s)

    def _ask(self, pair: int, arrived_s: float, now_s: float) -> None:
        self._under_way[pair] = arrived_s
        self._waiting.add(Request(pair, _PICTURE, _PICTURE, _PICTURE, _EVENT, _EVENT, now_s))

    def _serve(self, now_s: float) -> None:
        due_in_s = self._waiting.due_in_s(now_s)
        if self._is_busy or due_in_s is None:
            return
        if due_in_s > 1e-9:
            self._push(now_s + due_in_s, "due", None)
            return
        batch = [request.pair for request in self._waiting.take()]
        took_s = GPU_BATCH_S + GPU_FRAME_S * len(batch)
        self._is_busy = True
        self._batches, self._busy_s = self._batches + 1, self._busy_s + took_s
        self._push(now_s + took_s, "done", batch)

    def _finish(self, batch: list[int], now_s: float) -> None:
        self._is_busy = False
        for pair in batch:
            self.ages_ms.append(1000 * (now_s - self._under_way.pop(pair)))
            if pair in self._next:
                self._ask(pair, self._next.pop(pair), now_s)


def loads(pairs: int, nodes: int, busy: float) -> dict[str, float]:
    """Share of each resource that is used; of the cluster's control plane, and of the fullest node."""
    each = -(-pairs // nodes)
    return {
        "GPU time": busy,
        "decode and encode": each * RATE * HOST_CORE_S / HOST_CORES,
        "CUDA streams": (SHARED_STREAMS + each) / TORCH_STREAMS,
        "PCIe": each * RATE * COPIED_BYTES / PCIE_BYTES_S,
        "network": each * NETWORK_BITS / NETWORK_BITS_S,
        "Ray control plane": pairs / RAY_CALLS_S,
    }
