"""Advice where most frames of recordings find no partner."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from stream.config import PairingSettings
from stream.frame import Frame
from stream.pairing.offline import OfflinePairer, pair_streams


def told(
    caplog: pytest.LogCaptureFixture,
    visible_ms: Sequence[float],
    thermal_ms: Sequence[float],
    **settings: object,
) -> str:
    """Warnings of a run of frames at these times."""
    sides = []
    for times_ms, kind in ((visible_ms, "rgb24"), (thermal_ms, "gray8")):
        pixels = np.zeros((2, 2, 3) if kind == "rgb24" else (2, 2), np.uint8)
        times_s = [Fraction(str(each)) / 1000 for each in times_ms]
        sides.append([Frame(pixels, kind, at_s, "pts", index) for index, at_s in enumerate(times_s)])  # type: ignore[arg-type]
    pairer = OfflinePairer(PairingSettings.model_validate(settings), 25, 25)
    with caplog.at_level(logging.WARNING):
        caplog.clear()
        list(pair_streams(*sides, pairer))
    return caplog.text


EVERY_40 = [40.0 * number for number in range(40)]


def test_a_steady_distance_is_an_offset(caplog: pytest.LogCaptureFixture) -> None:
    late = [each + 12 for each in EVERY_40[1:]]
    text = told(caplog, EVERY_40, [0.0, *late], tolerance_ms=4)
    assert "39 of 40 visible frames found no thermal frame within 4 ms" in text
    assert "12.0 ms later; pass --offset-ms 12 where the clocks differ, or --tolerance-ms 12 where" in text
    assert told(caplog, EVERY_40, [0.0, *late], tolerance_ms=12) == ""
    later = [100.0, *(each + 100 for each in late)]
    assert "--offset-ms 112 " in told(caplog, EVERY_40, later, tolerance_ms=4, offset_ms=100)


def test_a_changing_distance_needs_a_tolerance(caplog: pytest.LogCaptureFixture) -> None:
    slower = [41.0 * number for number in range(40)]
    text = told(caplog, EVERY_40, slower, tolerance_ms=2)
    assert "pass --tolerance-ms 20, which reaches" in text
    assert told(caplog, EVERY_40, slower, tolerance_ms=20) == ""


def test_recordings_that_hardly_overlap(caplog: pytest.LogCaptureFixture) -> None:
    later = [each + 1200 for each in EVERY_40]
    assert "if both began at the same moment, pass --offset-ms 1200" in told(caplog, EVERY_40, later)
    assert told(caplog, EVERY_40, later, offset_ms=1200) == ""


def test_a_shorter_recording(caplog: pytest.LogCaptureFixture) -> None:
    assert "--unpaired single passes" in told(caplog, EVERY_40, EVERY_40[:12])
    assert told(caplog, EVERY_40, EVERY_40[:30]) == ""
