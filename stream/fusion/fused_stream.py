"""The stream of fused frames: fusion on a thread of its own, ahead of the consumer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext

from stream.config.live_settings import Adjustable
from stream.frame import FusedFrame, Pixels
from stream.fusion.fuser import Fuser
from stream.fusion.slots import Batch
from stream.live.session import LiveSession
from stream.live.stats import LiveStats
from stream.registration.calibration import Calibration
from stream.runtime.prefetch import prefetch
from stream.runtime.stage_times import StageTimes
from stream.sources.base import SourceInfo

FUSED_AHEAD = 2
# Of live cameras: what waits for longer grows old.
FUSED_AHEAD_LIVE = 1


class FusedStream:
    """Fused frames of two streams, once through.

    Attributes:
        visible: what is known of the visible stream.
        device: type of the device that fuses, `cpu` or `cuda`.
        live: statistics of the cameras; None for recordings.
        adjustable: handle for what may be changed while frames are fused.
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
        self.visible, self.device = visible, device
        self.live = LiveStats(live) if live else None
        self.adjustable = Adjustable(fuser.retune, live.change if live else None)
        self._session, self._fuser = live, fuser
        self._batches, self._times = batches, times

    @property
    def model(self) -> str:
        """The network, see `Fuser.model`."""
        return self._fuser.model

    @property
    def newest_size(self) -> tuple[int, int] | None:
        """Width and height of the pictures that are fused now; None before the first."""
        return self._fuser.size

    @property
    def weights(self) -> dict[str, str]:
        """`name` and `sha256` of the weights."""
        return self._fuser.weights

    @property
    def calibration(self) -> Calibration | None:
        """The calibration of the run; None where both cameras share one grid."""
        return self._fuser.calibration

    def coverage(self) -> Pixels | None:
        """Coverage of the thermal camera now, see `Fuser.coverage`."""
        return self._fuser.coverage()

    def thermal_place(self, x: float, y: float) -> tuple[float, float] | None:
        """Place of a visible pixel in the thermal picture now, see `Fuser.thermal_place`."""
        return self._fuser.thermal_place(x, y)

    def why_nothing(self) -> str:
        """Reason why live cameras gave nothing to fuse so far; empty for recordings."""
        return self._session.why_nothing() if self._session else ""

    @contextmanager
    def ahead(self) -> Iterator[Iterator[FusedFrame]]:
        """Fused frames in the order of their times, made a batch or two ahead on another thread."""
        ahead = FUSED_AHEAD_LIVE if self._session else FUSED_AHEAD
        try:
            with prefetch(lambda: nullcontext(self._batches), ahead, name="fuse") as batches:
                try:
                    yield self._results(batches)
                finally:
                    if self._session:  # it may be waiting for frames that never come
                        self._session.stop()
        finally:
            # Only when the thread has ended: what is still on its way reads the memory that is given up.
            self._fuser.close()

    def _results(self, batches: Iterable[Batch]) -> Iterator[FusedFrame]:
        for batch in batches:
            with self._times.measure("download"):
                frames = batch.result()
            yield from frames
