"""Diagnosis of live cameras that stop pairing: measured, with an option that helps, until it ends."""

from __future__ import annotations

import logging
import re
from fractions import Fraction

import pytest

from stream.live.camera_stats import CameraStats
from stream.live.diagnosis import PairingDiagnosis, nearest_skews_s
from stream.monitoring.report import RunReport
from stream.runtime.clock import SystemClock
from stream.sources.live.media_clock import MediaClock
from tests.helpers.two_cameras import Film, Played, Shot, play


class StreamingCamera:
    """The state of a camera that streams; one that gives pictures has more of them whenever one looks."""

    def __init__(self, gives: bool = True) -> None:
        self._account, self._gives = CameraStats(state="streaming", frames=1), gives

    @property
    def account(self) -> CameraStats:
        self._account.frames += self._gives
        return self._account


class LateFilm(Film):
    """A camera whose phase moves by 30 ms after 5 s."""

    def shots(self, duration_s: float):  # type: ignore[no-untyped-def]
        for shot in super().shots(duration_s):
            if shot.true_s > 5:
                frame = shot.frame
                object.__setattr__(frame, "time_s", frame.time_s + Fraction(30, 1000))
                object.__setattr__(frame, "arrived_s", (frame.arrived_s or 0) + 0.03)
            yield Shot(shot.side, shot.frame, shot.true_s)


def diagnosed(played: Played) -> PairingDiagnosis:
    cameras = {"visible": StreamingCamera(), "thermal": StreamingCamera()}
    return PairingDiagnosis(played.pairer, cameras)  # type: ignore[arg-type]


def said(visible: Film, thermal: Film, **pairing: object) -> str:
    played = play(visible, thermal, 8, **pairing)
    assert not played.moments
    diagnosis = diagnosed(played)
    diagnosis.watch(8.0)
    assert not diagnosis.not_pairing
    diagnosis.watch(13.1)
    return diagnosis.not_pairing


def test_a_narrow_tolerance_is_named_with_the_one_that_helps() -> None:
    visible, thermal = Film("visible", 15), Film("thermal", 15, phase_s=0.03)
    text = said(visible, thermal, tolerance_ms=20)
    assert "within 20 ms, the nearest are 30 ms apart" in text
    tolerance_ms = float(re.findall(r"--tolerance-ms (\d+)", text)[0])
    assert 30 <= tolerance_ms <= 32
    assert len(play(visible, thermal, 8, tolerance_ms=tolerance_ms).moments) >= 118


@pytest.mark.parametrize("ahead_s", [7200.0, -2.25])
def test_clocks_that_are_apart_are_named_with_the_offset_that_helps(ahead_s: float) -> None:
    visible, thermal = Film("visible", 15), Film("thermal", 15, ahead_s=ahead_s)
    text = said(visible, thermal)
    assert "pass --offset-ms auto" in text
    offset_ms = float(re.findall(r"--offset-ms (-?\d+)", text)[0])
    assert offset_ms == pytest.approx(ahead_s * 1000, abs=1)
    assert len(play(visible, thermal, 8, offset_ms=offset_ms).moments) >= 118


def test_frames_that_arrive_late_are_named_with_the_wait_that_helps() -> None:
    visible, thermal = Film("visible", 15), Film("thermal", 15, delay_s=0.43)
    text = said(visible, thermal)
    assert "thermal frames arrive 400 ms later" in text
    wait_ms = float(re.findall(r"--max-wait-ms (\d+)", text)[0])
    assert len(play(visible, thermal, 8, max_wait_ms=wait_ms).moments) >= 110


@pytest.mark.parametrize(("late_s", "remedy"), [(2.9, "pass --max-wait-ms 29"), (6.0, "fast enough")])
def test_a_camera_that_falls_behind_is_named(late_s: float, remedy: str) -> None:
    """A machine that is too slow for one camera: its frames come late, and their stamps are right."""

    class Behind(Film):
        def shots(self, duration_s: float):  # type: ignore[no-untyped-def]
            for shot in super().shots(duration_s):
                if shot.true_s > 5:
                    object.__setattr__(shot.frame, "arrived_s", (shot.frame.arrived_s or 0) + late_s)
                yield shot

    diagnosis = diagnosed(play(Film("visible", 15), Behind("thermal", 15), 8))
    text = diagnosis.why_no_pair(8.0)
    assert "thermal frames arrive" in text and remedy in text


