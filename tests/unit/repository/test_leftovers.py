"""Findings of the check after every test."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading

import pytest

from tests.helpers import leftovers as check


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "_GRACE_S", 0.0)


def test_a_daemon_thread_is_found_by_its_name() -> None:
    before, began, end = check.resources(), check.tick(), threading.Event()
    thread = threading.Thread(target=end.wait, name="prefetch", daemon=True)
    thread.start()
    (found,) = check.leftovers(before, began)
    end.set()
    thread.join()
    assert found.startswith("thread prefetch")
    assert not check.leftovers(before, began)


def test_a_socket_is_found() -> None:
    before, began = check.resources(), check.tick()
    with socket.socket():
        (found,) = check.leftovers(before, began)
    assert found.startswith("socket:")
    assert not check.leftovers(before, began)


def test_a_child_process_is_found_running_and_unwaited() -> None:
    before, began = check.resources(), check.tick()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    (found,) = check.leftovers(before, began)
    assert found.startswith(f"process {child.pid}")
    child.communicate()
    assert not check.leftovers(before, began)


def test_a_child_process_that_is_left_is_ended() -> None:
    before, began = check.resources(), check.tick()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        check.end_processes(check.leftovers(before, began))
        assert child.wait() == -signal.SIGKILL
    assert not check.leftovers(before, began)


def test_a_process_from_before_the_test_is_none_even_if_it_was_not_listed() -> None:
    before = check.resources()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        started = check.tick()
        while check.tick() <= started:
            pass
        assert not check.leftovers(before, check.tick())
        child.communicate()
