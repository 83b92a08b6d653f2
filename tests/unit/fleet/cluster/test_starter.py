"""The starter of a node with real processes, which load nothing: bad requests end no run."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from stream.fleet.cluster.node.code_sign import code_sign
from stream.fleet.cluster.node.start_request import LARGEST_MESSAGE, StartRequest, send_request
from stream.fleet.cluster.node.warm_start import WarmProcess, start_warm
from tests.helpers.patience import patience, wait_until

# Runs wait for a signal, or write how large a variable is.
SCRIPT = """
import os, signal, sys
from pathlib import Path
from stream.fleet.cluster.node.starter import Starter
request = Starter(Path(sys.argv[1]), os.open(os.devnull, os.O_RDONLY)).serve()
if request is not None:
    print(len(os.environ.get("LARGE", "")), flush=True)
    if request.words == ["wait"]:
        signal.pause()
"""


@pytest.fixture
def path() -> Iterator[Path]:
    """Socket of a starter; its path is short, for it has 107 bytes at most."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "starter.sock"
        with subprocess.Popen([sys.executable, "-c", SCRIPT, str(path)], start_new_session=True) as starter:
            try:
                wait_until(path.exists)
                yield path
            finally:
                starter.kill()


async def begin(path: Path, folder: Path, word: str) -> WarmProcess:
    with open(os.devnull) as lock:
        async with asyncio.timeout(patience(20)):
            while (process := await start_warm(path, [word], folder, lock.fileno())) is None:
                await asyncio.sleep(0.02)  # it has bound, but does not listen yet
    return process


async def finish(process: WarmProcess) -> int:
    async with asyncio.timeout(patience(20)):
        await process.stdout.read()
        return await process.wait()


def connect(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.settimeout(patience(20))
    try:
        connection.connect(str(path))
    except OSError:
        connection.close()
        raise
    return connection


def test_an_environment_of_any_size_reaches_its_run(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(9):
        monkeypatch.setenv(f"SERVICE_{number}", "x" * 100_000)
    monkeypatch.setenv("LARGE", "x" * 100_000)

    async def live() -> None:
        process = await begin(path, tmp_path, "size")
        assert await process.stdout.readline() == b"100000\n"
        assert await finish(process) == 0

    asyncio.run(live())


SIGN = json.dumps({"sign": code_sign()}).encode()


@pytest.mark.parametrize(
    ("message", "contents"),
    [
        (b"{", []),
        (b"[]", []),
        (b"{}", []),
        (b"\xff" * 70_000, []),
        (b"[" * LARGEST_MESSAGE, []),
        (json.dumps({"sign": code_sign() + "x" * LARGEST_MESSAGE}).encode(), []),
        (SIGN, []),
        (SIGN, [b"", b"", b"{"]),
        (SIGN, [b"", b"", b"[" * 200_000]),
        (SIGN, [b"", b"", b'{"words": [1], "folder": "/", "environment": {}}']),
        (SIGN, [b"", b"", b"", b""]),
    ],
)
def test_a_bad_request_is_refused_and_runs_go_on(
    path: Path, tmp_path: Path, message: bytes, contents: Sequence[bytes]
) -> None:
    async def live() -> None:
        process = await begin(path, tmp_path, "wait")
        files = [os.memfd_create("content") for _ in contents]
        for file, content in zip(files, contents, strict=True):
            os.write(file, content)
        with connect(path) as connection:
            socket.send_fds(connection, [message], files)
            assert await asyncio.to_thread(connection.recv, 100) == b""
        for file in files:
            os.close(file)
        assert await finish(await begin(path, tmp_path, "size")) == 0
        assert process.returncode is None
        process.kill()
        assert await finish(process) == -signal.SIGKILL

    asyncio.run(live())


def test_an_actor_that_stalls_or_dies_before_its_request_holds_nothing_up(path: Path, tmp_path: Path) -> None:
    async def live() -> None:
        process = await begin(path, tmp_path, "wait")
        with connect(path), connect(path) as dying:
            dying.close()
            process.kill()
            assert await finish(process) == -signal.SIGKILL
            assert await finish(await begin(path, tmp_path, "size")) == 0

    asyncio.run(live())


def test_a_starter_of_other_code_takes_nothing_more_and_its_runs_go_on(path: Path, tmp_path: Path) -> None:
    async def live() -> None:
        process = await begin(path, tmp_path, "wait")
        await process.stdout.readline()  # it has left everything of the starter behind
        with connect(path) as connection, open(os.devnull) as null:
            request = StartRequest(["size"], "/", {}, null.fileno(), null.fileno())
            send_request(connection, "later", request)
            assert await asyncio.to_thread(connection.recv, 100) == b""
        with pytest.raises(ConnectionRefusedError):
            connect(path)
        assert process.returncode is None
        process.kill()
        assert await finish(process) == -signal.SIGKILL

    asyncio.run(live())
