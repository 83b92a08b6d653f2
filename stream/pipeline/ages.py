"""Ages of live frames on their way: how long ago they were captured when they come to a stage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stream.frame import FrameSet
from stream.monitoring.report import RunReport
from stream.sinks.video.timeline import DATES_FROM_S


class Ages:
    """Adds to the stages of a report: `age_arrived`, `age_paired`, `age_fused` and `age_published`.

    Capture times are of the cameras' clocks, so that ages are right as far as these agree with the clock of
    this machine. Frames of recordings have none, not even where their times are dates.
    """

    def __init__(self, report: RunReport) -> None:
        """Nothing has come yet.

        Args:
            report: of the run; its clock tells the time.
        """
        self._clock, self._times = report.clock, report.times

    def pass_on(self, frame_sets: Iterable[FrameSet]) -> Iterator[FrameSet]:
        """The same frame sets; counted as they arrived and as they were paired."""
        for frame_set in frame_sets:
            arrivals_s = _arrivals_s(frame_set)
            age_s = self.add("age_paired", frame_set)
            if age_s is not None:
                since_s = self._clock.monotonic_s() - max(arrivals_s)
                self._times.add("age_arrived", max(age_s - since_s, 0.0))
            yield frame_set

    def add(self, stage: str, frame_set: FrameSet) -> float | None:
        """Count a frame set at a stage, and give its age in seconds; None where it has none."""
        if frame_set.time_s < DATES_FROM_S or not _arrivals_s(frame_set):
            return None
        age_s = max(self._clock.utc_ns() / 1e9 - float(frame_set.time_s), 0.0)
        self._times.add(stage, age_s)
        return age_s


def _arrivals_s(frame_set: FrameSet) -> list[float]:
    """Monotonic times at which its frames reached this machine; none for recorded frames."""
    sides = (side for side in (frame_set.visible, frame_set.thermal) if side is not None)
    return [side.arrived_s for side in sides if side.arrived_s is not None]
