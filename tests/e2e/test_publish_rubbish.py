"""A client and `gifnet listen` on a socket that sends rubbish between good frames."""

from __future__ import annotations

import itertools
import json
import resource
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import zmq

from stream.client import MessageError, Subscriber
from stream.zeromq.message import LATEST
from tests.helpers.patience import patience

PATIENCE_S = patience(20)
TOPIC = b"main/fused"
BODY = bytes(48 * 64 * 3)
FIELDS: dict[str, Any] = {
    "schema": "gifnet.frame/1", "stream": "main", "view": "fused", "seq": 3, "shape": [48, 64, 3],
    "dtype": "uint8", "pixel_format": "rgb24", "encoding": "raw", "t_visible_ns": 1, "t_thermal_ns": None,
    "clock_visible": "rtcp", "clock_thermal": None, "pairing_error_ms": None, "flags": [],
    "registration": None, "model": {"name": "default", "sha256": "00" * 32}, "latency_ms": 12.5,
}  # fmt: skip


def head(**change: Any) -> bytes:
    return json.dumps(FIELDS | change).encode()


def jpeg(stated: tuple[int, int]) -> bytes:
    """A black JPEG of 48x64 that states another height and width."""
    data = bytes(cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8))[1])
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", *stated) + data[at + 4 :]


def good(seq: int, latest: bool) -> list[bytes]:
    header = head(seq=seq)
    return [_one_part(header, BODY)] if latest else [TOPIC, header, BODY]


@contextmanager
def sending(*messages: list[bytes] | None, latest: bool = False) -> Iterator[str]:
    """A socket that sends these and then a good frame, which None stands for, again and again."""
    stop = threading.Event()
    with zmq.Context() as context, context.socket(zmq.PUB) as socket:
        port = socket.bind_to_random_port("tcp://127.0.0.1")

        def send() -> None:
            for seq, message in enumerate(itertools.cycle([*messages, None])):
                socket.send_multipart(message or good(seq, latest))
                if stop.wait(0.005):
                    return

        thread = threading.Thread(target=send)
        thread.start()
        try:
            yield f"tcp://127.0.0.1:{port}"
        finally:
            stop.set()
            thread.join()
            socket.close(linger=0)


def _one_part(header: bytes, body: bytes) -> bytes:
    return LATEST + TOPIC + b"\0" + struct.pack("<I", len(header)) + header + body


WRONG: dict[str, bytes] = {
    "a time that is text": head(t_visible_ns="now"),
    "a time beyond all time": head(t_visible_ns=10**40),
    "a latency that is no number": head().replace(b"12.5", b"NaN"),
    "a latency without end": head().replace(b"12.5", b"1e999"),
    "flags that are text": head(flags="held"),
    "flags that are numbers": head(flags=[1, 2]),
    "a clock of our own making": head(clock_visible=["rtcp"]),
    "a view that is a list": head(view=["fused"]),
    "a stream that is a number": head(stream=7),
    "no model": head(model=None),
    "a model without name": head(model={}),
    "a format that is a list": head(pixel_format=["rgb24"]),
    "a shape that is a number": head(shape=9216),
    "a shape below nothing": head(shape=[-48, -64, 3]),
    "a shape of booleans": head(shape=[True, True, 3]),
    "a deep header": b"[" * 60_000,
    "a latency of 400 digits": head().replace(b"12.5", b"9" * 400),
    "an error of 400 digits": head(pairing_error_ms=0.5).replace(b"0.5", b"9" * 400),
    "a number of a thousand digits": head().replace(b'"seq": 3', b'"seq": ' + b"9" * 5000),
    "text that is no UTF-8": b'{"schema": "\xff"}',
}


