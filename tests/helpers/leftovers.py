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
# Position of the start time among the fields of `/proc/PID/stat` that follow the name (proc(5), field 22).
_START = 19


def leftovers(before: set[str], began: int) -> list[str]:
    """Resources that are there now, were not before, and are no process from before the clock tick `began`.

    What is ending gets five seconds.
    """
    end_s = time.monotonic() + patience(_GRACE_S)
    while left := {each for each in resources() - before if not _is_older(each, began)}:
        if time.monotonic() > end_s:
            break
        gc.collect()
        time.sleep(0.02)
    return sorted(left)


def tick() -> int:
    """Now, in the kernel's clock ticks since it booted, as `/proc/PID/stat` gives starts of processes."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))


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


def _is_older(phrase: str, began: int) -> bool:
    """True for a process that started before: the kernel may leave a child out of its list."""
    kind, number, *_ = phrase.split()
    if kind != "process":
        return False
    with suppress(OSError):
        after_name = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2]
        return int(after_name.split()[_START]) < began
    return False


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
