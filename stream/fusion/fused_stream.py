"""The stream of fused frames: fusion on a thread of its own, ahead of whoever takes the frames."""

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
        batches: Iterator[Batch],
        fuser: Fuser,
        visible: SourceInfo,
        device: str,
        times: StageTimes,
        live: LiveSession | None = None,
    ) -> None:
        self.visible, self.device, self.live = visible, device, live
        self.fuser = fuser
        self._batches, self._times = batches, times

    @contextmanager
    def ahead(self) -> Iterator[Iterator[FusedFrame]]:
        """Fused frames in the order of their times, made `FUSED_AHEAD` batches ahead on another thread."""
        try:
            with prefetch(lambda: nullcontext(self._batches), FUSED_AHEAD, name="fuse") as batches:
                try:
                    yield self._results(batches)
                finally:
                    if self.live:  # it may be waiting for frames that never come
                        self.live.stop()
        finally:
            # Only when the thread has ended: what is still on its way reads the memory that is given up.
            self.fuser.close()

    def _results(self, batches: Iterable[Batch]) -> Iterator[FusedFrame]:
        for batch in batches:
            with self._times.measure("download"):
                frames = batch.result()
            yield from frames