@pytest.mark.parametrize("header", WRONG.values(), ids=WRONG.keys())
def test_wrong_headers_are_passed_over(header: bytes) -> None:
    with sending([TOPIC, header, BODY]) as address:
        subscriber = Subscriber(address)
        frames = subscriber.every(PATIENCE_S)
        assert [next(frames).pixels.shape for _ in range(3)] == [(48, 64, 3)] * 3
        assert subscriber.malformed >= 2
        frames.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("stated", [(65_000, 65_000), (30_000, 30_000), (1, 1), (0, 0)])
def test_a_jpeg_is_as_large_as_its_header_says_before_it_is_decoded(stated: tuple[int, int]) -> None:
    peak_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with sending([TOPIC, head(encoding="jpeg"), jpeg(stated)]) as address:
        subscriber = Subscriber(address)
        frames = subscriber.every(PATIENCE_S)
        assert [next(frames).header.encoding for _ in range(3)] == ["raw"] * 3
        assert subscriber.malformed >= 2
        frames.close()  # type: ignore[attr-defined]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_before < 200_000  # kB


@pytest.mark.parametrize("stated", [(20_000, 20_000), (9000, 9000)])
def test_a_jpeg_of_gigabytes_is_refused_though_its_header_agrees(stated: tuple[int, int]) -> None:
    peak_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with sending([TOPIC, head(encoding="jpeg", shape=[*stated, 3]), jpeg(stated)]) as address:
        subscriber = Subscriber(address)
        frames = subscriber.every(PATIENCE_S)
        assert [next(frames).header.encoding for _ in range(3)] == ["raw"] * 3
        assert subscriber.malformed >= 2
        frames.close()  # type: ignore[attr-defined]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_before < 200_000  # kB


@pytest.mark.parametrize("cut", [0, 1, 10, 20, 21, 24, 30, 200])
def test_half_messages_in_one_part_are_passed_over(cut: int) -> None:
    whole = _one_part(head(), BODY)
    with sending([whole[: len(LATEST) + cut]], [whole[:-1]], latest=True) as address:
        frames = Subscriber(address).latest(PATIENCE_S)
        assert [next(frames).pixels.shape for _ in range(3)] == [(48, 64, 3)] * 3
        frames.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("read", [Subscriber.every, Subscriber.latest])
def test_a_schema_from_the_future_is_said(read: Callable[..., Iterator[Any]]) -> None:
    later = head(schema="gifnet.frame/2")
    message = [_one_part(later, BODY)] if read is Subscriber.latest else [TOPIC, later, BODY]
    with (
        sending(message, message, message) as address,
        pytest.raises(MessageError, match="update this client"),
    ):
        for _ in read(Subscriber(address), PATIENCE_S):
            pass


def test_a_message_that_is_too_large_is_not_taken_in() -> None:
    """Its sender is cut off before it is in memory; the client reconnects."""
    peak_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    huge = bytearray(64_000_000)
    with sending([TOPIC, head(), huge], *[None] * 50) as address:  # type: ignore[list-item]
        frames = Subscriber(address, largest_mb=1).every(PATIENCE_S)
        assert [next(frames).pixels.shape for _ in range(100)] == [(48, 64, 3)] * 100
        frames.close()  # type: ignore[attr-defined]
    # The sent bytes are in this process too, twice at most.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_before < 250_000  # kB


def test_rubbish_alone_is_no_frame() -> None:
    with sending(*[[TOPIC, b"{}", BODY]] * 10_000) as address:
        assert list(Subscriber(address).every(timeout_s=0.5)) == []


def test_listening_to_rubbish(tmp_path: Path) -> None:
    with sending(*[[TOPIC, header, BODY] for header in WRONG.values()], [TOPIC], [b"", b""]) as address:
        command = [sys.executable, "-m", "stream", "listen", address, "--count", "5", "--timeout-s", "20",
                   "--save", str(tmp_path / "kept")]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=patience(60))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("\n") == 1 and "are passed over" in done.stderr
    assert len((tmp_path / "kept" / "frames.jsonl").read_text().splitlines()) == 5
