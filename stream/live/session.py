"""Two live cameras to a stream of frame sets: pairs, and frames of one camera where the other is away."""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

from stream.config import FuseSettings, InputSettings, PairingSettings, ThermalInputSettings
from stream.errors import ConfigError, GifnetError
from stream.frame import Frame, FrameSet, Side
from stream.live.diagnosis import PairingDiagnosis
from stream.live.ready import ReadyMoments
from stream.live.reconnect import ReconnectingCamera
from stream.pairing.frame_counts import FrameCounts
from stream.pairing.online import OnlinePairer
from stream.runtime.clock import Clock
from stream.sources.base import Source
from stream.sources.live import is_live, is_played, open_live
from stream.sources.live.lepton import LeptonSource, read_lepton
from stream.sources.live.lockstep import OPENING_S
from stream.sources.live.start_barrier import StartBarrier, Wait
from stream.uri import mask

if TYPE_CHECKING:
    import torch

# Longest interval between two checks of the cameras, in seconds.
TEND_S = 0.1
# Frames of both cameras that wait to be taken at most.
MOST_TAKEN = 240

_log = logging.getLogger(__name__)


class LiveSession:
    """Iterates over the frame sets of two cameras until `stop` is called.

    Iterated by one thread; `stop` and `change` may be called from any.

    Attributes:
        cameras: by side.
        untaken: frames that `taken` does not give because too many waited, by side.
    """

    def __init__(
        self,
        settings: FuseSettings,
        clock: Clock,
        keep_frames: bool = False,
        device: torch.device | None = None,
    ) -> None:
        """Nothing is opened before the `with` block.

        Args:
            settings: cameras, pairing and bounds.
            clock: for waiting.
            keep_frames: keep every frame for `taken`.
            device: where the network runs; cameras' video is decoded there if possible. None for the CPU.
        """
        self._taken: deque[tuple[Side, Frame]] | None = deque() if keep_frames else None
        self.untaken: Counter[str] = Counter()
        self._clock, self._settings, self._device = clock, settings, device
        self._pairer = OnlinePairer(settings.pairing, settings.live)
        self._changed = threading.Condition()
        self._ready = ReadyMoments(keep_frames, lambda moment: self.counts.unuse(moment, "superseded"))
        self._stopped = False
        self._misfit = ""
        self._end_s = clock.monotonic_s() + (settings.duration_s or float("inf"))
        played = sum(is_played(one.uri) for one in (settings.visible, settings.thermal))
        self._together = StartBarrier(played, clock)
        self.cameras: dict[Side, ReconnectingCamera] = {
            "visible": self._camera("visible", settings.visible),
            "thermal": self._camera("thermal", settings.thermal),
        }
        self._diagnosis = PairingDiagnosis(self._pairer, self.cameras)

    def rate(self) -> float | None:
        """Frames a second of the slower camera: as measured, else as they state it; None where neither is."""
        intervals_s = [self._pairer.queues[side].interval_s for side in self.cameras]
        stated = [camera.info.rate if camera.info else None for camera in self.cameras.values()]
        measured = [1 / interval_s if interval_s else None for interval_s in intervals_s]
        known = [rate for pair in zip(measured, stated, strict=True) if (rate := pair[0] or pair[1])]
        return float(min(known)) if known else None

    @property
    def is_over(self) -> bool:
        """True when no moment will come any more."""
        return self._stopped

    @property
    def counts(self) -> FrameCounts:
        """Counts of every frame."""
        return self._pairer.counts

    @property
    def not_pairing(self) -> str:
        """One sentence while both cameras stream and no pair was made for 5 s; empty otherwise."""
        return self._diagnosis.not_pairing

    def clocks(self) -> dict[str, Any]:
        """State of the cameras' clocks: their kind, offset in ms, drift in ppm."""
        with self._changed:
            pairer, now_s = self._pairer, self._clock.monotonic_s()
            drift_ppm = pairer.relation.drift_ppm()
            return {
                "visible": pairer.relation.watches["visible"].clock,
                "thermal": pairer.relation.watches["thermal"].clock,
                "offset_ms": round(float(pairer.offset_s(now_s)) * 1000, 3),
                "drift_ppm": None if drift_ppm is None else round(drift_ppm, 2),
            }

    def change(self, settings: PairingSettings) -> None:
        """Pair by other settings from now on."""
        with self._changed:
            self._pairer.change(settings)

    def stop(self) -> None:
        """End the iteration."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def misfit(self, moment: FrameSet, error: GifnetError) -> None:
        """Leave out a frame set that cannot be registered or is too small; each reason is reported once."""
        with self._changed:
            self.counts.unuse(moment, "not_registered")
        if str(error) != self._misfit:
            self._misfit = str(error)
            _log.warning("%s; such frames are left out", error)

    def why_nothing(self) -> str:
        """Reason why no frame set came so far."""
        with self._changed:
            return self._diagnosis.why_nothing(self._clock.monotonic_s())

    def __enter__(self) -> Self:
        """Connect both cameras."""
        for camera in self.cameras.values():
            camera.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Disconnect, and account for what waits."""
        self.stop()
        for camera in self.cameras.values():
            camera.close()
        with self._changed:
            for moment in self._ready.clear():
                self.counts.unuse(moment, "at_stop")
            self._pairer.finish()

    def __iter__(self) -> Iterator[FrameSet]:
        """Frame sets, as soon as they are decided.

        Raises:
            GifnetError: a camera cannot be opened however often one tries.
        """
        while not self.is_over:
            moment = self.next(TEND_S)
            if moment is not None:
                yield moment

    def taken(self) -> list[tuple[Side, Frame]]:
        """Every frame that arrived since the last call, if frames are kept."""
        with self._changed:
            assert self._taken is not None
            frames = list(self._taken)
            self._taken.clear()
            return frames

    def next(self, patience_s: float) -> FrameSet | None:
        """The next moment; None when there is none within `patience_s` seconds, or `is_over`.

        Raises:
            GifnetError: a camera cannot be opened however often one tries.
        """
        give_up_s = self._clock.monotonic_s() + patience_s
        while True:
            for camera in self.cameras.values():
                camera.check_stalled()
                if camera.refusal:
                    raise camera.refusal
            with self._changed:
                over = all(camera.is_over for camera in self.cameras.values())
                now_s = self._clock.monotonic_s()
                self._decide(now_s)
                self._diagnosis.watch(now_s)
                self._stopped = self._stopped or now_s >= self._end_s
                if self._stopped or self._ready:
                    return None if self._stopped else self._ready.take()
                waiting_until_s = self._pairer.deadline_s()
                self._stopped = self._stopped or (over and waiting_until_s is None)
                if self._stopped or now_s >= give_up_s:
                    return None
                until_s = give_up_s if waiting_until_s is None else min(waiting_until_s, give_up_s)
                self._changed.wait(max(0.001, until_s - now_s))

    def _decide(self, now_s: float) -> None:
        """Move due frame sets to the ready ones; where fusion does not keep up, only the newest stays."""
        queues = self._pairer.queues.values()
        due, overran = self._pairer.due(now_s), any(queue.overran for queue in queues)
        self._ready.add(due, now_s, self._pairer.settings.max_wait_ms / 1000, overran)
        for queue in queues:
            queue.overran = False

    def _camera(self, side: Side, settings: InputSettings) -> ReconnectingCamera:
        def open_here(wait: Wait) -> Source:
            source = open_live(
                settings, side, self._clock, wait, self._together, self._settings.live, self._device
            )
            has_telemetry = isinstance(settings, ThermalInputSettings) and settings.telemetry == "lepton"
            return LeptonSource(source, read_lepton) if has_telemetry else source

        def post(frame: Frame) -> None:
            with self._changed:
                if self._taken is not None and len(self._taken) < MOST_TAKEN:
                    self._taken.append((side, frame))
                elif self._taken is not None:
                    self.untaken[side] += 1
                self._pairer.offer(side, frame)
                self._changed.notify_all()

        timeout_s, waits = settings.timeout_s, self._settings.live.wait
        # A recording may take long to open; opening it a second time meanwhile would only take longer.
        opening_s = max(OPENING_S, timeout_s) if is_played(settings.uri) else None
        return ReconnectingCamera(
            side, settings.uri, timeout_s, open_here, post, self._clock, waits, opening_s
        )


def is_live_pair(settings: FuseSettings) -> bool:
    """True when both inputs are live cameras.

    Raises:
        ConfigError: only one of them is.
    """
    lives = [is_live(source.uri) for source in (settings.visible, settings.thermal)]
    if any(lives) and not all(lives):
        recorded = settings.visible if lives[1] else settings.thermal
        raise ConfigError(
            f"a live camera cannot be paired with the recording {mask(recorded.uri)}; "
            f"live://{mask(recorded.uri)} plays it like a camera"
        )
    return all(lives)
