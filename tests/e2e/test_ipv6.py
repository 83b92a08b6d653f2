"""Every socket of a run at the IPv6 loopback address."""

from __future__ import annotations

import socket
import urllib.request
from pathlib import Path

import pytest

from stream.client import Control, Subscriber
from tests.helpers.media import make_pair
from tests.helpers.patience import patience
from tests.helpers.running import running

PATIENCE_S = patience(20)


def free_port() -> int:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as free:
            return int(free.getsockname()[1])
    except OSError:
        pytest.skip("this machine has no IPv6")


def test_everything_at_an_ipv6_address(tmp_path: Path) -> None:
    visible, thermal = make_pair(tmp_path, count=100, size=(32, 24), rate=10)
    published, control = (f"tcp://[::1]:{free_port()}" for _ in range(2))
    words = ("-o", f"zmq+{published}", "--preview", "[::1]:0", "--metrics", "[::1]:0", "--control", control)
    with running(*words, "--verbose", cameras=(f"loop://{visible}", f"loop://{thermal}")) as run:
        for address in (run.page + "api/status", run.wait_for(r"numbers are at (http://\S+)")[1]):
            assert "[::1]" in address
            with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:
                assert answer.status == 200
        frame = next(Subscriber(published).latest(PATIENCE_S))
        assert frame.pixels.shape == (24, 32, 3)
        with Control(control) as steering:
            assert steering.status()["fused"] > 0


def test_localhost_stays_an_ipv4_name(tmp_path: Path) -> None:
    visible, thermal = make_pair(tmp_path, count=100, size=(32, 24), rate=10)
    port = free_port()
    words = ("-o", f"zmq+tcp://127.0.0.1:{port}", "--preview", "127.0.0.1:0")
    with running(*words, cameras=(f"loop://{visible}", f"loop://{thermal}")):
        assert next(Subscriber(f"tcp://localhost:{port}").latest(PATIENCE_S)).pixels.shape == (24, 32, 3)
