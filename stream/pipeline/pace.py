"""Tells when a run is much slower than its sources, and what would keep up."""

from __future__ import annotations

import logging
import math

from stream.fusion.fused_stream import FusedStream
from stream.fusion.model_choice import figure
from stream.monitoring.report import RunReport

# Seconds and frames after which the pace of a run is judged.
JUDGED_AFTER_S, JUDGED_FRAMES = 5.0, 4
# Reasons by which frames of cameras are dropped when fusion is too slow.
LATE = ("superseded", "overrun")
# Cameras: below this share of their rate. Recordings: slower than they were filmed by this factor.
TOO_SLOW, MUCH_SLOWER = 0.8, 4.0
# Runs that take fewer seconds than this get no advice.
WORTH_SAYING_S = 60.0

_log = logging.getLogger(__name__)


class Pace:
    """Looks at the rate of a run; used by one thread."""

    def __init__(self, fused: FusedStream, report: RunReport) -> None:
        """Begin with the first frame.

        Args:
            fused: the stream that is run.
            report: of the run.
        """
        self._fused, self._report = fused, report
        self._began: tuple[float, int, int] | None = None
        self._sentence, self._is_told = "", False

    def sentence(self) -> str:
        """Reason why the newest seconds were too slow, empty where they were not; from any thread."""
        return self._sentence

    def look(self) -> None:
        """Called after every frame; judges every `JUDGED_AFTER_S`, and tells the first time."""
        now_s, count, late = self._report.clock.monotonic_s(), self._report.fused, self._late()
        if self._began is None:
            self._began = now_s, count, late
        took_s, frames, dropped = now_s - self._began[0], count - self._began[1], late - self._began[2]
        if took_s < JUDGED_AFTER_S or frames < JUDGED_FRAMES:
            return
        self._began = now_s, count, late
        self._sentence = self._judge(frames / took_s, dropped / took_s)
        if self._sentence and not self._is_told:
            self._is_told = True
            _log.warning("%s", self._sentence)

    def _late(self) -> int:
        """Visible frames of cameras that were dropped for want of speed so far."""
        if self._fused.live is None:
            return 0
        dropped = self._report.dropped
        return sum(dropped.get(f"visible_{reason}", 0) for reason in LATE)

    def _judge(self, rate: float, late_rate: float) -> str:
        fused = self._fused
        if fused.live is not None:
            return slow_camera(fused.model, rate, rate + late_rate, fused.newest_size)
        left = (fused.visible.frames or 0) - self._report.frames_in["visible"]
        return slow_recording(fused.model, rate, float(fused.visible.rate or 0), left)


def slow_recording(model: str, rate: float, source_rate: float, frames_left: int) -> str:
    """A sentence for a recording that takes much longer than it lasts; empty otherwise.

    Args:
        model: the network.
        rate: fused frames a second.
        source_rate: of the recording, 0 where unknown.
        frames_left: to be read, 0 where unknown.
    """
    if model != "full" or rate * MUCH_SLOWER > source_rate or frames_left < WORTH_SAYING_S * rate:
        return ""
    minutes = math.ceil(frames_left / rate / 60)
    return (
        f"fusing {figure(rate)} frames/s of a video with {figure(source_rate)}, about {minutes} min left; "
        "--model lite is many times faster, with a picture that is nearly as good"
    )


def slow_camera(model: str, rate: float, source_rate: float, size: tuple[int, int] | None) -> str:
    """A sentence for cameras whose frames are dropped because fusion is slower; empty where it is not.

    Args:
        model: the network.
        rate: fused frames a second.
        source_rate: frames a second that could have been fused.
        size: width and height of the pictures, None where unknown.
    """
    if rate >= TOO_SLOW * source_rate:
        return ""
    begin = f"fusing {figure(rate)} of the cameras' {figure(source_rate)} frames/s, the others are dropped; "
    if model == "full":
        return begin + "--model lite is many times faster"
    smaller = ""
    if size:
        share = math.sqrt(rate / source_rate)
        width, height = (int(side * share) // 16 * 16 for side in size)
        smaller = f"pictures of at most {width}x{height} pixels in place of {size[0]}x{size[1]}, or "
    return begin + f"{smaller}{figure(rate)} frames/s from the cameras would hold"
