"""Addresses that a client connects to, checked: libzmq takes some that can never answer."""

from __future__ import annotations

import re

_TCP = re.compile(r"tcp://(?:\[[^\s\]]+\]|[^\s/:\[\]]+):(\d{1,5})")
_FORMS = "write tcp://HOST:PORT, as in tcp://127.0.0.1:5556, or ipc://PATH"
_SCHEMES = ("tcp", "ipc", "inproc")


def client_address(address: str) -> str:
    """An address with its scheme, `tcp://` where none is given.

    Raises:
        ValueError: it has no port, an unknown scheme, or is no address; one sentence.
    """
    whole = address.strip()
    if "://" not in whole:
        whole = f"tcp://{whole}"
    scheme, _, rest = whole.partition("://")
    if scheme not in _SCHEMES:
        raise ValueError(f"{address!r} is not the address of a publisher: {_FORMS}")
    if not rest or (scheme == "tcp" and not _has_port(whole)):
        raise ValueError(f"{address!r} has no host or no port: {_FORMS}")
    return whole


def _has_port(address: str) -> bool:
    match = _TCP.fullmatch(address)
    return match is not None and 0 < int(match[1]) < 65536
