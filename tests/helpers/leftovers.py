"""Threads, sockets and child processes of this process, to find what a test leaves behind."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

from tests.helpers.patience import patience

# Threads and processes that libraries start once and keep, by the start of the name or by module.
_KEPT_THREADS = ("asyncio_", "pytest_timeout", "execnet", "pydevd")
_KEPT_THREAD_MODULES = ("zmq.utils.garbage",)
_KEPT_PROCESSES = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")
# A camera that is still being opened when a run ends is left to end by itself.
_GRACE_S = 5.0


def leftovers(before: set[str]) -> list[str]:
    """Resources that are there now and were not before; what is ending gets five seconds."""
    end_s = time.monotonic() + patience(_GRACE_S)
    while left := resources() - before:
        if time.monotonic() > end_s:
            break
        gc.collect()
        time.sleep(0.02)
    return sorted(left)


def resources() -> set[str]:
    """Every thread, open socket and child process, each as a phrase with its name and number."""
    return _threads() | _sockets() | _children()


def end_processes(left: list[str]) -> None:
    """Kill the processes among what was left: of a test that failed half way, they would slow all others."""
    for phrase in left:
        kind, number, *_ = phrase.split()
        if kind == "process":
            with suppress(ProcessLookupError):
                os.kill(int(number), signal.SIGKILL)


def _threads() -> set[str]:
    return {
        f"thread {thread.name} ({thread.ident})"
        for thread in threading.enumerate()
        if thread.is_alive()
        and not thread.name.startswith(_KEPT_THREADS)
        and type(thread).__module__ not in _KEPT_THREAD_MODULES
    }


def _sockets() -> set[str]:
    found = set()
    for path in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            target = os.readlink(path)
            if target.startswith("socket:"):
                found.add(f"{target} (file {path.name})")
    return found


def _children() -> set[str]:
    found = set()
    for path in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            for number in path.read_text().split():
                line = Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ").decode()
                if not any(kept in line for kept in _KEPT_PROCESSES):
                    found.add(f"process {number} {line.strip() or 'that ended and was not waited for'}")
    return found
