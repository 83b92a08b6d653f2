"""Frames that wait for a shared network: which of them make the next batch, and when it is due."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import torch
from torch import Tensor

from stream.device.streams import Event

# Seconds within which a pair that asked for a frame of this size is expected to ask again.
EXPECTED_S = 1.0


@dataclass(slots=True, eq=False)
class Request:
    """A frame of one pair for the network.

    Attributes:
        pair: number of the pair; each has one request at a time.
        visible: [1, 1, H, W], in [0, 1].
        thermal: the same.
        result: [1, 1, H, W] float32, gets the fused picture.
        ready: behind the work that makes the two pictures.
        done: behind the copy into `result`.
        since_s: when it was made, on the monotonic clock.
        is_done: the network has been through with it, or failed.
        error: why it failed; None otherwise.
    """

    pair: int
    visible: Tensor
    thermal: Tensor
    result: Tensor
    ready: Event
    done: Event
    since_s: float = 0.0
    is_done: bool = False
    error: BaseException | None = None

    @property
    def shape(self) -> tuple[torch.dtype, int, int]:
        """Number format, height and width; frames of one shape can make a batch."""
        return self.visible.dtype, self.visible.shape[-2], self.visible.shape[-1]


class Waiting:
    """Requests in the order in which they came; no clock and no lock of its own.

    Every pair has one request at most, and asks again only when that is done. So the order in which they came
    serves the pairs in turn, and a pair that floods gets no more turns than the others.

    Attributes:
        most: frames of a batch.
    """

    def __init__(self, most: int, wait_s: float) -> None:
        """Nothing waits yet.

        Args:
            most: frames of a batch.
            wait_s: longest that a request is held for those of other pairs.
        """
        self.most, self._wait_s = most, wait_s
        self._requests: list[Request] = []
        # Time of each pair's last request, and its shape.
        self._asked: dict[int, tuple[float, Hashable]] = {}

    def add(self, request: Request) -> None:
        """Put a request behind the others."""
        self._requests.append(request)
        self._asked[request.pair] = request.since_s, request.shape

    def leave(self, pair: int) -> None:
        """Expect nothing of a pair any more."""
        self._asked.pop(pair, None)

    def due_in_s(self, now_s: float) -> float | None:
        """Seconds until the next batch is due, 0 where it is now; None where nothing waits.

        It is due when it is full, when every pair that is expected has asked, or when its oldest request has
        waited for long enough.
        """
        if not self._requests:
            return None
        oldest = self._requests[0]
        if len(self._alike(oldest)) >= min(self.most, self._expected(oldest, now_s)):
            return 0.0
        return max(oldest.since_s + self._wait_s - now_s, 0.0)

    def take(self) -> list[Request]:
        """The next batch: the oldest request and those of its shape behind it, one a pair."""
        if not self._requests:
            return []
        batch = self._alike(self._requests[0])[: self.most]
        self._requests = [request for request in self._requests if request not in batch]
        return batch

    def _alike(self, one: Request) -> list[Request]:
        return [request for request in self._requests if request.shape == one.shape]

    def _expected(self, oldest: Request, now_s: float) -> int:
        """Pairs that ask for frames of this shape, those that wait already among them."""
        return sum(
            shape == oldest.shape and now_s - asked_s <= EXPECTED_S for asked_s, shape in self._asked.values()
        ) or len(self._alike(oldest))
