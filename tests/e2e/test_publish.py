"""Fused frames over real ZeroMQ sockets: both forms, slow and hostile readers, keys, and the commands."""

from __future__ import annotations

import asyncio
import itertools
import json
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq

from stream.client import AsyncSubscriber, MessageError, ReceivedFrame, Subscriber
from stream.errors import SinkError
from stream.sinks import SinkOptions
from stream.sinks.zeromq.publisher import PublisherSink
from stream.uri import parse_uri
from stream.zeromq.curve_keys import make_keys
from stream.zeromq.message import SCHEMA, Header, one_part_head, parse_header
from tests.helpers.fused import fused_frame
from tests.helpers.patience import patience

SCHEMA_FILE = Path(__file__).parents[2] / "stream" / "zeromq" / "frame_message.schema.json"
OPTIONS = SinkOptions(model=lambda: ("default", "ab" * 32))
PATIENCE_S = patience(10)


@contextmanager
def publishing(
    uri: str = "zmq+tcp://127.0.0.1:0", rate: float = 100, size: tuple[int, int] = (64, 48)
) -> Iterator[str]:
    """A publisher on a thread of its own, which sends frames until the block ends; gives its address."""
    stop, ready, where = threading.Event(), threading.Event(), []

    def publish() -> None:
        with PublisherSink(parse_uri(uri), OPTIONS) as sink:
            where.append(sink.endpoint)
            ready.set()
            for index in itertools.count():
                time_s = Fraction(time.time_ns(), 1_000_000_000)
                sink.write(fused_frame(index, time_s, size))
                if stop.wait(1 / rate):
                    return

    thread = threading.Thread(target=publish)
    thread.start()
    assert ready.wait(PATIENCE_S)
    try:
        yield where[0]
    finally:
        stop.set()
        thread.join()


def first(frames: Iterator[ReceivedFrame], count: int) -> list[ReceivedFrame]:
    return list(itertools.islice(frames, count))


def header(**change: Any) -> Header:
    values: dict[str, Any] = {
        "stream": "main", "view": "fused", "seq": 3, "shape": (48, 64, 3), "pixel_format": "rgb24",
        "encoding": "raw", "t_visible_ns": 1, "t_thermal_ns": None, "clock_visible": "rtcp",
        "clock_thermal": None, "pairing_error_ms": None, "flags": ("single",), "registration": None,
        "model": {"name": "default", "sha256": "00" * 32}, "latency_ms": 12.5,
    }  # fmt: skip
    return Header(**values | change)


def test_every_frame_arrives_whole_and_in_order() -> None:
    with publishing() as address:
        frames = first(Subscriber(address).every(PATIENCE_S), 30)
    assert [frame.header.seq for frame in frames] == list(
        range(frames[0].header.seq, frames[0].header.seq + 30)
    )
    assert not any(frame.missed for frame in frames)
    for frame in frames:
        assert np.array_equal(frame.pixels, fused_frame(frame.header.seq).pixels)
        assert not frame.pixels.flags.writeable
        assert frame.header.latency_ms is not None and 0 <= frame.header.latency_ms < 1000


def test_a_socket_of_this_machine(tmp_path: Path) -> None:
    with publishing(f"zmq+ipc://{tmp_path}/fused") as address:
        assert address == f"ipc://{tmp_path}/fused"
        frames = first(Subscriber(address).every(PATIENCE_S), 20)
        assert first(Subscriber(address).latest(PATIENCE_S), 3)
    assert not any(frame.missed for frame in frames)


