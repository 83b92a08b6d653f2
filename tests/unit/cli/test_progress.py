from __future__ import annotations

from collections import Counter

import pytest

from stream.cli.progress import SPARSE_LINE_EVERY_S, SparseLines
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
    clock.now_s = SPARSE_LINE_EVERY_S
    SparseLines()(report, None)
    assert capsys.readouterr().err == "gifnet: frame 250, 10.00 frames/s\n"
