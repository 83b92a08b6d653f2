"""The servers that stand in for cameras do what they are told, seen by a plain client of libav."""

from __future__ import annotations

import itertools
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import av
import cv2
import numpy as np
import pytest

from tests.helpers.patience import wait_until
from tests.helpers.rtsp_process import GstProcess, RtspProcess, gstreamer_or_skip
from tests.helpers.stamped_picture import draw, read

TRANSPORTS = pytest.mark.parametrize("transport", ["tcp", "udp"])
NOW_MS = 1_763_700_000_123


class Picture(NamedTuple):
    """One decoded picture: its size, the true time in it, the sender's time with its packet, and its kind."""

    size: tuple[int, int]
    true_ms: int
    sender_ms: float | None
    key: bool


@contextmanager
def played(url: str, transport: str = "tcp") -> Iterator[Iterator[Picture]]:
    options = {"rtsp_transport": transport, "probesize": "32", "analyzeduration": "0"}
    with av.open(url, options=options, timeout=(4.0, 2.0)) as container:
        yield pictures(container)


def pictures(container: Any) -> Iterator[Picture]:
    sender_ms = {}
    for packet in container.demux(video=0):
        if packet.has_sidedata("prft"):
            sender_ms[packet.pts] = int.from_bytes(bytes(packet.get_sidedata("prft"))[:8], "little") / 1000
        for frame in packet.decode():
            true_ms = read(frame.to_ndarray(format="rgb24"))
            assert true_ms is not None, "a stamp that cannot be read"
            sent_ms = sender_ms.pop(frame.pts, None)
            yield Picture((frame.width, frame.height), true_ms, sent_ms, bool(frame.key_frame))


def first(stream: Iterator[Picture], count: int) -> list[Picture]:
    return list(itertools.islice(stream, count))


def steps_ms(stream: list[Picture]) -> list[int]:
    return [later.true_ms - sooner.true_ms for sooner, later in itertools.pairwise(stream)]


def settles_at(step_ms: float, stream: Iterator[Picture], windows: int = 20) -> bool:
    """True where the pace is reached; a busy machine sends some pictures in a burst."""
    seen = (float(np.median(steps_ms(first(stream, 15)))) for _ in range(windows))
    return any(abs(step - step_ms) < 0.1 * step_ms for step in seen)


@TRANSPORTS
def test_pictures_come_at_once_with_the_time_of_the_sender(transport: str) -> None:
    with RtspProcess(clock_ms=-7000) as server:
        begun_ms = int(time.time() * 1000)
        with played(server.url, transport) as stream:
            seen = first(stream, 1)
            took_ms = time.time() * 1000 - begun_ms
            seen += first(stream, 14)
            assert settles_at(40, stream)
    assert begun_ms <= seen[0].true_ms and took_ms < 2000
    errors = [one.sender_ms - one.true_ms + 7000 for one in seen[2:] if one.sender_ms is not None]
    assert len(errors) == 13 and max(map(abs, errors)) < 2


def test_a_clock_that_drifts() -> None:
    with RtspProcess(drift_ppm=20_000) as server, played(server.url) as stream:
        seen = [one for one in first(stream, 30) if one.sender_ms is not None]
    ahead_ms = [one.sender_ms - one.true_ms for one in (seen[0], seen[-1]) if one.sender_ms is not None]
    span_ms = seen[-1].true_ms - seen[0].true_ms
    assert ahead_ms[1] - ahead_ms[0] == pytest.approx(0.02 * span_ms, abs=2.5)


def test_without_reports_the_time_of_the_sender_is_unknown() -> None:
    with RtspProcess(no_reports=True) as server, played(server.url) as stream:
        assert {one.sender_ms for one in first(stream, 15)} == {None}


def test_a_wrong_password_is_refused() -> None:
    with RtspProcess(user="anna", password="right") as server:
        for url in (server.url.replace("right", "wrong"), server.url.replace("anna:right@", "")):
            with pytest.raises(av.error.HTTPUnauthorizedError), played(url):
                pass
        with played(server.url) as stream:
            assert first(stream, 1)


@pytest.mark.parametrize("how", ["stall and resume", "stop and go on"])
def test_a_silence_within_a_connection(how: str) -> None:
    with RtspProcess() as server, played(server.url) as stream:
        first(stream, 3)
        if how == "stop and go on":
            server.stop()
            again = threading.Timer(0.5, server.go_on)
        else:
            server.tell("stall")
            again = threading.Timer(0.5, server.tell, ["resume"])
        again.start()
        seen = first(stream, 30)
        again.join()
    assert len(seen) == 30
    assert max(steps_ms(seen)) > 350


def test_a_dropped_connection_ends_and_the_next_is_served() -> None:
    with RtspProcess() as server:
        with played(server.url) as stream:
            first(stream, 3)
            server.tell("drop")
            assert len(first(stream, 100)) < 50
        with played(server.url) as stream:
            assert len(first(stream, 3)) == 3


@pytest.mark.parametrize("kind", [RtspProcess, GstProcess])
def test_a_killed_server_comes_back_on_its_port(kind: type[RtspProcess]) -> None:
    if kind is GstProcess:
        gstreamer_or_skip()
    with kind() as server:
        url = server.url
        with opened_raw(server.port):
            server.kill()
        with pytest.raises(ConnectionRefusedError), opened_raw(server.port):
            pass
        server.start()
        assert server.url == url
        with opened_raw(server.port):
            pass