def test_streams_that_share_an_address_are_told_apart_by_topic() -> None:
    """Two publishers connect to one proxy; a reader of each, though one name begins with the other."""
    context = zmq.Context()
    entry, way_out = context.socket(zmq.XSUB), context.socket(zmq.XPUB)
    inner = f"zmq+tcp://127.0.0.1:{entry.bind_to_random_port('tcp://127.0.0.1')}?connect=1"
    outer = f"tcp://127.0.0.1:{way_out.bind_to_random_port('tcp://127.0.0.1')}"

    def forward() -> None:
        with entry, way_out, suppress(zmq.ContextTerminated):
            zmq.proxy(entry, way_out)

    thread = threading.Thread(target=forward)
    thread.start()
    with publishing(f"{inner}&stream=roof"), publishing(f"{inner}&stream=roof-2", size=(80, 60)):
        small = first(Subscriber(outer, "roof").every(PATIENCE_S), 20)
        large = first(Subscriber(outer, "roof-2").latest(PATIENCE_S), 20)
    context.term()
    thread.join()
    assert {frame.pixels.shape for frame in small} == {(48, 64, 3)}
    assert {frame.pixels.shape for frame in large} == {(60, 80, 3)}
    assert not any(frame.missed or frame.restarted for frame in small)


@pytest.mark.parametrize(("view", "shape"), [("visible", (48, 64, 3)), ("thermal", (48, 64))])
def test_other_views_are_topics(view: str, shape: tuple[int, ...]) -> None:
    with publishing("zmq+tcp://127.0.0.1:0?stream=roof") as address:
        (frame,) = first(Subscriber(address, "roof", view).every(PATIENCE_S), 1)
    assert frame.pixels.shape == shape and frame.header.view == view
    assert np.array_equal(frame.pixels, getattr(fused_frame(frame.header.seq), view))


def test_a_slow_reader_of_the_latest_sees_fresh_frames() -> None:
    """At five frames a second from a hundred; in a queue each frame would be 0.19 s older than the last."""
    with publishing(rate=100, size=(320, 240)) as address:
        ages_ms = []
        for frame in itertools.islice(Subscriber(address).latest(PATIENCE_S), 8):
            ages_ms.append(time.time() * 1000 - (frame.header.t_visible_ns or 0) / 1e6)
            time.sleep(0.2)
    # The first two may have waited for the connection.
    assert sorted(ages_ms[2:])[3] < patience(60)


def test_a_reader_that_never_reads_holds_nobody_up() -> None:
    with (
        publishing(rate=200, size=(640, 480)) as address,
        zmq.Context() as context,
        context.socket(zmq.SUB) as dead,
    ):
        dead.setsockopt(zmq.SUBSCRIBE, b"")
        dead.setsockopt(zmq.RCVHWM, 1)
        dead.connect(address)
        time.sleep(0.3)
        frames = first(Subscriber(address).every(PATIENCE_S), 100)
    sequence = [frame.header.seq for frame in frames]
    assert sequence[-1] - sequence[0] == 99


