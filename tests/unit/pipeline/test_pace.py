"""Advice for runs that are slower than their sources."""

from __future__ import annotations

from fractions import Fraction

import pytest

from stream.monitoring.report import RunReport
from stream.pipeline.pace import Pace, slow_camera, slow_recording
from stream.sources.base import SourceInfo
from tests.helpers.clock import HandClock


def test_a_long_recording_with_full_gets_the_time_left_and_a_hint_to_lite() -> None:
    said = slow_recording("full", 0.9, 30.0, 650)
    assert said.startswith("fusing 0.9 frames/s of a video with 30, about 13 min left; --model lite")


@pytest.mark.parametrize(
    ("model", "rate", "source_rate", "left"),
    [("lite", 0.9, 30, 650), ("null", 0.9, 30, 650), ("full", 20, 30, 9000), ("full", 0.9, 30, 40),
     ("full", 0.9, 30, 0), ("full", 0.9, 0, 650)],
)  # fmt: skip
def test_others_are_left_in_peace(model: str, rate: float, source_rate: float, left: int) -> None:
    assert slow_recording(model, rate, source_rate, left) == ""


def test_dropped_frames_of_cameras_are_said_with_what_would_hold() -> None:
    assert slow_camera("full", 1.0, 30.0, (640, 480)) == (
        "fusing 1.0 of the cameras' 30 frames/s, the others are dropped; --model lite is many times faster"
    )
    assert slow_camera("lite", 7.5, 30.0, (1920, 1080)) == (
        "fusing 7.5 of the cameras' 30 frames/s, the others are dropped; pictures of at most 960x528 pixels "
        "in place of 1920x1080, or 7.5 frames/s from the cameras would hold"
    )


def test_cameras_that_are_kept_up_with_are_no_news() -> None:
    assert slow_camera("lite", 29.0, 30.0, (640, 480)) == slow_camera("full", 5.0, 5.0, None) == ""


class Run:
    """A run whose figures the test sets."""

    def __init__(self, live: bool, model: str) -> None:
        self.live, self.model, self.newest_size = object() if live else None, model, (640, 480)
        self.visible = SourceInfo("v.mp4", 640, 480, "rgb24", rate=Fraction(30), frames=3000)
        self.report = RunReport(HandClock())
        self.fused = self.late = 0
        self.report.add(
            fused=lambda: self.fused,
            dropped=lambda: {"visible_superseded": self.late, "visible_unpaired": 100},
            frames_in=lambda: {"visible": self.fused + self.late},
        )
        self.pace = Pace(self, self.report)  # type: ignore[arg-type]  # stands in for a stream

    def go_on(self, seconds: int, fused: int, late: int = 0) -> None:
        for _ in range(seconds):
            self.pace.look()
            self.report.clock.now_s += 1  # type: ignore[attr-defined]  # the test's own clock
            self.fused, self.late = self.fused + fused, self.late + late
            self.pace.look()


def test_a_camera_run_tells_once_and_forgets_when_it_keeps_up(caplog: pytest.LogCaptureFixture) -> None:
    run = Run(live=True, model="lite")
    run.go_on(5, 30)
    assert run.pace.sentence() == ""
    run.go_on(5, 15, 15)
    assert run.pace.sentence().startswith("fusing 15 of the cameras' 30 frames/s")
    run.go_on(5, 30)
    assert run.pace.sentence() == ""
    run.go_on(10, 15, 15)
    assert len(caplog.records) == 1


def test_a_camera_that_is_away_does_not_make_a_run_too_slow() -> None:
    run = Run(live=True, model="lite")
    run.go_on(12, 1)
    assert run.pace.sentence() == ""


def test_a_file_run_gets_its_hint() -> None:
    run = Run(live=False, model="full")
    run.go_on(6, 1)
    assert run.pace.sentence().startswith("fusing 1.0 frames/s of a video with 30, about 50 min left")
