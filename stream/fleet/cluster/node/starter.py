"""Program of a node that starts runs at once: it has loaded their modules, and each run is a fork of it.

    python -m stream.fleet.cluster.node.starter SOCKET

Loading takes a run longer than everything else until its first frame, and its memory is shared by all runs
of the node. An actor connects to SOCKET, sends one request, see `start_request`, and gets a message with the
number of the run's process and, at its end, one with its exit status. A run whose connection ends gets
SIGTERM. A bad request is refused by closing its connection. The starter ends by itself when it has had
nothing to do for ten minutes, or when an actor with other code asks.
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
from stream.fleet.cluster.node.start_request import OtherCodeError, StartRequest, receive_request

# <sys/prctl.h>; the kernel takes 15 bytes.
_PR_SET_NAME = 15
IDLE_S = 600.0
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
        self._listener.setblocking(False)
        self._listener.bind(str(path))
        self._listener.listen(16)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._idle_since_s: float | None = time.monotonic()
        self._ending = False

    def serve(self) -> StartRequest | None:
        """Work; gives the request in the process of a run, and None in this one in the end."""
        while self._runs or not (self._ending or self._has_nothing_to_do()):
            for key, _ in self._selector.select(1.0):
                request: StartRequest | None = key.data(key)
                if request is not None:
                    return request
        if not self._ending:
            self._path.unlink(missing_ok=True)
        return None

    def _has_nothing_to_do(self) -> bool:
        return self._idle_since_s is not None and time.monotonic() - self._idle_since_s > IDLE_S

    def _accept(self, key: selectors.SelectorKey) -> None:
        with suppress(OSError):  # the actor is gone again, or this process has too many descriptors
            connection, _ = self._listener.accept()
            connection.setblocking(False)
            self._selector.register(connection, selectors.EVENT_READ, self._take)

    def _take(self, key: selectors.SelectorKey) -> StartRequest | None:
        """Take the request of a connection; gives it in the process of its run."""
        connection = key.fileobj
        assert isinstance(connection, socket.socket)
        try:
            request = receive_request(connection, self._sign)
        except BlockingIOError:
            return None
        except (OSError, ValueError, OtherCodeError) as error:
            if isinstance(error, OtherCodeError):
                self._begin_to_end()
            self._refuse(connection)
            return None
        try:
            process = -1 if self._ending else os.fork()
        except OSError:  # of too many processes
            process = -1
        if process == 0:
            self._become_run(request)
            return request
        request.close()
        if process < 0 or not self._watch(process, connection):
            self._refuse(connection)
        return None

    def _watch(self, process: int, connection: socket.socket) -> bool:
        """Wait for the end of a run and of its connection; False, and no run, for want of descriptors."""
        try:
            end = os.pidfd_open(process)
        except OSError:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return False
        self._idle_since_s = None
        self._runs[process] = connection
        self._selector.register(end, selectors.EVENT_READ, self._ended(process))
        self._selector.modify(connection, selectors.EVENT_READ, self._left(process))
        self._send(connection, {"process": process})
        return True

    def _refuse(self, connection: socket.socket) -> None:
        self._selector.unregister(connection)
        connection.close()

    def _begin_to_end(self) -> None:
        """Make room for a starter of other code; runs that go on keep this process until their end."""
        if not self._ending:
            self._ending = True
            os.close(self._lock)
            self._selector.unregister(self._listener)
            self._listener.close()

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

    def _become_run(self, request: StartRequest) -> None:
        """In the new process: leave everything of the starter behind."""
        os.setsid()
        os.close(self._lock)
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
            elif isinstance(key.fileobj, int):
                os.close(key.fileobj)
        self._selector.close()
        for connection in self._runs.values():
            connection.close()
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (request.log, 1), (request.log, 2)):
            os.dup2(source, target)
        os.close(null)
        os.close(request.log)
        os.chdir(request.folder)
        _call_process(f"gifnet-{Path(request.folder).name}")
        os.environ.clear()
        os.environ.update(request.environment)


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
        sys.argv = ["gifnet", *request.words]
        runpy.run_module("stream", run_name="__main__")


if __name__ == "__main__":
    main()
