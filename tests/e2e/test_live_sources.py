"""Live sources on real sockets: RTSP by two servers, transport streams, motion JPEG, generated pictures."""

from __future__ import annotations

import contextlib
import itertools
import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from stream.config import InputSettings, LiveSettings
from stream.errors import PasswordError, RefusedError, SourceError
from stream.frame import Frame, Side
from stream.runtime.clock import SystemClock
from stream.sources.base import Source
from stream.sources.live import open_live
from tests.helpers.media_server import is_listening
from tests.helpers.patience import patience, wait_until
from tests.helpers.rtsp_process import GstProcess, RtspProcess, gstreamer_or_skip
from tests.helpers.senders import Playlist, RtmpProcess, Streamed
from tests.helpers.stamped_picture import draw, read


def opened(uri: str, role: Side = "visible", live: LiveSettings | None = None, **settings: object) -> Source:
    values = InputSettings.model_validate({"uri": uri, "timeout_s": 1.0, **settings})
    return open_live(values, role, SystemClock(), threading.Event().wait, live=live or LiveSettings())


def first(source: Source, count: int) -> list[Frame]:
    return list(itertools.islice(source, count))


def errors_ms(frames: list[Frame]) -> list[float]:
    """Stated minus true capture time."""
    truth = [read(np.asarray(frame.pixels)) for frame in frames]
    assert None not in truth
    return [float(frame.time_s * 1000) - true for frame, true in zip(frames, truth, strict=True) if true]


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_rtsp_frames_have_the_senders_clock(transport: str) -> None:
    with RtspProcess(clock_ms=5000) as server, opened(server.url, transport=transport) as source:
        begun_s = time.time()
        frames = first(source, 20)
    assert {frame.clock for frame in frames[2:]} == {"rtcp"}
    assert max(abs(error - 5000) for error in errors_ms(frames)[2:]) < 2
    true_ms = read(np.asarray(frames[0].pixels))
    assert true_ms is not None and begun_s * 1000 - true_ms < 500  # fresh, not from a long probe
    assert source.info.live and source.info.rate is None


def test_pictures_that_are_sent_out_of_turn_come_in_turn_and_none_is_lost() -> None:
    with RtspProcess(b_frames=2) as server, opened(server.url, timeout_s=4.0) as source:
        frames = first(source, 40)
        lost = dict(source.lost)
    # libav does not know the stamp of the very first one, which is left out and counted.
    assert lost in ({}, {"unstamped": 1})
    times_s = [frame.time_s for frame in frames]
    assert times_s == sorted(set(times_s))
    # The last half has the sender's clock, which tells each picture's own time.
    assert {frame.clock for frame in frames[20:]} == {"rtcp"}
    assert max(map(abs, errors_ms(frames[20:]))) < 3


def test_without_reports_times_come_from_the_stream_and_its_arrival() -> None:
    with RtspProcess(no_reports=True) as server, opened(server.url) as source:
        frames = first(source, 40)
    assert {frame.clock for frame in frames} == {"pts"}
    late = errors_ms(frames)[10:]
    assert max(late) - min(late) < 15  # as even as the stamps are
    assert 0 < min(late) < 150  # and later than the truth by the way


def test_a_thermal_camera_by_rtsp_is_grey() -> None:
    with RtspProcess() as server, opened(server.url, "thermal") as source:
        (frame,) = first(source, 1)
    assert frame.pixel_format == "gray8" and frame.size == (320, 240)


def test_a_change_of_size_is_followed() -> None:
    with RtspProcess(size="160x120") as server, opened(server.url) as source:
        assert first(source, 5)[-1].size == (160, 120)
        server.tell("size 240x180")
        assert any(frame.size == (240, 180) for frame in first(source, 60))
        assert (source.info.width, source.info.height) == (240, 180)


