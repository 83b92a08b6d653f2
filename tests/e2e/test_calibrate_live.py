"""Live cameras before anything is registered: one that goes away does not keep a calibration waiting."""

from __future__ import annotations

import logging
import socket

import pytest

from stream.calibrate.frame_pairs import live_pairs
from stream.config import FuseSettings, InputSettings, ThermalInputSettings
from stream.errors import SourceError
from stream.live.session import LiveSession
from stream.runtime.clock import SystemClock
from tests.helpers.patience import patience
from tests.helpers.rtsp_process import RtspProcess


def cameras(visible: str, thermal: str) -> LiveSession:
    settings = FuseSettings(
        visible=InputSettings(uri=visible), thermal=ThermalInputSettings(uri=thermal, palette="none")
    )
    return LiveSession(settings, SystemClock())


def test_a_camera_that_is_unplugged_ends_the_pairs_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    visible, thermal = RtspProcess(), RtspProcess()
    try:
        with cameras(visible.url, thermal.url) as live, caplog.at_level(logging.WARNING):
            assert live.next(patience(20))
            pairs = live_pairs(live, patience(1))
            first = next(pairs)
            thermal.kill()
            list(pairs)
    finally:
        visible.kill()
        thermal.kill()
    assert first.visible.size == (320, 240)
    assert (
        "no picture comes from the thermal camera" in caplog.text and "those before are used" in caplog.text
    )


def test_cameras_that_never_come_are_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"rtsp://127.0.0.1:{taken.getsockname()[1]}/stream"
        with (
            cameras(address, address) as live,
            pytest.raises(SourceError, match=r"in 1 s: no picture .* visible camera .*nothing listens"),
        ):
            next(live_pairs(live, 1.0))
