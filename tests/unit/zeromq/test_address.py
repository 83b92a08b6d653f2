"""Addresses of publishers: completed, or refused before anything waits for them."""

from __future__ import annotations

import pytest

from stream.client import Control, Subscriber
from stream.zeromq.address import client_address


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("127.0.0.1:5556", "tcp://127.0.0.1:5556"),
        (" tcp://camera.local:5556 ", "tcp://camera.local:5556"),
        ("[::1]:5556", "tcp://[::1]:5556"),
        ("tcp://[fe80::1%eth0]:1", "tcp://[fe80::1%eth0]:1"),
        ("ipc:///run/fused", "ipc:///run/fused"),
    ],
)
def test_addresses_are_completed(given: str, meant: str) -> None:
    assert client_address(given) == meant


@pytest.mark.parametrize(
    "given",
    [
        "127.0.0.1",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:",
        "tcp://127.0.0.1:99999",
        "tcp://:5556",
        "ipc://",
        "",
        "::1:5",
    ],
)
def test_addresses_without_host_or_port_are_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"has no host or no port: write tcp://HOST:PORT"):
        Subscriber(given)
    with pytest.raises(ValueError, match="has no host or no port"):
        Control(given)


def test_addresses_of_other_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'http://127.0.0.1:5556' is not the address of a publisher"):
        Subscriber("http://127.0.0.1:5556")