@pytest.mark.parametrize(("what", "transport"), [("picture", "tcp"), ("packet", "udp")])
def test_after_lost_packets_nothing_comes_before_the_next_key_picture(what: str, transport: str) -> None:
    served = {"size": "640x480", "rate": 15, "key_every_ms": 1500}
    with RtspProcess(**served) as server, opened(server.url, transport=transport) as source:
        frames = first(source, 10)
        server.tell(f"lose {what}")
        frames += first(source, 60)
        assert source.lost["after_damage"] + source.lost["corrupt"] > 0
    assert max(map(difference, frames)) < 2


def test_damaged_pictures_are_kept_for_those_who_want_them() -> None:
    served = {"size": "640x480", "rate": 15, "key_every_ms": 1500}
    with RtspProcess(**served) as server, opened(server.url, live=LiveSettings(damaged="keep")) as source:
        frames = first(source, 10)
        server.tell("lose picture")
        frames += first(source, 30)
        assert source.lost["after_damage"] == source.lost["corrupt"] == 0
    assert max(map(difference, frames)) > 2


def difference(frame: Frame) -> float:
    """Mean distance of a picture from what was filmed at the time that it carries."""
    pixels = np.asarray(frame.pixels).astype(int)
    time_ms = read(pixels)
    return 255.0 if time_ms is None else float(np.abs(pixels - draw(frame.size, time_ms)).mean())


def test_the_end_of_the_connection_ends_the_frames() -> None:
    with RtspProcess() as server, opened(server.url) as source:
        first(source, 5)
        server.tell("drop")
        assert len(first(source, 500)) < 100


def test_a_stalled_camera_times_out_within_the_library() -> None:
    with RtspProcess() as server, opened(server.url) as source:
        first(source, 5)
        server.tell("stall")
        with pytest.raises(SourceError, match="the connection broke"):
            first(source, 500)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_sound_does_not_keep_a_stalled_camera(transport: str) -> None:
    with RtspProcess(sound=True) as server, opened(server.url, transport=transport) as source:
        first(source, 5)
        server.tell("stall")
        with pytest.raises(SourceError, match="the connection broke"):
            first(source, 500)


def test_sound_does_not_keep_a_stalled_transport_stream() -> None:
    with _Television() as uri, opened(uri) as source:
        begun_s = time.monotonic()
        with pytest.raises(SourceError, match="sound goes on, but no picture came for 1 s"):
            first(source, 500)
    assert time.monotonic() - begun_s < patience(5)


class _Television(threading.Thread):
    """A transport stream with sound over TCP, whose pictures stop after a second and a half."""

    def __init__(self) -> None:
        super().__init__()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._ended = threading.Event()

    def run(self) -> None:
        connection, _ = self._socket.accept()
        with (
            connection,
            contextlib.suppress(OSError, av.error.FFmpegError),
            connection.makefile("wb") as sink,
            av.open(sink, "w", format="mpegts", options={"max_interleave_delta": "1"}) as output,
        ):
            self._send(output)

    def _send(self, output: Any) -> None:
        pictures = output.add_stream(
            "libx264", rate=20, options={"tune": "zerolatency", "preset": "ultrafast"}
        )
        pictures.width, pictures.height, pictures.pix_fmt = 160, 120, "yuv420p"
        pictures.codec_context.time_base = Fraction(1, 48_000)
        sound = output.add_stream("mp2", rate=48_000)
        sound.codec_context.layout = "mono"
        for number in range(2000):
            if self._ended.wait(0.024):
                return
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1152), np.int16), format="s16", layout="mono")
            silence.sample_rate, silence.pts = 48_000, number * 1152
            output.mux(sound.encode(silence))
            if number < 60:
                frame = av.VideoFrame.from_ndarray(np.full((120, 160, 3), number, np.uint8), format="rgb24")
                frame.pts, frame.time_base = number * 1152, Fraction(1, 48_000)
                output.mux(pictures.encode(frame.reformat(format="yuv420p")))

    def __enter__(self) -> str:
        self.start()
        return f"tcp://127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._socket.close()
        self.join()


