"""A run that is asked and changed over ZeroMQ."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from stream.client.control import Control, ControlError
from stream.zeromq.curve_keys import make_keys
from tests.helpers.patience import patience, wait_until
from tests.helpers.running import Running, running

PATIENCE_MS = int(patience(10_000))


@pytest.fixture(scope="module")
def run() -> Iterator[Running]:
    words = ("--control", "tcp://127.0.0.1:0", "-o", "null://", "--verbose")
    with running(*words) as process:
        with Control(address(process)) as control:
            wait_for_frames(control)
        yield process
        assert "Traceback" not in process.stop()


def address(run: Running) -> str:
    return run.wait_for(r"the control socket is (\S+)")[1]


def wait_for_frames(control: Control) -> None:
    wait_until(lambda: not control.status()["not_ready"])


def test_it_tells_and_changes(run: Running) -> None:
    with Control(address(run)) as control:
        assert control.status()["schema"] == "gifnet.status/1"
        assert control.change({"pairing.tolerance_ms": 31})["pairing.tolerance_ms"] == 31
        assert control.settings()["pairing.tolerance_ms"] == 31
        with pytest.raises(ControlError, match=r"gain\.low: it should be less than 100"):
            control.change({"gain.low": 200})
        with pytest.raises(ControlError, match=r"visible\.uri cannot be changed"):
            control.change({"visible.uri": "x"})
        assert control.clip(False)["recording"] is False
    run.wait_for("the control socket changed pairing.tolerance_ms to 31.0")


def test_rubbish_is_answered_with_a_sentence_or_dropped_and_said_once(run: Running) -> None:
    rubbish = [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b"[" * 60_000,
        b'{"schema": "gifnet.control/2", "ask": "status"}',
        b'{"schema": "gifnet.control/1", "ask": "shutdown"}',
        b'{"schema": "gifnet.control/1", "ask": "change"}',
        b'{"schema": "gifnet.control/1", "ask": "change", "settings": {"gain.low": {"a": [1]}}}',
        b'{"schema": "gifnet.control/1", "ask": "clip"}',
        b'{"schema": "gifnet.control/1", "ask": "clip", "on": 1}',
    ]
    context = zmq.Context()
    with context.socket(zmq.DEALER) as dealer:
        dealer.connect(address(run))
        for body in rubbish:
            dealer.send(body)
            assert dealer.poll(PATIENCE_MS), body[:60]
            answer = json.loads(dealer.recv())
            assert answer["schema"] == "gifnet.control/1" and answer["error"], body[:60]
        dealer.send_multipart([b"one", b"two", b"three"])
        dealer.send_multipart([b"not empty", b"{}"])
        dealer.setsockopt(zmq.LINGER, 0)
    with context.socket(zmq.DEALER) as large:
        large.setsockopt(zmq.LINGER, 0)
        large.connect(address(run))
        large.send(b"x" * 1_000_000)
        assert not large.poll(300)
    context.destroy(linger=0)
    host, port = address(run).removeprefix("tcp://").rsplit(":", 1)
    with socket.create_connection((host, int(port))) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(5000))
    with socket.create_connection((host, int(port))) as half:
        half.sendall(b"\xff\0\0\0")
        with Control(address(run)) as control:
            assert not control.status()["not_ready"]
    complaints = [line for line in run.said if "control socket" in line and "changed" not in line]
    assert len(complaints) <= 3, complaints


def test_a_client_that_never_reads_keeps_nobody_waiting(run: Running) -> None:
    context = zmq.Context()
    with context.socket(zmq.DEALER) as deaf, Control(address(run)) as control:
        deaf.setsockopt(zmq.LINGER, 0)
        deaf.setsockopt(zmq.RCVHWM, 1)
        deaf.connect(address(run))
        for _ in range(500):
            deaf.send(b'{"schema": "gifnet.control/1", "ask": "status"}')
        assert not control.status()["not_ready"]
    context.destroy(linger=0)


def test_nobody_answers() -> None:
    with (
        Control("tcp://127.0.0.1:9", timeout_s=0.2) as control,
        pytest.raises(ControlError, match="no answer"),
    ):
        control.status()


def test_keys_let_known_clients_in_and_nobody_else(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    (secret,) = make_keys(keys, ("alice",))
    words = ("--control", "tcp://127.0.0.1:0", "--control-keys", keys, "-o", "null://", "--verbose")
    with running(*words) as run:
        where = address(run)
        with Control(where, server_key=keys / "server.key", own_key=secret) as alice:
            assert alice.status()["schema"] == "gifnet.status/1"
        stranger = tmp_path / "stranger"
        (other,) = make_keys(stranger, ("mallory",))
        with (
            Control(where, timeout_s=0.5, server_key=keys / "server.key", own_key=other) as mallory,
            pytest.raises(ControlError, match="no answer"),
        ):
            mallory.status()
        with Control(where, timeout_s=0.5) as nobody, pytest.raises(ControlError, match="no answer"):
            nobody.status()
