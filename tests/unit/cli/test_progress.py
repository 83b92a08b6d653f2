from __future__ import annotations

from collections import Counter

import pytest

from stream.cli.progress import SPARSE_LINE_EVERY_S, Recent, SparseLines
from stream.monitoring.report import RunReport


class ByHand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic_s(self) -> float:
        return self.now_s

    def utc_ns(self) -> int:
        return round(self.now_s * 1e9)


def test_the_line_of_a_live_run_tells_its_frames(capsys: pytest.CaptureFixture[str]) -> None:
    clock = ByHand()
    report, received = RunReport(clock), Counter(visible=250, thermal=80)
    report.add(frames_in=lambda: received, fused=lambda: 100)
    report.add(dropped=lambda: {"visible_superseded": 150})
    report.times.add("age_published", 0.062)
    clock.now_s = SPARSE_LINE_EVERY_S
    SparseLines()(report, None)
    assert capsys.readouterr().err == "gifnet: 100 fused, 10.0 frames/s, 62 ms late, 150 dropped\n"


def test_a_recording_has_a_time_left_and_the_rate_is_that_of_now() -> None:
    clock, recent = ByHand(), Recent()
    report, counts = RunReport(clock), Counter(fused=0)
    report.add(frames_in=lambda: {"visible": counts["fused"] + 50, "thermal": 0})
    report.add(fused=lambda: counts["fused"])
    report.add(dropped=lambda: {"visible_before_start": 50})
    for counts["fused"] in (40, 80, 84, 88):
        clock.now_s += 6
        words = recent.words(report, 5000)
    assert words == "88 fused, 0.67 frames/s, 14:06 left"