def test_a_wrong_password_is_refused_and_masked() -> None:
    with RtspProcess(user="anna", password="right") as server:
        url = server.url.replace("right", "wr0ng")
        with pytest.raises(PasswordError, match="refuses the user name or password") as refused:
            opened(url)
        assert "wr0ng" not in str(refused.value) and "anna:***@" in str(refused.value)
        with opened(server.url) as source:
            assert first(source, 1)


def test_an_unknown_path_may_be_published_later() -> None:
    with RtspProcess() as server, pytest.raises(SourceError, match="knows no such stream") as error:
        opened(server.url.replace("stream", "other"))
    assert not isinstance(error.value, RefusedError)


def test_what_is_no_video_is_refused() -> None:
    page = b"<html>" + b"hello " * 20_000
    with _Server(b"text/html", lambda: iter([page])) as uri, pytest.raises(RefusedError) as refused:
        opened(uri)
    assert "nothing that is known as video" in str(refused.value)


def test_nothing_listens() -> None:
    with pytest.raises(SourceError, match="nothing listens there") as error:
        opened("rtsp://anna:secret@127.0.0.1:1/stream")
    assert not isinstance(error.value, RefusedError)
    assert "secret" not in str(error.value)


def test_an_unknown_host() -> None:
    with pytest.raises(SourceError, match=r"camera\.invalid.*check the host name") as error:
        opened("rtsp://camera.invalid/stream")
    assert not isinstance(error.value, RefusedError)


def test_no_such_device() -> None:
    with pytest.raises(SourceError, match="no such device"):
        opened("v4l2:///dev/video97")
    with pytest.raises(RefusedError, match="unknown option colour; known are size, rate, format"):
        opened("v4l2:///dev/video97?colour=1")


def test_generated_pictures_come_at_their_pace() -> None:
    begun_s = time.monotonic()
    with opened("lavfi://testsrc2=size=160x120:rate=20") as source:
        frames = first(source, 11)
    assert time.monotonic() - begun_s > 0.4
    steps = {round(float(later.time_s - frame.time_s), 3) for frame, later in itertools.pairwise(frames)}
    assert max(steps) < 0.1


@pytest.mark.parametrize("scheme", ["udp", "tcp"])
def test_a_transport_stream(scheme: str) -> None:
    with _Sender(scheme) as (uri, _), opened(uri, timeout_s=4.0) as source:
        frames = first(source, 12)
    assert {frame.clock for frame in frames} == {"pts"}
    assert frames[0].size == (160, 120)


def test_motion_jpeg_by_http() -> None:
    def parts() -> Iterator[bytes]:
        for number in range(400):
            data = cv2.imencode(".jpg", np.full((120, 160, 3), number % 255, np.uint8))[1].tobytes()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            yield head.encode() + data + b"\r\n"
            time.sleep(0.04)

    with _Server(b"multipart/x-mixed-replace;boundary=frame", parts) as uri, opened(uri) as source:
        frames = first(source, 12)
    assert {frame.clock for frame in frames} == {"arrival"}
    assert frames[0].size == (160, 120)


@pytest.mark.parametrize("form", ["mpegts", "flv"])
def test_a_stream_by_http_goes_by_its_own_stamps(form: str) -> None:
    with Streamed(form) as uri, opened(uri, timeout_s=4.0) as source:
        frames = first(source, 60)[30:]
    check_even(frames)
    truth = errors_ms(frames)
    assert max(truth) - min(truth) < 40  # as even as the stamps are


def test_rtmp_goes_by_its_own_stamps() -> None:
    with RtmpProcess() as uri:
        for _ in range(50):
            with contextlib.suppress(SourceError), opened(uri, timeout_s=4.0) as source:
                frames = first(source, 60)[30:]
                break
            time.sleep(0.1)
    check_even(frames)
    assert float(frames[-1].time_s - frames[0].time_s) == pytest.approx(29 / 25, abs=0.02)


