"""Drift in a run: one warning, the account in the report, and corrections where asked."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream.config import RunSettings
from stream.monitoring.report import RunReport
from stream.pipeline.run import run
from stream.runtime.clock import SystemClock

STREET = "synthetic://street?seed=4&size=320x240&rate=2&duration="


def fused(registration: dict[str, Any], seconds: int) -> dict[str, Any]:
    """The report of a run on a street, as JSON."""
    uri = f"{STREET}{seconds}"
    settings = {
        "visible": {"uri": uri},
        "thermal": {"uri": uri},
        "registration": {"check_every": 1, **registration},
        "fusion": {"model": "null"},
        "device": "cpu",
        "outputs": [{"uri": "null://"}],
    }
    report = RunReport(SystemClock())
    run(RunSettings.model_validate(settings), report)
    return report.as_json()


def test_cameras_that_stand_right_are_not_talked_about(caplog: pytest.LogCaptureFixture) -> None:
    drift = fused({}, 5)["drift"]
    assert (drift["verdict"], drift["moves"], drift["checks"]) == ("aligned", [], 10)
    assert not caplog.records


def test_a_move_is_warned_of_once_with_the_way_out(caplog: pytest.LogCaptureFixture) -> None:
    drift = fused({"nudge_right_px": 4, "nudge_down_px": -3}, 10)["drift"]
    assert drift["verdict"] == "moved"
    assert [(move["right_px"], move["down_px"]) for move in drift["moves"]] == [
        (pytest.approx(4, abs=0.3), pytest.approx(-3, abs=0.3))
    ]
    (warning,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert warning.startswith("the cameras have moved: about 4 px right and 3 px up")
    assert "gifnet calibrate check" in warning


def test_small_moves_are_corrected_when_asked() -> None:
    report = fused({"nudge_right_px": 3, "self_align": True}, 40)
    changes = [change["settings"] for change in report["changes"]]
    assert {change["by"] for change in report["changes"]} == {"self-align"}
    assert len(changes) >= 2
    assert changes[-1]["registration.nudge_right_px"] == pytest.approx(0, abs=0.5)
    assert report["drift"]["verdict"] == "aligned"


def test_what_is_too_far_to_follow_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """4 pixels of 320 are followed; the nudge that the run began with is where they count from."""
    report = fused({"nudge_right_px": 7, "self_align": True}, 25)
    warnings = [
        record.getMessage() for record in caplog.records if "self-align follows" in record.getMessage()
    ]
    assert report["changes"] == []
    assert len(warnings) == 1
    assert "more than the 4 px" in warnings[0]


def test_nobody_looks_when_told_so() -> None:
    drift = fused({"check_every": 0, "nudge_right_px": 6}, 3)["drift"]
    assert (drift["verdict"], drift["checks"]) == ("unknown", 0)


def test_the_baseline_of_the_file_counts_at_every_size(tmp_path: Path) -> None:
    matrix = [[500, 0, 320], [0, 500, 240], [0, 0, 1]]
    camera = {"size": [640, 480], "camera_matrix": matrix}
    content = {
        "visible": camera,
        "thermal": camera,
        "homography": {"matrix": [[1, 0, 12], [0, 1, 0], [0, 0, 1]], "distance_m": 10},
        "rms_px": 0.5,
        "date": "2026-01-15",
        "made_by": "test",
        "baseline": {"score": 0.2, "right_px": 12, "down_px": 0},
    }
    path = tmp_path / "pair.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    drift = fused({"file": path}, 5)["drift"]
    assert (drift["verdict"], drift["baseline_score"]) == ("aligned", 0.2)
    assert drift["right_px"] == pytest.approx(0, abs=0.5)
