"""Advice for runs that are slower than their sources."""

from __future__ import annotations

import pytest

from stream.pipeline.pace import slow_camera, slow_recording


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
    assert slow_camera("lite", 29.0, 30.0, (640, 480)) == slow_camera("full", 5.0, 0.0, None) == ""