def test_hls_goes_by_its_own_stamps_evenly(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Segments of a second each: their pictures come as far apart as they were taken, not in bursts."""
    warnings = caplog.at_level(logging.WARNING)  # set_level within another at_level would outlive the test
    with warnings, Playlist(tmp_path) as uri, opened(uri, timeout_s=4.0) as source:
        frames = first(source, 105)[30:]
    check_even(frames)
    arrived_s = [frame.arrived_s or 0.0 for frame in frames]
    # In bursts, most would come within a millisecond.
    assert np.median(np.diff(arrived_s)) > 0.02
    truth = errors_ms(frames)
    assert max(truth) - min(truth) < 900  # less than a segment, where one came later than the one before
    assert "is HLS" in caplog.text and "sync-check" in caplog.text


def check_even(frames: list[Frame]) -> None:
    assert {frame.clock for frame in frames} == {"pts"}
    gaps_s = np.diff([float(frame.time_s) for frame in frames])
    taken_ms = [read(np.asarray(frame.pixels)) for frame in frames]
    # A camera here films slower on a busy machine; stamps tell it.
    true_s = 1 / 25 if None in taken_ms else np.diff(np.array(taken_ms, float)) / 1000
    assert min(gaps_s) > 0 and np.median(np.abs(gaps_s - true_s)) < 0.005


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_gstreamers_server(transport: str) -> None:
    gstreamer_or_skip()
    with GstProcess() as server, opened(server.url, transport=transport, timeout_s=4.0) as source:
        # Its first report comes after about five seconds.
        frames = list(itertools.takewhile(lambda frame: frame.clock != "rtcp", source))
        frames += first(source, 1)
    assert frames[-1].clock == "rtcp"
    assert abs(float(frames[-1].time_s) - time.time()) < 2
    assert frames[-1].size == (320, 240)


class _Server:
    """Answers one HTTP request with parts, on a thread, until the client has enough."""

    def __init__(self, kind: bytes, parts: Callable[[], Iterator[bytes]]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._kind, self._parts = kind, parts
        self._thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: " + self._kind + b"\r\n\r\n")
            for part in self._parts():
                connection.sendall(part)

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/live"

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._listener.close()


class _Sender:
    """Another process that sends 160x120 pictures, 25 a second, as libav would."""

    def __init__(self, scheme: str) -> None:
        with socket.socket(type=socket.SOCK_DGRAM if scheme == "udp" else socket.SOCK_STREAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        target = f"{scheme}://127.0.0.1:{port}" + ("" if scheme == "udp" else "?listen=1")
        self._uri = target.split("?")[0]
        self._code = (
            "import av,time,numpy as np\n"
            f"o=av.open({target!r},'w',format='mpegts')\n"
            "s=o.add_stream('libx264',rate=25,options={'tune':'zerolatency','preset':'ultrafast'})\n"
            "s.width,s.height,s.pix_fmt=160,120,'yuv420p'\n"
            "s.codec_context.gop_size=5\n"
            "for i in range(400):\n"
            "    f=av.VideoFrame.from_ndarray(np.full((120,160,3),i%255,np.uint8),format='rgb24')\n"
            "    f.pts=i\n"
            "    for p in s.encode(f.reformat(format=s.pix_fmt)): o.mux(p)\n"
            "    time.sleep(0.04)\n"
        )

    def __enter__(self) -> tuple[str, subprocess.Popen[bytes]]:
        self._process = subprocess.Popen([sys.executable, "-c", self._code], stderr=subprocess.DEVNULL)
        if not self._uri.startswith("udp"):
            # It accepts one connection, so there is no asking whether it is ready.
            wait_until(lambda: is_listening(int(self._uri.rpartition(":")[2])))
        return self._uri, self._process

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """libav's own words do not matter here."""
    with caplog.at_level(logging.CRITICAL, "libav"):
        yield
