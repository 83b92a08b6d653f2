"""Frames sent onward to real RTSP and RTMP servers, and everything that goes wrong there."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from stream.config import OutputSettings
from stream.sinks import SinkOptions, open_sink
from stream.sinks.restream.sink import OnwardSink
from tests.helpers.media_server import MediaServer, Taken, free_port
from tests.helpers.onward import PATIENCE_S, feed, now_ms, processes_of, stamped
from tests.helpers.patience import wait_until
from tests.helpers.readback import read_frames
from tests.helpers.rtsp_process import SYSTEM_PYTHON, GstProcess, gstreamer_or_skip
from tests.helpers.stamped_picture import read

ROOT = Path(__file__).parents[2]
LIVE = SinkOptions(live=True)
# Writes without end.
ENDLESS = """
import sys
from stream.config import OutputSettings
from stream.sinks import SinkOptions, open_sink
from tests.helpers.onward import feed
with open_sink(OutputSettings(uri=sys.argv[1]), SinkOptions(live=True)) as sink:
    feed(sink, lambda: False)
"""
SCHEMES = pytest.mark.parametrize("scheme", ["rtsp", "rtmp"])


@contextmanager
def opened(uri: object, options: SinkOptions = LIVE) -> Iterator[OnwardSink]:
    with open_sink(OutputSettings(uri=str(uri)), options) as sink:
        assert isinstance(sink, OnwardSink)
        yield sink
    assert not processes_of(os.getpid())


def arrived(
    sink: OnwardSink, server: MediaServer, count: int, size: tuple[int, int] = (320, 240)
) -> list[Taken]:
    """Feed until so many pictures have arrived."""
    taken: list[Taken] = []
    feed(sink, lambda: len(taken.extend(server.available()) or taken) >= count, size)
    return taken


@SCHEMES
def test_frames_arrive_with_the_times_at_which_they_were_taken(scheme: str) -> None:
    with MediaServer(scheme) as server, opened(server.url) as sink:
        taken = arrived(sink, server, 30)
    assert taken[0].key
    errors = [one.pts_ms - one.stamp_ms for one in taken if one.pts_ms is not None and one.stamp_ms]
    assert len(errors) >= 28 and np.ptp(errors) < 1
    # RTCP reports carry the capture time; RTMP has nothing like it.
    told = [(one.sender_ms, one.stamp_ms) for one in taken if one.sender_ms is not None]
    assert all(sender == pytest.approx(stamp, abs=0.1) for sender, stamp in told)
    assert len(told) > 25 if scheme == "rtsp" else not told


@SCHEMES
def test_a_server_that_comes_back_gets_fresh_frames(scheme: str, caplog: pytest.LogCaptureFixture) -> None:
    with MediaServer(scheme) as server, opened(server.url) as sink:
        arrived(sink, server, 5)
        pid = sink.pid
        server.kill()
        feed(sink, lambda: any("trying again until it works" in line for line in caplog.messages))
        back_ms = now_ms()
        server.start()
        (first, *_) = arrived(sink, server, 5)
        assert sink.pid == pid and sink.skipped > 0
    assert first.key and first.stamp_ms is not None and first.stamp_ms > back_ms


@SCHEMES
def test_a_server_that_never_answers_delays_nothing(scheme: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with (
        socket.create_server(("127.0.0.1", 0)) as deaf,
        opened(f"{scheme}://127.0.0.1:{deaf.getsockname()[1]}/live/fused") as sink,
    ):
        connection, _ = accept_while_feeding(deaf, sink)
        with connection:
            frame = stamped(now_ms())
            for _ in range(1000):
                sink.write(frame)
            # All of them were written before the process itself has noticed anything.
            assert not caplog.messages
            assert sink.written + sink.skipped > 1000 and sink.skipped > 990
            feed(sink, lambda: bool(caplog.messages))
    assert "no answer in time" in caplog.text or "took nothing for some seconds" in caplog.text


def accept_while_feeding(deaf: socket.socket, sink: OnwardSink) -> tuple[socket.socket, object]:
    deaf.settimeout(0.02)
    found: list[tuple[socket.socket, object]] = []

    def connected() -> bool:
        try:
            found.append(deaf.accept())
        except TimeoutError:
            return False
        return True

    feed(sink, connected)
    return found[0]


def test_a_server_that_stops_reading_gets_fresh_frames_later(caplog: pytest.LogCaptureFixture) -> None:
    with MediaServer("rtsp") as server, opened(server.url) as sink:
        arrived(sink, server, 5, (640, 480))
        os.kill(server.pid, signal.SIGSTOP)
        # Many bytes fill what the system buffers between the two.
        feed(sink, lambda: "trying again until it works" in caplog.text, (640, 480), noisy=True)
        os.kill(server.pid, signal.SIGCONT)
        on_ms, stamps = now_ms(), [0]

        def fresh() -> bool:
            stamps.extend(one.stamp_ms or 0 for one in server.available())
            return stamps[-1] > on_ms

        feed(sink, fresh, (640, 480))
        assert sink.skipped > 0


def test_a_process_that_is_stuck_ends_with_its_parent() -> None:
    """Killed in the middle of connecting: the process that connects is ended by its alarm."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        deaf.settimeout(PATIENCE_S)
        url = f"rtmp://127.0.0.1:{deaf.getsockname()[1]}/live/fused"
        with subprocess.Popen([sys.executable, "-c", ENDLESS, url], cwd=ROOT) as run:
            connection, _ = deaf.accept()
            (child,) = processes_of(run.pid)
            run.kill()
        wait_until(lambda: not Path(f"/proc/{child}").exists())
        connection.close()


