"""Changes a run from another program, over its control socket; needs pyzmq only.

from stream.client import Control

with Control("tcp://127.0.0.1:5557") as run:
    run.change({"pairing.tolerance_ms": 30})
    run.status()["recent"]["rate"]
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

import zmq
import zmq.auth

from stream.zeromq.address import client_address
from stream.zeromq.ipv6 import allow_ipv6

SCHEMA = "gifnet.control/1"
LARGEST_ANSWER = 4 * 1024 * 1024

__all__ = ["Control", "ControlError"]


class ControlError(RuntimeError):
    """The run refused, or did not answer; one sentence."""


class Control:
    """Asks one run; used by one thread at a time."""

    def __init__(
        self,
        address: str,
        timeout_s: float = 5.0,
        server_key: str | Path | None = None,
        own_key: str | Path | None = None,
    ) -> None:
        """Connect; the run need not be there yet.

        Args:
            address: what `--control` says, for example `tcp://127.0.0.1:5557`.
            timeout_s: how long to wait for an answer.
            server_key: file of the run's public key, where it asks for keys.
            own_key: file of this client's secret key.

        Raises:
            ValueError: the address is none.
        """
        self._address, self._timeout_ms = client_address(address), round(timeout_s * 1000)
        self._keys = (server_key, own_key) if server_key and own_key else None
        self._context = zmq.Context()
        self._socket: zmq.Socket[bytes] | None = None

    def status(self) -> dict[str, Any]:
        """State of the run: rate, latency, cameras, counts; see `RunStatus.status`."""
        return self._ask({"ask": "status"})

    def settings(self) -> dict[str, Any]:
        """Settings that can be changed, by their path."""
        return self._ask({"ask": "settings"})

    def change(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Change settings, all or none; gives what holds then.

        Raises:
            ControlError: one is wrong or cannot be changed; nothing has been.
        """
        return self._ask({"ask": "change", "settings": settings})

    def clip(self, on: bool, view: str = "fused") -> dict[str, Any]:
        """Start or stop a clip; gives its state."""
        return self._ask({"ask": "clip", "on": on, "view": view})

    def close(self) -> None:
        """Disconnect; may be called twice."""
        self._context.destroy(linger=0)

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Disconnect."""
        self.close()

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        socket = self._socket = self._socket or self._connected()
        socket.send(json.dumps({"schema": SCHEMA, **question}).encode())
        if not socket.poll(self._timeout_ms):
            # An answer that comes late must not be taken for that of the next question.
            socket.close(linger=0)
            self._socket = None
            raise ControlError(f"{self._address} gave no answer within {self._timeout_ms / 1000:g} s")
        return self._result(socket.recv())

    def _result(self, answer: bytes) -> dict[str, Any]:
        try:
            values = json.loads(answer)
        except (ValueError, RecursionError):
            values = None
        if isinstance(values, dict) and "error" in values:
            raise ControlError(str(values["error"]))
        if not isinstance(values, dict) or not isinstance(values.get("result"), dict):
            raise ControlError(f"{self._address} gave an answer that is none of a run: check the address")
        result: dict[str, Any] = values["result"]
        return result

    def _connected(self) -> zmq.Socket[bytes]:
        socket = self._context.socket(zmq.REQ)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.MAXMSGSIZE, LARGEST_ANSWER)
        if self._keys:
            socket.curve_serverkey, _ = zmq.auth.load_certificate(self._keys[0])
            socket.curve_publickey, socket.curve_secretkey = zmq.auth.load_certificate(self._keys[1])
        allow_ipv6(socket, self._address)
        socket.connect(self._address)
        return socket