def test_it_is_said_after_a_first_pair_too_once_and_taken_back(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    played = play(Film("visible", 15), LateFilm("thermal", 15), 12, tolerance_ms=20)
    assert 70 <= len(played.moments) <= 80
    diagnosis = diagnosed(played)
    for now_s in (5.0, 6.0, 9.0, 10.9):
        diagnosis.watch(now_s)
        assert not diagnosis.not_pairing
    for now_s in (11.2, 12.0, 20.0):
        diagnosis.watch(now_s)
        assert "30 ms apart" in diagnosis.not_pairing
    assert caplog.text.count("nothing pairs") == 1
    played.pairer.matches += 1
    diagnosis.watch(21.0)
    assert not diagnosis.not_pairing and "the cameras pair again" in caplog.text


def test_a_camera_that_is_away_is_no_fault_of_pairing() -> None:
    played = play(Film("visible", 15), Film("thermal", 15, phase_s=0.03), 3, tolerance_ms=20)
    diagnosis = diagnosed(played)
    diagnosis.watch(3.0)
    diagnosis._cameras["thermal"].account.state = "lost"
    diagnosis.watch(9.0)
    assert not diagnosis.not_pairing


def test_a_camera_that_gives_no_picture_is_no_fault_of_pairing_either() -> None:
    played = play(Film("visible", 15), Film("thermal", 15, phase_s=0.03), 3, tolerance_ms=20)
    cameras = {"visible": StreamingCamera(), "thermal": StreamingCamera(gives=False)}
    diagnosis = PairingDiagnosis(played.pairer, cameras)  # type: ignore[arg-type]
    for now_s in range(3, 30):
        diagnosis.watch(float(now_s))
    assert not diagnosis.not_pairing


class _Live:
    not_pairing = "both cameras stream, but nothing pairs"


def test_a_run_that_ends_unpaired_is_not_complete() -> None:
    report = RunReport(SystemClock())
    live = _Live()
    report.incomplete_if(lambda: live.not_pairing)
    report.finish(None)
    assert not report.complete and report.error == _Live.not_pairing
    live.not_pairing = ""
    report.finish(None)
    assert report.complete and report.error is None


def test_nearest_skews_know_both_neighbours() -> None:
    visible = [Fraction(index, 10) for index in range(3)]
    thermal = [Fraction(-1, 100), Fraction(4, 100), Fraction(17, 100), Fraction(9, 10)]
    assert nearest_skews_s(visible, thermal) == [Fraction(4, 100), Fraction(-3, 100)]


# The last one: 33 bits of a transport stream, at 90,000 a second, that begin again.
@pytest.mark.parametrize("step_s", [-4.9, -3.0, -1.0, -0.4, 3.0, 30.0, -30.0, -(2**33) / 90_000])
def test_a_step_of_stamps_costs_less_than_two_seconds_of_pairs(step_s: float) -> None:
    """Stamps of a stream that go back, as when its encoder begins again, through the clock to the pairs."""

    class Stepping(Film):
        def shots(self, duration_s: float):  # type: ignore[no-untyped-def]
            media = MediaClock()
            for shot in super().shots(duration_s):
                frame = shot.frame
                stamp_s = Fraction(shot.true_s) + (Fraction(step_s) if shot.true_s > 6 else 0)
                arrived_s = frame.time_s - Fraction(shot.true_s) + Fraction(frame.arrived_s or 0)
                object.__setattr__(frame, "time_s", media.utc_s(stamp_s, arrived_s))
                yield shot

    class Steady(Stepping):
        def shots(self, duration_s: float):  # type: ignore[no-untyped-def]
            media = MediaClock()
            for shot in Film.shots(self, duration_s):
                frame = shot.frame
                arrived_s = frame.time_s - Fraction(shot.true_s) + Fraction(frame.arrived_s or 0)
                object.__setattr__(frame, "time_s", media.utc_s(Fraction(shot.true_s), arrived_s))
                yield shot

    played = play(Steady("visible", 15), Stepping("thermal", 15), 20)
    assert len(played.moments) >= 300 - 30
    assert max(abs(error_s) for error_s in played.true_errors_s) <= 0.001


@pytest.mark.parametrize("step_s", [-3.0, -0.8, -0.3])
def test_a_clock_of_a_camera_that_steps_back_is_followed_at_once(step_s: float) -> None:
    class Stepping(Film):
        def shots(self, duration_s: float):  # type: ignore[no-untyped-def]
            for shot in super().shots(duration_s):
                if shot.true_s > 6:
                    object.__setattr__(shot.frame, "time_s", shot.frame.time_s + Fraction(step_s))
                yield shot

    visible, thermal = Film("visible", 15, ahead_s=50.0), Stepping("thermal", 15)
    played = play(visible, thermal, 20, offset_ms="auto")
    assert len(played.moments) >= 300 - 30
    assert max(abs(error_s) for error_s in played.true_errors_s) <= 0.005
