"""ZMTP 3.0 by hand, for peers that do not behave as libzmq would."""

from __future__ import annotations

import socket

NO_KEYS = b"\xff\0\0\0\0\0\0\0\1\x7f\3\0" + b"NULL".ljust(20, b"\0") + bytes(32)


def command(body: bytes) -> bytes:
    """A short command frame."""
    return b"\x04" + bytes([len(body)]) + body


def ready(socket_type: bytes = b"SUB") -> bytes:
    """The READY command, which ends the handshake without keys."""
    return command(b"\x05READY\x0bSocket-Type" + len(socket_type).to_bytes(4, "big") + socket_type)


def subscription(prefix: bytes) -> bytes:
    """A message that subscribes to a prefix."""
    body = b"\1" + prefix
    if len(body) < 256:
        return b"\0" + bytes([len(body)]) + body
    return b"\2" + len(body).to_bytes(8, "big") + body


def connect(address: str) -> socket.socket:
    """Connect to `tcp://HOST:PORT` and say nothing."""
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def join(address: str, socket_type: bytes = b"SUB") -> socket.socket:
    """Connect and finish the handshake, without which a publisher takes no subscription."""
    peer = connect(address)
    peer.sendall(NO_KEYS + ready(socket_type))
    heard = b""
    while b"Socket-Type" not in heard:
        more = peer.recv(4096)
        if not more:
            raise ConnectionResetError("turned away in the handshake")
        heard += more
    return peer
