"""A publisher and its good subscribers among peers that mean harm, or are broken."""

from __future__ import annotations

import itertools
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import zmq
import zmq.auth

from stream.client import ReceivedFrame, Subscriber
from stream.sinks import SinkOptions
from stream.sinks.zeromq.publisher import PublisherSink
from stream.sinks.zeromq.socket import MOST_FOREIGN
from stream.uri import parse_uri
from stream.zeromq.curve_keys import make_keys
from tests.helpers.fused import fused_frame
from tests.helpers.patience import patience
from tests.helpers.zmtp import NO_KEYS, connect, join, ready, subscription

PATIENCE_S = patience(20)
LEAST_FRAMES = 40
"""Frames in a row that a good subscriber must get while others misbehave."""


@contextmanager
def publishing(uri: str = "zmq+tcp://127.0.0.1:0", size: tuple[int, int] = (64, 48)) -> Iterator[str]:
    """A publisher of a hundred frames a second on a thread of its own; gives its address."""
    stop, ready_now, where = threading.Event(), threading.Event(), []

    def publish() -> None:
        with PublisherSink(parse_uri(uri), SinkOptions()) as sink:
            where.append(sink.endpoint)
            ready_now.set()
            for index in itertools.count():
                sink.write(fused_frame(index, Fraction(time.time_ns(), 1_000_000_000), size))
                if stop.wait(0.01):
                    return

    thread = threading.Thread(target=publish)
    thread.start()
    assert ready_now.wait(PATIENCE_S)
    try:
        yield where[0]
    finally:
        stop.set()
        thread.join()


def sees_everything(frames: Iterator[ReceivedFrame]) -> None:
    """The next frames come without a gap, and whole."""
    for frame in itertools.islice(frames, LEAST_FRAMES):
        assert frame.missed == 0 and not frame.restarted
        assert np.array_equal(frame.pixels, fused_frame(frame.header.seq).pixels)
        last = frame
    assert last.header.seq >= LEAST_FRAMES - 1


def memory_mb(process: int | str = "self") -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.startswith("stream.")]


RUDE = {
    "a web browser": b"GET / HTTP/1.1\r\nHost: camera\r\n\r\n" * 50,
    "noise": bytes(np.random.default_rng(1).integers(0, 256, 100_000, dtype=np.uint8)),
    "half a greeting": NO_KEYS[:20],
    "a greeting and no more": NO_KEYS,
    "not a subscriber": NO_KEYS + ready(b"REQ") + subscription(b""),
    "more than it may before it is let in": NO_KEYS + ready() + subscription(b"main") * 1000,
    "a broken handshake": NO_KEYS + b"\x04\xffREADY" + b"\xff" * 300,
}


@pytest.mark.parametrize("bytes_said", RUDE.values(), ids=RUDE.keys())
def test_what_is_no_subscriber_disturbs_nobody(bytes_said: bytes) -> None:
    with publishing() as address, ExitStack() as peers:
        frames = Subscriber(address).every(PATIENCE_S)
        next(frames)
        before_mb = memory_mb()
        for _ in range(20):
            peer = peers.enter_context(connect(address))
            with suppress(OSError):  # cut off in the middle of it, which is as it should be
                peer.sendall(bytes_said)
        sees_everything(frames)
        frames.close()  # type: ignore[attr-defined]
        assert memory_mb() - before_mb < 20


ODD = {
    "an endless frame": b"\2\x7f" + b"\xff" * 7 + bytes(1000),
    "a megabyte of subscription": subscription(b"x" * 1_000_000),
    "empty messages": b"\0\0" * 10_000,
    "messages in place of subscriptions": b"\0\5hello" * 10_000,
    "unknown commands": b"\4\6\5BREAK" * 100,
    "half a message": b"\2" + (500).to_bytes(8, "big") + b"\1main",
}


@pytest.mark.parametrize("bytes_said", ODD.values(), ids=ODD.keys())
def test_subscribers_that_say_odd_things_disturb_nobody(bytes_said: bytes) -> None:
    with publishing() as address, ExitStack() as peers:
        frames = Subscriber(address).every(PATIENCE_S)
        next(frames)
        before_mb = memory_mb()
        for _ in range(20):
            peer = peers.enter_context(join(address))
            with suppress(OSError):  # cut off in the middle of it, which is as it should be
                peer.sendall(bytes_said)
        sees_everything(frames)
        frames.close()  # type: ignore[attr-defined]
        assert memory_mb() - before_mb < 20


def test_who_does_not_say_what_it_is_is_sent_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("stream.sinks.zeromq.socket.HANDSHAKE_MS", 200)
    with publishing() as address, ExitStack() as peers:
        silent = [peers.enter_context(connect(address)) for _ in range(5)]
        for peer in silent:
            peer.sendall(NO_KEYS[:12])
        for peer in silent:
            while peer.recv(4096):
                pass  # until the publisher hangs up
        sees_everything(frames := Subscriber(address).every(PATIENCE_S))
        frames.close()  # type: ignore[attr-defined]
    assert len(said(caplog)) == 1
    assert "a peer did not finish saying what it is and is turned away" in said(caplog)[0]


