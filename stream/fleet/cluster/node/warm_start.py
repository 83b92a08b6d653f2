"""The side of an actor: a run by the node's starter, and the starter itself."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from stream.fleet.cluster.node.code_sign import code_sign
from stream.fleet.cluster.node.start_request import StartRequest, send_request
from stream.runtime.own_folder import runtime_folder

_ANSWER_S = 2.0
_LARGEST_ANSWER = 4096


class WarmProcess:
    """A run that the starter began; answers as a process of asyncio does.

    Attributes:
        pid: its number.
        returncode: exit status, below zero for a signal; None while it runs.
        stdout: what it writes.
    """

    def __init__(self, pid: int, connection: socket.socket, stdout: asyncio.StreamReader) -> None:
        """Wait for its end.

        Args:
            pid: its number.
            connection: to the starter; the run ends with it.
            stdout: what it writes.
        """
        self.pid, self.stdout = pid, stdout
        self.returncode: int | None = None
        self._connection = connection
        self._ended = asyncio.create_task(self._wait())

    async def wait(self) -> int:
        """Exit status, once it has ended."""
        return await asyncio.shield(self._ended)

    def send_signal(self, number: int) -> None:
        """Send a signal.

        Raises:
            ProcessLookupError: it has ended.
        """
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    async def _wait(self) -> int:
        answer = await _answer(self._connection)
        self._connection.close()
        if answer is None:  # the starter is gone; it has nobody now who would wait for it
            with suppress(ProcessLookupError):
                self.send_signal(signal.SIGTERM)
            while Path(f"/proc/{self.pid}").exists():
                await asyncio.sleep(0.1)
            answer = {"status": -signal.SIGTERM}
        self.returncode = answer["status"]
        return self.returncode


def starter_socket(node: str) -> Path:
    """The socket of a node's starter."""
    return runtime_folder() / f"starter-{node[:16] or 'node'}.sock"


async def start_warm(path: Path, words: Sequence[str], folder: Path, lock: int) -> WarmProcess | None:
    """Start a run by the starter; None where there is none, or one of older code, which then ends.

    Args:
        path: of the starter's socket.
        words: command line behind `gifnet`.
        folder: in which it runs.
        lock: descriptor of the node's lock, which it holds as long as it lives.
    """
    sign = await asyncio.to_thread(code_sign)  # takes longer than the rest: the starter is not kept waiting
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.setblocking(False)
    reading, writing = os.pipe()
    try:
        connection.connect(str(path))
        request = StartRequest(list(words), str(folder), dict(os.environ), writing, lock)
        send_request(connection, sign, request)
        answer = await asyncio.wait_for(_answer(connection), _ANSWER_S)
    except (OSError, TimeoutError):
        answer = None
    finally:
        os.close(writing)
    if answer is None:
        connection.close()
        os.close(reading)
        return None
    stdout = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stdout), os.fdopen(reading, "rb", 0)
    )
    return WarmProcess(answer["process"], connection, stdout)


def begin_starter(path: Path) -> None:
    """Start the starter of a node, for the next run; it lives on without this process."""
    # One thread at a fork: OpenBLAS would begin some while it loads.
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    subprocess.run(
        [sys.executable, "-m", "stream.fleet.cluster.node.starter", str(path)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        check=False,
    )


async def _answer(connection: socket.socket) -> dict[str, int] | None:
    """The next message of the starter; None where the connection has ended."""
    try:
        data = await asyncio.get_running_loop().sock_recv(connection, _LARGEST_ANSWER)
    except OSError:
        return None
    values: dict[str, int] | None = json.loads(data) if data else None
    return values
