"""Messages to systemd, on a real datagram socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from stream.runtime.systemd import SystemdNotifier

Inbox = tuple[socket.socket, dict[str, str]]


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as received:
        received.bind(str(tmp_path / "notify"))
        received.settimeout(20)
        yield received, {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "150000"}


def test_ready_alive_and_stopping(inbox: Inbox) -> None:
    received, environment = inbox
    with SystemdNotifier(lambda: "3 frames fused", environment) as systemd:
        items = systemd.watch(iter([1, 2]))
        assert next(items) == 1
        assert received.recv(200) == b"READY=1"
        assert list(items) == [2]
        assert received.recv(200) == b"STATUS=3 frames fused\nWATCHDOG=1"
    messages = [received.recv(200)]
    while messages[-1] != b"STOPPING=1":
        messages.append(received.recv(200))


def test_a_run_that_hangs_is_not_said_to_be_alive(inbox: Inbox) -> None:
    received, environment = inbox
    with SystemdNotifier(lambda: "hangs", environment) as systemd:
        next(systemd.watch(iter([1])))  # never asks for the next
        messages = [received.recv(200) for _ in range(8)]
    assert messages[-1] == b"STATUS=hangs"


def test_one_of_many_runs_that_hangs_counts_and_one_that_has_ended_does_not(inbox: Inbox) -> None:
    received, environment = inbox
    with SystemdNotifier(lambda: "pairs", environment) as systemd:
        next(systemd.watch(iter([1]), one_of_many=True))  # it ends at its first item
        messages = [received.recv(200) for _ in range(4)]
        hangs = systemd.watch(iter([1]), one_of_many=True)
        next(hangs)
        messages += [received.recv(200) for _ in range(8)]
    assert messages[3] == b"STATUS=pairs\nWATCHDOG=1"
    assert messages[-1] == b"STATUS=pairs"


def test_waiting_for_a_camera_is_alive(inbox: Inbox) -> None:
    received, environment = inbox
    come = threading.Event()

    def camera() -> Iterator[int]:
        come.wait(60)
        yield 1

    with SystemdNotifier(lambda: "waits", environment) as systemd:
        reader = threading.Thread(target=list, args=(systemd.watch(camera()),))
        reader.start()
        messages = [received.recv(200) for _ in range(8)]
        come.set()
        reader.join()
    assert messages[0] == b"READY=1" and set(messages[1:]) == {b"STATUS=waits\nWATCHDOG=1"}


def test_nothing_is_sent_where_systemd_is_not_there() -> None:
    with SystemdNotifier(lambda: "", {}) as systemd:
        assert list(systemd.watch(iter([1, 2]))) == [1, 2]
    with SystemdNotifier(lambda: "", {"NOTIFY_SOCKET": "/nowhere/at/all"}) as systemd:
        assert list(systemd.watch(iter([1]))) == [1]
