"""IPv6 of ZeroMQ sockets, which must be allowed before an address is bound or connected to."""

from __future__ import annotations

import ipaddress
import socket as sockets
from typing import Any

import zmq


def allow_ipv6(socket: zmq.Socket[Any], endpoint: str) -> None:
    """Allow IPv6 where an endpoint needs it.

    Elsewhere it stays off: ZeroMQ would take a name such as localhost for its IPv6 address alone, and not
    find a publisher at 127.0.0.1.

    Args:
        socket: not bound or connected yet.
        endpoint: `tcp://HOST:PORT`, IPv6 numbers in brackets; others need nothing.
    """
    if endpoint.startswith("tcp://") and _needs_ipv6(endpoint.removeprefix("tcp://").rpartition(":")[0]):
        socket.setsockopt(zmq.IPV6, 1)


def _needs_ipv6(host: str) -> bool:
    if host.startswith("["):
        return True
    if host in ("", "*", "localhost"):
        return False
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return not _resolves(host, sockets.AF_INET) and _resolves(host, sockets.AF_INET6)


def _resolves(host: str, family: sockets.AddressFamily) -> bool:
    try:
        return bool(sockets.getaddrinfo(host, None, family))
    except (OSError, UnicodeError):
        return False
