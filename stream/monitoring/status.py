"""State of a run for page, metrics and control, and what they can do to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stream.config import RunSettings
from stream.config.live_settings import AdjustableSettings
from stream.frame import FusedFrame
from stream.live.stats import LiveStats
from stream.monitoring.report import RunReport
from stream.monitoring.rolling import RollingStats
from stream.monitoring.temperature import ThermalPlace, temperatures
from stream.registration.drift_monitor import DriftMonitor
from stream.runtime.stage_times import StageTimes
from stream.sinks.clip import ClipRecorder, OpenFile
from stream.uri import mask

SCHEMA = "gifnet.status/1"
# A newest frame that is older means that frames do not flow; a slow processor takes seconds for one.
READY_WITHIN_S = 5.0


class RunStatus:
    """Gets every frame from the pipeline; servers read and change it from threads of their own.

    Attributes:
        report: of the run.
        live: statistics of live cameras; None for recordings.
        drift: watches the registration.
        recent: the newest frame, and figures of the last seconds.
        controls: settings that can be changed.
        clip: the clip that is recorded from the page.
        clock: for durations.
        model: gives the network: `full`, `lite`, `null`, or `auto` before it is chosen.
        thermal_place: gives the place of a visible pixel in the thermal picture.
        takes_distance: the calibration knows several distances of the scene.
        too_slow: gives why live frames are dropped for want of speed; empty while they are not.
    """

    def __init__(
        self,
        settings: RunSettings,
        report: RunReport,
        controls: AdjustableSettings,
        drift: DriftMonitor,
        live: LiveStats | None,
        open_clip: OpenFile,
    ) -> None:
        """Show a run whose stages are built.

        Args:
            settings: of the run.
            report: of the run.
            controls: settings that can be changed.
            drift: watches the registration.
            live: statistics of live cameras; None for recordings.
            open_clip: opens the file of a clip.
        """
        self.report, self.clock = report, report.clock
        self.controls, self.drift, self.live = controls, drift, live
        self.too_slow: Callable[[], str] = str
        self.model: Callable[[], str] = str
        self.thermal_place: ThermalPlace = _nowhere
        self.takes_distance = False
        self.recent = RollingStats(report.clock)
        self.clip = ClipRecorder(settings.preview.clips, report.clock, open_clip)
        self._names = {"visible": _name(settings.visible), "thermal": _name(settings.thermal)}

    def show(self, frame: FusedFrame, latency_s: float | None, age_s: float | None = None) -> None:
        """Take a frame that every sink has; called by the thread of the sinks.

        Args:
            frame: it.
            latency_s: since its later half arrived; None for recordings.
            age_s: since its capture; None where that is not known.
        """
        self.clip.write(frame)
        self.recent.show(frame, latency_s, age_s)

    def not_ready(self) -> str:
        """Reason why no frames flow; empty while they do."""
        age_s = self.recent.age_s()
        if age_s is None:
            return "no frame has been fused yet"
        if age_s > READY_WITHIN_S:
            return f"the newest frame is {age_s:.1f} s old"
        return ""

    def not_pairing(self) -> str:
        """Reason why live cameras make no pairs; empty while they do, and for recordings."""
        return self.live.not_pairing if self.live else ""

    def status(self) -> dict[str, Any]:
        """The state of the run as plain values; a copy."""
        report, live, newest = self.report, self.live, self.recent.newest
        return {
            "schema": SCHEMA,
            "elapsed_s": round(report.elapsed_s(), 2),
            "not_ready": self.not_ready(),
            "not_pairing": self.not_pairing(),
            "too_slow": self.too_slow(),
            "recent": self.recent.as_json(),
            "ages_ms": ages_by_stage(report.times),
            "newest": _describe(newest) if newest else None,
            "names": self._names,
            "cameras": live.cameras() if live else {},
            "clocks": live.clocks() if live else None,
            "moments": live.moments() if live else {},
            "used": dict(live.used()) if live else {},
            "frames_in": report.frames_in,
            "fused": report.fused,
            "drift": self.drift.as_json(),
            "detection": report.section("detection"),
            "dropped": report.dropped,
            "lost": report.lost,
            "outputs": [
                {"uri": output.uri, "view": output.view, "frames": output.frames, "skipped": output.skipped}
                for output in report.outputs
            ],
            "device": report.section("device"),
            "model": self.model(),
            "temperature": temperatures(newest, self.thermal_place),
            "precision": report.section("precision"),
            "weights": report.section("weights"),
            "clip": self.clip.state(),
        }

    def close(self) -> None:
        """Finish the clip; may be called twice."""
        self.clip.close()


def ages_by_stage(times: StageTimes) -> dict[str, dict[str, float]]:
    """Ages of live frames since capture when they come to each stage, p50 and p99 in milliseconds.

    Over the whole run; without stages for recordings.
    """
    return {
        stage.removeprefix("age_"): {"p50": time.p50_ms, "p99": time.p99_ms}
        for stage, time in times.summary().items()
        if stage.startswith("age_")
    }


def _nowhere(x: float, y: float) -> tuple[float, float] | None:
    return None


def _name(source: Any) -> str:
    return source.name or mask(source.uri)


def _describe(frame: FusedFrame) -> dict[str, Any]:
    width, height = frame.size
    return {"index": frame.index, "width": width, "height": height, "flags": sorted(frame.pair.flags)}