def test_nothing_is_made_while_nobody_subscribes(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(PublisherSink, "_publish", lambda self, frame, view, *rest: made.append(view))
    with PublisherSink(parse_uri("zmq+tcp://127.0.0.1:0"), OPTIONS) as sink:
        sink.write(fused_frame(0))
        assert not made
        with zmq.Context() as context, context.socket(zmq.SUB) as reader:
            reader.setsockopt(zmq.SUBSCRIBE, b"main/thermal")
            reader.connect(sink.endpoint)
            until_s = time.monotonic() + PATIENCE_S
            while not made and time.monotonic() < until_s:
                sink.write(fused_frame(1))
                time.sleep(0.01)
    assert set(made) == {"thermal"}


def test_jpeg() -> None:
    with publishing("zmq+tcp://127.0.0.1:0?encoding=jpeg&quality=95") as address:
        (frame,) = first(Subscriber(address).every(PATIENCE_S), 1)
    difference = np.abs(frame.pixels.astype(int) - fused_frame(frame.header.seq).pixels.astype(int))
    assert difference.mean() < 3 and frame.header.encoding == "jpeg"


def test_a_reader_goes_on_when_the_publisher_comes_back() -> None:
    with publishing() as address:
        frames = Subscriber(address).every(PATIENCE_S)
        assert first(frames, 3)
    back_ns = time.time_ns()
    with publishing(f"zmq+{address}"):
        again = next(frame for frame in frames if (frame.header.t_visible_ns or 0) > back_ns)
    assert np.array_equal(again.pixels, fused_frame(again.header.seq).pixels)


def test_gaps_are_told() -> None:
    with zmq.Context() as context, context.socket(zmq.PUB) as socket:
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        frames = Subscriber(f"tcp://127.0.0.1:{port}").every(PATIENCE_S)
        stop = threading.Event()

        def send() -> None:
            for seq in itertools.count(0, 3):
                body = bytes(48 * 64 * 3)
                socket.send_multipart([b"main/fused", header(seq=seq).as_json(), body])
                if stop.wait(0.01):
                    return

        thread = threading.Thread(target=send)
        thread.start()
        missed = [frame.missed for frame in first(frames, 5)]
        stop.set()
        thread.join()
        frames.close()  # type: ignore[attr-defined]
    assert missed == [0, 2, 2, 2, 2]


def test_asyncio() -> None:
    async def collect(address: str) -> list[int]:
        found = []
        async for frame in AsyncSubscriber(address).latest():
            found.append(frame.header.seq)
            if len(found) == 5:
                return found
        return found

    with publishing() as address:
        found = asyncio.run(asyncio.wait_for(collect(address), PATIENCE_S))
    assert found == sorted(set(found))


GOOD = header().as_json()
BODY = bytes(48 * 64 * 3)


@pytest.mark.parametrize(
    "message",
    [
        [b"main/fused"],
        [b"main/fused", GOOD],
        [b"main/fused", GOOD, BODY[:-1]],
        [b"main/fused", b"\xff\xfe", BODY],
        [b"main/fused", b"[" * 100_000, BODY],
        [b"main/fused", b"{}", BODY],
        [b"main/fused", header(shape=(10**9, 10**9, 3)).as_json(), BODY],
        [b"main/fused", header(encoding="jpeg").as_json(), b"no picture"],
        [b"main/fused", GOOD.replace(b'"seq":3', b'"seq":"x"'), BODY],
        [b"main/fused", GOOD, BODY, b"more"],
    ],
)
def test_garbage_is_passed_over(message: list[bytes], caplog: pytest.LogCaptureFixture) -> None:
    with zmq.Context() as context, context.socket(zmq.PUB) as socket:
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        subscriber = Subscriber(f"tcp://127.0.0.1:{port}")
        frames, stop = subscriber.every(PATIENCE_S), threading.Event()

        def send() -> None:
            for seq in itertools.count():
                if stop.wait(0.01):
                    return
                for _ in range(3):
                    socket.send_multipart(message)
                socket.send_multipart([b"main/fused", header(seq=seq).as_json(), BODY])

        thread = threading.Thread(target=send)
        thread.start()
        found = first(frames, 3)
        stop.set()
        thread.join()
        frames.close()  # type: ignore[attr-defined]
    assert len(found) == 3 and subscriber.malformed >= 3
    assert len([line for line in caplog.messages if "are passed over" in line]) == 1


def test_the_one_part_form_is_checked_too() -> None:
    from stream.zeromq.message import split_one_part

    whole = one_part_head(b"main/fused", GOOD) + BODY
    data, body = split_one_part(memoryview(whole))
    assert parse_header(data) == header() and bytes(body) == BODY
    for broken in (b"", b"latest/main/fused", whole[:25], b"x\0" + struct.pack("<I", 2**31) + BODY):
        with pytest.raises(MessageError):
            split_one_part(memoryview(broken))


def test_a_message_of_a_later_version_is_an_error() -> None:
    later = GOOD.replace(b"gifnet.frame/1", b"gifnet.frame/2")
    with pytest.raises(MessageError, match=r"this client reads 'gifnet\.frame/1'; update"):
        parse_header(later)


def test_headers_are_as_the_schema_says() -> None:
    schema = json.loads(SCHEMA_FILE.read_text())
    for values in (
        json.loads(GOOD),
        json.loads(header(flags=(), registration={"id": "a", "sha256": "0" * 64}).as_json()),
    ):
        assert (
            set(values) == set(schema["required"]) == set(schema["properties"]) - {"radiometry", "epoch_ns"}
        )
        assert values["schema"] == SCHEMA == schema["properties"]["schema"]["const"]
        for name, rule in schema["properties"].items():
            if "enum" in rule:
                assert values[name] in rule["enum"]


def test_only_known_clients_get_in(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    (alice,) = make_keys(folder, ("alice",))
    (mallory,) = make_keys(tmp_path / "others", ("mallory",))
    with publishing(f"zmq+tcp://127.0.0.1:0?keys={folder}") as address:
        known = Subscriber(address, keys=(alice, folder / "server.key"))
        assert len(first(known.every(PATIENCE_S), 3)) == 3
        stranger = Subscriber(address, keys=(mallory, folder / "server.key"))
        assert first(stranger.every(0.7), 1) == []
        assert first(Subscriber(address).every(0.7), 1) == []
    assert (folder / "alice.key_secret").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("zmq+tcp://0.0.0.0:5556", "would be open to everybody who reaches this machine"),
        ("zmq+tcp://example.org:5556", "would be open to everybody"),
        ("zmq+tcp://127.0.0.1:0?colour=1", "unknown option colour; known are connect, encoding, keys"),
        ("zmq+tcp://127.0.0.1:7?connect=1&keys=k", "leave out keys, or connect"),
        ("zmq+tcp://127.0.0.1:x?connect=1", "cannot be"),
        ("zmq+tcp://127.0.0.1:0?encoding=h264", "encoding must be raw or jpeg, got 'h264'"),
        ("zmq+tcp://127.0.0.1:0?stream=a/b", "stream must be a name without '/'"),
        ("zmq+tcp://127.0.0.1:0?queue_mb=-1", "queue_mb must be a number from 1 to 100000"),
        ("zmq+tcp://127.0.0.1:0?keys=nowhere", "holds no keys of a server and its clients"),
        ("zmq+tcp://127.0.0.1:x", "cannot be bound"),
    ],
)
def test_wrong_addresses(uri: str, says: str) -> None:
    with pytest.raises(SinkError, match=says.replace("(", r"\(")):
        PublisherSink(parse_uri(uri), OPTIONS)


