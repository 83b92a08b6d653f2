"""The request of an actor for a run, as a message to the starter of its node.

The message has the sign of the code; the log, the lock and a file in memory with all else come as
descriptors, so that an environment of any size fits.
"""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

LARGEST_MESSAGE = 4096
# Linux starts no program with more than 6 MB of words and environment.
LARGEST_CONTENT = 16 << 20
_DESCRIPTORS = 3


class OtherCodeError(Exception):
    """A request of code that is not this process's, as after an upgrade."""


@dataclass(frozen=True, slots=True)
class StartRequest:
    """A run that is to begin.

    Attributes:
        words: command line behind `gifnet`.
        folder: in which it runs.
        environment: of it.
        log: descriptor that takes what it writes.
        lock: descriptor of the node's lock.
    """

    words: list[str]
    folder: str
    environment: dict[str, str]
    log: int
    lock: int

    def close(self) -> None:
        """Close both descriptors."""
        os.close(self.log)
        os.close(self.lock)


def send_request(connection: socket.socket, sign: str, request: StartRequest) -> None:
    """Send a request; its descriptors stay open here.

    Raises:
        OSError: it cannot be sent.
    """
    content = {"words": request.words, "folder": request.folder, "environment": request.environment}
    file = os.memfd_create("gifnet-request")
    try:
        with open(file, "wb", closefd=False) as writer:
            writer.write(json.dumps(content).encode())
        message = json.dumps({"sign": sign}).encode()
        socket.send_fds(connection, [message], [request.log, request.lock, file])
    finally:
        os.close(file)


def receive_request(connection: socket.socket, sign: str) -> StartRequest:
    """Take a request from a connection that does not block.

    Raises:
        BlockingIOError: it has not come yet.
        OtherCodeError: it is of other code.
        OSError: the connection has ended.
        ValueError: it is none.
    """
    message, descriptors, flags, _ = socket.recv_fds(
        connection, LARGEST_MESSAGE, _DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
    )
    kept: Sequence[int] = ()
    try:
        if not message:
            raise ConnectionResetError("the connection has ended without a request")
        if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            raise ValueError("the message is too large")
        if _sign_in(message) != sign:
            raise OtherCodeError
        if len(descriptors) != _DESCRIPTORS:
            raise ValueError(f"{len(descriptors)} descriptors came in place of {_DESCRIPTORS}")
        request = _request(_content_of(descriptors[2]), descriptors[0], descriptors[1])
        kept = descriptors[:2]
        return request
    finally:
        for descriptor in descriptors:
            if descriptor not in kept:
                os.close(descriptor)


def _sign_in(message: bytes) -> str:
    values = _object(message)
    sign = values.get("sign")
    if not isinstance(sign, str):
        raise ValueError("the message has no sign")
    return sign


def _content_of(file: int) -> dict[str, Any]:
    about = os.fstat(file)
    if not stat.S_ISREG(about.st_mode) or about.st_size > LARGEST_CONTENT:
        raise ValueError("the content is no file, or too large")
    return _object(os.pread(file, LARGEST_CONTENT, 0))


def _object(text: bytes) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(values, dict):
        raise ValueError("it is no JSON object")
    return values


def _request(values: dict[str, Any], log: int, lock: int) -> StartRequest:
    words, folder, environment = (values.get(key) for key in ("words", "folder", "environment"))
    if not isinstance(words, list) or not isinstance(folder, str) or not isinstance(environment, dict):
        raise ValueError("words, folder or environment are missing")
    if not all(isinstance(each, str) for each in (*words, *environment.values())):
        raise ValueError("words and environment must be text")
    return StartRequest(words, folder, environment, log, lock)
