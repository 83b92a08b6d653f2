"""Fused frames on their way from a device to whoever takes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext

from stream.frame import FusedFrame
from stream.fusion.fuser import Fuser
from stream.fusion.slots import Batch
from stream.live.session import LiveSession
from stream.runtime.prefetch import prefetch
from stream.runtime.stage_times import StageTimes
from stream.sources.base import SourceInfo

FUSED_AHEAD = 2


class FusedStream:
    """Fused frames of two streams, once through.

    Attributes:
        visible: what is known of the visible stream.
        device: type of the device that fuses, `cpu` or `cuda`.
        live: the cameras; None for recordings.
        fuser: what makes them.
    """

    def __init__(
        self,
        flights: Iterator[Batch],
        fuser: Fuser,
        visible: SourceInfo,
        device: str,
        times: StageTimes,
        live: LiveSession | None = None,
    ) -> None:
        self.visible, self.device, self.live = visible, device, live
        self.fuser = fuser
        self._flights, self._times = flights, times

    @contextmanager
    def ahead(self) -> Iterator[Iterator[FusedFrame]]:
        """Fused frames in the order of their times, made `FUSED_AHEAD` batches ahead on another thread."""
        with prefetch(lambda: nullcontext(self._flights), FUSED_AHEAD, name="fuse") as flights:
            try:
                yield self._land(flights)
            finally:
                if self.live:  # it may be waiting for frames that never come
                    self.live.stop()

    def _land(self, flights: Iterable[Batch]) -> Iterator[FusedFrame]:
        for flight in flights:
            with self._times.measure("download"):
                frames = flight.result()
            yield from frames
