from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from stream.errors import ConfigError, SourceError
from stream.monitoring.report import Output, RunReport, describe_error
from tests.helpers.clock import HandClock


def test_a_report_of_a_whole_run(tmp_path: Path) -> None:
    clock = HandClock()
    report = RunReport(clock)
    report.add(frames_in=lambda: {"visible": 3, "thermal": 2}, fused=lambda: 2)
    report.add(dropped=lambda: Counter({"no partner": 1}))
    report.times.add("network", 0.25)
    clock.now_s = 4
    report.finish(None)
    report.write(tmp_path / "report.json")
    values = json.loads((tmp_path / "report.json").read_text())
    assert values["complete"] is True
    assert values["error"] is None
    assert values["frames_in"] == {"visible": 3, "thermal": 2}
    assert values["dropped"] == {"no partner": 1}
    assert values["stages"]["network"]["p50_ms"] == pytest.approx(250, rel=0.02)
    assert values["wall_s"] == 4
    assert "torch" in values["versions"]
    assert list(tmp_path.iterdir()) == [tmp_path / "report.json"]


def test_a_report_of_a_run_that_failed() -> None:
    report = RunReport(HandClock())
    error = SourceError("the file ends in the middle")
    error.add_note("2 fused frames were kept in out.mp4")
    report.finish(error)
    assert report.complete is False
    assert report.error == "the file ends in the middle; 2 fused frames were kept in out.mp4"


def test_a_report_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "report.json").mkdir()
    with pytest.raises(ConfigError, match="cannot be written"):
        RunReport(HandClock()).write(tmp_path / "report.json")
    assert not (tmp_path / "report.json.part").exists()


def test_what_was_kept() -> None:
    report = RunReport(HandClock())
    report.add(fused=lambda: 2)
    assert report.kept() == "no fused frame was kept"
    outputs = [Output("a.mp4", "fused", 2), Output("b.mp4", "fused"), Output("null://", "fused", 2)]
    report.add(outputs=lambda: outputs)
    assert report.kept() == "2 fused frames were kept in a.mp4"


def test_a_report_shows_what_its_stages_count_now() -> None:
    """It keeps no counts of its own; a stage that was not opened has an empty section."""
    report, counts = RunReport(HandClock()), Counter[str]()
    report.add(frames_in=lambda: counts)
    assert report.as_json()["frames_in"] == {"visible": 0, "thermal": 0}
    counts["thermal"] += 4
    assert report.as_json()["frames_in"] == {"visible": 0, "thermal": 4}
    assert report.as_json()["live"] is None and report.as_json()["outputs"] == []


def test_a_section_of_another_name_is_refused() -> None:
    with pytest.raises(ValueError, match="no section frames, allowed are settings, device"):
        RunReport(HandClock()).add(frames=lambda: 1)


def test_the_report_does_not_know_the_stages() -> None:
    import stream.monitoring.report as module

    text = Path(module.__file__).read_text(encoding="utf-8")
    known = re.findall(r"^from stream\.(\w+)", text, re.MULTILINE)
    assert set(known) == {"errors", "files", "runtime"}


def test_an_error_without_text_is_named_by_its_type() -> None:
    assert describe_error(MemoryError()) == "MemoryError"
