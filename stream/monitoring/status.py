"""What people and programs see of a run and can do to it: the middle of page, metrics and control."""

from __future__ import annotations

from typing import Any

from stream.config import RunSettings
from stream.config.live_settings import AdjustableSettings
from stream.frame import FusedFrame
from stream.monitoring.report import RunReport
from stream.monitoring.rolling import RollingStats
from stream.sinks.clip import ClipRecorder, OpenFile
from stream.uri import mask

SCHEMA = "gifnet.status/1"
# A newest frame that is older means that frames do not flow; a slow processor takes seconds for one.
READY_WITHIN_S = 5.0


class RunStatus:
    """Shown every frame by the pipeline; asked and told by servers on threads of their own.

    Attributes:
        report: of the run.
        recent: the newest frame, and figures of the last seconds.
        controls: what can be changed.
        clip: the clip that is recorded from the page.
        clock: for durations.
    """

    def __init__(self, settings: RunSettings, report: RunReport) -> None:
        """Before anything is opened.

        Args:
            settings: of the run.
            report: filled in while it runs.
        """
        self.report, self.clock = report, report.clock
        self.recent = RollingStats(report.clock)
        self.controls = report.controls = AdjustableSettings(settings)
        self.clip = ClipRecorder(settings.preview.clips, report.clock)
        self._names = {"visible": _name(settings.visible), "thermal": _name(settings.thermal)}

    def attach(self, open_file: OpenFile) -> None:
        """The cameras are known: clips can be written."""
        self.clip.attach(open_file)

    def show(self, frame: FusedFrame, latency_s: float | None) -> None:
        """A frame that every sink has; called by the thread of the sinks."""
        self.clip.write(frame)
        self.recent.show(frame, latency_s)

    def not_ready(self) -> str:
        """Why frames do not flow; empty while they do."""
        age_s = self.recent.age_s()
        if age_s is None:
            return "no frame has been fused yet"
        if age_s > READY_WITHIN_S:
            return f"the newest frame is {age_s:.1f} s old"
        return ""

    def not_pairing(self) -> str:
        """Why live cameras make no pairs; empty while they do, and for recordings."""
        return self.report.live.not_pairing if self.report.live else ""

    def status(self) -> dict[str, Any]:
        """Everything worth a glance, as plain values; a copy."""
        report, newest = self.report, self.recent.newest
        report.take_live()
        return {
            "schema": SCHEMA,
            "elapsed_s": round(report.elapsed_s(), 2),
            "not_ready": self.not_ready(),
            "not_pairing": self.not_pairing(),
            "recent": self.recent.as_json(),
            "newest": _describe(newest) if newest else None,
            "names": self._names,
            "cameras": report.live.cameras() if report.live else {},
            "clocks": report.live.clocks() if report.live else None,
            "moments": report.live.moments() if report.live else {},
            "frames_in": dict(report.frames_in),
            "fused": report.fused,
            "drift": report.drift.as_json() if report.drift else None,
            "dropped": dict(report.dropped),
            "lost": {side: dict(reasons) for side, reasons in list(report.lost.items())},
            "outputs": [
                {"uri": output.uri, "view": output.view, "frames": output.frames, "skipped": output.skipped}
                for output in list(report.outputs)
            ],
            "device": dict(report.device),
            "precision": report.precision,
            "weights": dict(report.weights),
            "clip": self.clip.state(),
        }

    def close(self) -> None:
        """Finish the clip; may be called twice."""
        self.clip.close()


def _name(source: Any) -> str:
    return source.name or mask(source.uri)


def _describe(frame: FusedFrame) -> dict[str, Any]:
    height, width = frame.pixels.shape[:2]
    return {"index": frame.index, "width": width, "height": height, "flags": sorted(frame.pair.flags)}