def test_an_address_that_is_taken() -> None:
    with publishing() as address, pytest.raises(SinkError, match=r"cannot be bound.*name another port"):
        PublisherSink(parse_uri(f"zmq+{address}"), OPTIONS)


def test_a_client_needs_neither_torch_nor_av() -> None:
    code = (
        "import sys\nimport stream.client\n"
        "assert not {'torch', 'av', 'cv2', 'pydantic'} & set(sys.modules), sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_run_is_listened_to_from_another_process(tmp_path: Path) -> None:
    with zmq.Context() as context, context.socket(zmq.PUB) as probe:
        port = probe.bind_to_random_port("tcp://127.0.0.1")
    street = "loop://synthetic://street?seed=1&size=64x48&duration=2"
    run = subprocess.Popen(
        [sys.executable, "-m", "stream", "run", street, street, "--model", "null", "--quiet",
         "-o", f"zmq+tcp://127.0.0.1:{port}?stream=street"]
    )  # fmt: skip
    try:
        done = subprocess.run(
            [sys.executable, "-m", "stream", "listen", f"tcp://127.0.0.1:{port}", "--stream", "street",
             "--count", "40", "--timeout-s", "20", "--save", str(tmp_path / "kept")],
            capture_output=True, text=True, timeout=patience(60),
        )  # fmt: skip
    finally:
        run.terminate()
        run.wait()
    assert done.returncode == 0, done.stderr
    assert "frames/s, age p50" in done.stdout
    lines = [json.loads(line) for line in (tmp_path / "kept" / "frames.jsonl").read_text().splitlines()]
    assert len(lines) == 40 == len(list((tmp_path / "kept").glob("*.png")))
    assert lines[0]["model"] == {"name": "none", "sha256": ""} and lines[0]["clock_visible"]


def test_listening_to_nobody(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "stream", "listen", "tcp://127.0.0.1:1", "--timeout-s", "0.3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=patience(60))
    assert done.returncode == 1
    assert "no frame came from tcp://127.0.0.1:1 for 0.3 s; check address" in done.stderr