def test_a_thousand_idle_subscribers() -> None:
    crowd = (
        "import resource, sys, time, zmq\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, 2 * resource.getrlimit(resource.RLIMIT_NOFILE)[1:])\n"
        "context = zmq.Context()\n"
        "context.set(zmq.MAX_SOCKETS, 2000)\n"
        "sockets = [context.socket(zmq.SUB) for _ in range(1000)]\n"
        "for socket in sockets:\n"
        "    socket.setsockopt(zmq.SUBSCRIBE, b'main/of no interest')\n"
        "    socket.connect(sys.argv[1])\n"
        "sys.stdin.read()\n"
    )
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, soft), hard))
    try:
        with publishing() as address:
            frames = Subscriber(address).every(PATIENCE_S)
            next(frames)
            before_mb = memory_mb()
            command = [sys.executable, "-c", crowd, address]
            with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
                while len(os.listdir("/proc/self/fd")) < 1000:
                    sees_everything(frames)
                sees_everything(frames)
                assert memory_mb() - before_mb < 60
                assert process.stdin
                process.stdin.close()
            frames.close()  # type: ignore[attr-defined]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


PUBLISHER = """
import itertools, sys, time
from fractions import Fraction
from stream.sinks import SinkOptions
from stream.sinks.zeromq.publisher import PublisherSink
from stream.uri import parse_uri
from tests.helpers.fused import fused_frame

sink = PublisherSink(parse_uri("zmq+tcp://127.0.0.1:0?queue_mb=8"), SinkOptions())
print(sink.endpoint, flush=True)
for index in itertools.count():
    sink.write(fused_frame(index, Fraction(time.time_ns(), 1_000_000_000), (640, 480)))
    time.sleep(0.01)
"""


def test_a_subscriber_that_never_reads_costs_no_more_than_its_queue() -> None:
    """It stops reading its socket; 140 MB of frames go to the others meanwhile, and 8 MB wait for it.

    Then it breaks off, which has crashed libzmq, with the process of the publisher, where the room for
    messages changed from view to view.
    """
    command = [sys.executable, "-c", PUBLISHER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            address = process.stdout.readline().strip()
            frames = Subscriber(address).every(PATIENCE_S)
            next(frames)
            before_mb = memory_mb(process.pid)
            with join(address) as dead:
                dead.sendall(subscription(b""))
                for frame in itertools.islice(frames, 150):
                    assert frame.missed == 0
                assert memory_mb(process.pid) - before_mb < 100
            # It has broken off, and nobody else notices.
            assert all(frame.missed == 0 for frame in itertools.islice(frames, LEAST_FRAMES))
            frames.close()  # type: ignore[attr-defined]
            assert process.poll() is None
        finally:
            process.kill()


def test_a_flood_of_subscriptions_is_cut_off(caplog: pytest.LogCaptureFixture) -> None:
    with publishing() as address:
        frames = Subscriber(address).every(PATIENCE_S)
        next(frames)
        before_mb = memory_mb()
        with join(address) as flood, pytest.raises(OSError):
            for number in range(200 * MOST_FOREIGN):
                flood.sendall(subscription(b"%0200d" % number))
        # All are cut off, since ZeroMQ cannot tell one from the other; the good one is back by itself.
        assert len(list(itertools.islice(frames, 3 * LEAST_FRAMES))) == 3 * LEAST_FRAMES
        sees_everything(frames)
        frames.close()  # type: ignore[attr-defined]
        assert memory_mb() - before_mb < 100
    assert len([line for line in said(caplog) if "has subscribed to more than 1000 things" in line]) == 1


def test_wrong_keys_and_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "keys"
    (alice,) = make_keys(folder, ("alice",))
    (mallory,) = make_keys(tmp_path / "others", ("mallory",))
    server = folder / "server.key"
    with publishing(f"zmq+tcp://127.0.0.1:0?keys={folder}") as address, zmq.Context() as context:
        frames = Subscriber(address, keys=(alice, server)).every(PATIENCE_S)
        next(frames)
        with ExitStack() as strangers:
            for number in range(20):
                stranger = strangers.enter_context(context.socket(zmq.SUB))
                if number % 2:
                    stranger.curve_publickey, stranger.curve_secretkey = zmq.auth.load_certificate(mallory)
                    stranger.curve_serverkey, _ = zmq.auth.load_certificate(server)
                stranger.setsockopt(zmq.SUBSCRIBE, b"")
                stranger.setsockopt(zmq.RECONNECT_IVL, 10)
                stranger.connect(address)
                with suppress(OSError):
                    strangers.enter_context(connect(address)).sendall(NO_KEYS + ready())
            sees_everything(frames)
            assert not stranger.poll(0)
        frames.close()  # type: ignore[attr-defined]
    assert len(said(caplog)) == 1 and "is turned away; others like it are too" in said(caplog)[0]
