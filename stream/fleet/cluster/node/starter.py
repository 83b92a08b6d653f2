"""Program of a node that starts runs at once: it has loaded their modules, and each run is a fork of it.

    python -m stream.fleet.cluster.node.starter SOCKET

Loading takes a run longer than everything else until its first frame, and its memory is shared by all runs
of the node. An actor connects to SOCKET, sends one request with the descriptors of the log and the lock, and
gets a message with the number of the run's process and, at its end, one with its exit status. A run whose
connection ends gets SIGTERM. The starter ends by itself when it has had nothing to do for ten minutes, or
when an actor with newer code asks.
"""

from __future__ import annotations

import ctypes
import fcntl
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from stream.fleet.cluster.node.code_sign import code_sign

# <sys/prctl.h>; the kernel takes 15 bytes.
_PR_SET_NAME = 15
IDLE_S = 600.0
LARGEST_REQUEST = 1 << 16
# Modules of a live run; a module that is missing here is loaded by the run itself.
MODULES = (
    "stream.cli.run",
    "stream.cli.progress",
    "stream.cli.failure",
    "stream.pipeline.run",
    "stream.runtime.systemd",
    "stream.web.servers",
    "stream.sources.synthetic",
    "stream.sources.video.file",
    "stream.sinks.video.sink",
    "stream.sinks.zeromq.publisher",
    "stream.files.disk_guard",
)


class Starter:
    """The loop: takes requests, forks, and waits for the ends of runs."""

    def __init__(self, path: Path, lock: int) -> None:
        """Listen.

        Args:
            path: of the socket.
            lock: descriptor of the lock on that, given up when the starter is to end.
        """
        self._path, self._lock, self._sign = path, lock, code_sign()
        self._selector = selectors.DefaultSelector()
        self._runs: dict[int, socket.socket] = {}
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(path))
        self._listener.listen(16)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._idle_since_s: float | None = time.monotonic()
        self._ending = False

    def serve(self) -> dict[str, Any] | None:
        """Work; gives the request in the process of a run, and None in this one in the end."""
        while self._runs or not (self._ending or self._has_nothing_to_do()):
            for key, _ in self._selector.select(1.0):
                request: dict[str, Any] | None = key.data(key)
                if request is not None:
                    return request
        if not self._ending:
            self._path.unlink(missing_ok=True)
        return None

    def _has_nothing_to_do(self) -> bool:
        return self._idle_since_s is not None and time.monotonic() - self._idle_since_s > IDLE_S

    def _accept(self, key: selectors.SelectorKey) -> dict[str, Any] | None:
        connection, _ = self._listener.accept()
        data, descriptors, _, _ = socket.recv_fds(connection, LARGEST_REQUEST, 2)
        request: dict[str, Any] = json.loads(data or b"{}")
        if request.get("sign") != self._sign or len(descriptors) != 2:
            # Other code is installed by now: runs that go on keep this process until their end.
            self._ending = True
            os.close(self._lock)
            self._selector.unregister(self._listener)
            self._listener.close()
            connection.close()
            for descriptor in descriptors:
                os.close(descriptor)
            return None
        process = os.fork()
        if process == 0:
            self._become_run(request, descriptors)
            return request
        for descriptor in descriptors:
            os.close(descriptor)
        self._idle_since_s = None
        self._runs[process] = connection
        self._selector.register(os.pidfd_open(process), selectors.EVENT_READ, self._ended(process))
        self._selector.register(connection, selectors.EVENT_READ, self._left(process))
        self._send(connection, {"process": process})
        return None

    def _ended(self, process: int) -> Any:
        def note(key: selectors.SelectorKey) -> None:
            self._selector.unregister(key.fileobj)
            assert isinstance(key.fileobj, int)
            os.close(key.fileobj)
            _, status = os.waitpid(process, 0)
            connection = self._runs.pop(process)
            self._send(connection, {"status": os.waitstatus_to_exitcode(status)})
            with suppress(KeyError):
                self._selector.unregister(connection)
            connection.close()
            if not self._runs:
                self._idle_since_s = time.monotonic()

        return note

    def _left(self, process: int) -> Any:
        def end(key: selectors.SelectorKey) -> None:
            if process not in self._runs:  # it ended in the same moment, and its number may be another's
                return
            self._selector.unregister(key.fileobj)
            os.kill(process, signal.SIGTERM)

        return end

    def _send(self, connection: socket.socket, message: dict[str, Any]) -> None:
        with suppress(OSError):
            connection.send(json.dumps(message).encode())

    def _become_run(self, request: dict[str, Any], descriptors: list[int]) -> None:
        """In the new process: leave everything of the starter behind."""
        os.setsid()
        os.close(self._lock)
        self._selector.close()
        self._listener.close()
        for connection in self._runs.values():
            connection.close()
        log, lock = descriptors
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        os.close(null)
        os.close(log)
        os.set_inheritable(lock, False)
        os.chdir(request["folder"])
        _call_process(f"gifnet-{Path(request['folder']).name}")
        os.environ.clear()
        os.environ.update(request["environment"])


def _call_process(name: str) -> None:
    """Name this process in `top`, where all forks would have one name."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode())


def main() -> None:
    """Load, serve, and in every fork be `gifnet`; end at once where the node has a starter."""
    if os.fork():  # nobody's child: Ray ends those of an actor with it
        os._exit(0)
    path = Path(sys.argv[1])
    lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    for name in MODULES:
        importlib.import_module(name)
    # Collections in a run would copy the pages that all of them share.
    gc.collect()
    gc.freeze()
    request = Starter(path, lock).serve()
    if request is not None:
        sys.argv = ["gifnet", *request["words"]]
        runpy.run_module("stream", run_name="__main__")


if __name__ == "__main__":
    main()