def test_a_killed_process_is_replaced(caplog: pytest.LogCaptureFixture) -> None:
    with MediaServer("rtsp") as server, opened(server.url) as sink:
        arrived(sink, server, 5)
        pid = sink.pid
        assert pid
        os.kill(pid, signal.SIGKILL)
        taken: list[Taken] = []
        feed(sink, lambda: any(one.connection for one in taken.extend(server.available()) or taken))
        assert sink.pid != pid
    assert "the process that sends frames has ended (status -9)" in caplog.text


@SCHEMES
def test_pictures_of_another_size(scheme: str) -> None:
    with MediaServer(scheme) as server, opened(server.url) as sink:
        arrived(sink, server, 5)
        sizes: set[tuple[int, int]] = set()
        feed(
            sink,
            lambda: (200, 150) in (sizes.update(one.size for one in server.available()) or sizes),
            (199, 149),
        )


def test_the_password_stays_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    url = f"rtsp://anna:geheim@127.0.0.1:{free_port()}/fused?token=verborgen"
    with opened(url) as sink:
        feed(sink, lambda: bool(caplog.messages))
        command = (
            Path(f"/proc/{sink.pid}/cmdline").read_text() + Path(f"/proc/{sink.pid}/environ").read_text()
        )
    assert (
        f"rtsp://anna:***@{url.split('@')[1].split('?')[0]}?token=***: nothing listens there" in caplog.text
    )
    assert not {"geheim", "verborgen"} & set(
        filter((caplog.text + command).__contains__, ["geheim", "verborgen"])
    )


class GstRecordProcess(GstProcess):
    """GStreamer's server, writing what is published to a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        super().__init__()

    def _arguments(self) -> list[str]:
        script = ROOT / "tests" / "helpers" / "gst_record_server.py"
        return [SYSTEM_PYTHON, str(script), str(self.port), str(self._file)]


def test_a_second_opinion_takes_the_stream_too(tmp_path: Path) -> None:
    gstreamer_or_skip()
    file = tmp_path / "taken.h264"
    with GstRecordProcess(file) as server, opened(f"rtsp://127.0.0.1:{server.port}/fused") as sink:
        feed(sink, lambda: file.exists() and file.stat().st_size > 30_000)
    stamps = [read(picture) for picture in read_frames(file)]
    assert len(stamps) > 10 and all(stamps[:-1]) and stamps[:-1] == sorted(stamps[:-1])
