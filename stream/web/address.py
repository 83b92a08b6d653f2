"""Addresses to bind: HOST:PORT, and who can reach them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from stream.config.shown import shown
from stream.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Address:
    """Address that a server listens on.

    Attributes:
        host: name or number; without the brackets of IPv6.
        port: 0 lets the system choose.
    """

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """True when only this machine can reach it."""
        return is_loopback(self.host)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_address(text: str, setting: str) -> Address:
    """HOST:PORT, where IPv6 stands in brackets.

    Args:
        text: as it was given.
        setting: its name, for the message.

    Raises:
        ConfigError: it is none.
    """
    host, colon, port = text.rpartition(":")
    got = shown(text, may_be_secret="@" in text)
    bare = host.removeprefix("[").removesuffix("]")
    if not colon or not bare or (":" in bare) != host.startswith("["):
        raise ConfigError(f"{setting} must be HOST:PORT, for example 127.0.0.1:8080, got {got}")
    if not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise ConfigError(f"{setting} must have a port from 0 to 65535, got {got}")
    return Address(bare, int(port))


def is_loopback(host: str) -> bool:
    """True when a host's name or number is this machine's own."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