def test_a_restarted_server_has_its_new_options() -> None:
    with RtspProcess(size="160x120") as server:
        with played(server.url) as stream:
            first(stream, 3)
            server.restart(size="192x144", rate=50)
            assert len(first(stream, 100)) < 50
        with played(server.url) as stream:
            assert first(stream, 1)[0].size == (192, 144)
            assert settles_at(20, stream)


def test_size_and_rate_change_within_a_connection() -> None:
    with RtspProcess(size="160x120") as server, played(server.url) as stream:
        assert first(stream, 3)[-1].size == (160, 120)
        server.tell("size 240x180")
        server.tell("rate 50")
        assert any(one.size == (240, 180) for one in first(stream, 30))
        assert settles_at(20, stream)


@TRANSPORTS
def test_several_clients_at_once(transport: str) -> None:
    with RtspProcess(size="160x120") as server, played(server.url, transport) as stream:
        before = first(stream, 3)
        with played(server.url, "tcp") as other:
            late = first(other, 5)
        meanwhile = itertools.takewhile(lambda one: one.true_ms < late[-1].true_ms, stream)
        seen = {one.true_ms for one in meanwhile}
        assert len(first(stream, 5)) == 5
    assert late[0].true_ms > before[-1].true_ms
    assert {one.true_ms for one in late[:-1]} <= seen


def test_key_pictures_come_by_time_and_for_each_client_that_begins() -> None:
    with RtspProcess(rate=20) as server, played(server.url) as stream:
        alone = keys(first(stream, 32))
        for _ in range(2):  # one of them may chance upon a key picture that is due
            with played(server.url) as other:
                assert first(other, 1)[0].key
        joined = keys(first(stream, 20))
    assert len(alone) >= 3 and min(steps_ms(alone)) >= 500
    assert min(steps_ms(joined)) < 500


def keys(stream: list[Picture]) -> list[Picture]:
    return [one for one in stream if one.key]


@TRANSPORTS
def test_clients_that_leave_are_forgotten(transport: str) -> None:
    with RtspProcess() as server:
        for _ in range(3):
            with played(server.url, transport) as stream:
                first(stream, 1)
        files = f"/proc/{server.pid}/fd"
        wait_until(lambda: len(os.listdir(files)) == 4)  # standard ones and the listener


@pytest.mark.parametrize("kind", [RtspProcess, GstProcess])
def test_no_process_is_left_over(kind: type[RtspProcess]) -> None:
    if kind is GstProcess:
        gstreamer_or_skip()
    with kind() as server:
        pid = server.pid
        server.stop()  # even when it cannot end by itself
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_port_in_use_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    with RtspProcess() as server, pytest.raises(RuntimeError, match="ended before it listened"):
        RtspProcess(port=server.port)
    assert "Address already in use" in capfd.readouterr().err


@TRANSPORTS
def test_gstreamers_pictures(transport: str) -> None:
    gstreamer_or_skip()
    options = {"rtsp_transport": transport, "probesize": "32", "analyzeduration": "0"}
    with GstProcess() as server, av.open(server.url, options=options, timeout=(4.0, 4.0)) as container:
        seen = list(itertools.islice(container.decode(video=0), 10))
    assert {(frame.width, frame.height) for frame in seen} == {(320, 240)}
    assert len({frame.pts for frame in seen}) == 10


@pytest.mark.parametrize("required", [True, False])
def test_without_gstreamer_tests_skip_or_fail(required: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.helpers.rtsp_process.SYSTEM_PYTHON", "/no/such/python")
    monkeypatch.setenv("REQUIRE_GSTREAMER", "1" if required else "0")
    with pytest.raises(pytest.fail.Exception if required else pytest.skip.Exception, match="is missing"):
        gstreamer_or_skip()


@pytest.mark.parametrize("size", [(160, 120), (322, 242), (640, 512), (1920, 1080), (2000, 120)])
def test_a_stamp_survives_what_cameras_do_to_it(size: tuple[int, int]) -> None:
    for time_ms in range(NOW_MS, NOW_MS + 10**9, 3 * 10**8 + 7):
        picture = draw(size, time_ms)
        assert read(picture) == read(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)) == time_ms
        data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 30])[1]
        poor = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
        assert read(poor) == read((poor * 0.9 + 12).astype(np.uint8)) == time_ms


def test_a_damaged_stamp_is_not_read() -> None:
    picture = draw((320, 240), NOW_MS)
    for number in range(48):
        row, column = (20 * part for part in divmod(number, 16))
        damaged = picture.copy()
        damaged[row : row + 20, column : column + 20] = 235 - damaged[row : row + 20, column : column + 20]
        assert read(damaged) is None
    assert read(np.zeros((240, 320), np.uint8)) is None
    assert read(np.full((240, 320, 3), 255, np.uint8)) is None
    assert read(np.zeros((2, 40), np.uint8)) is None


@contextmanager
def opened_raw(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        yield connection


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """libav's own words do not matter here."""
    with caplog.at_level(logging.CRITICAL, "libav"):
        yield
