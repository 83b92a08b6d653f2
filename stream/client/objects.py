"""Found objects from the network, as `gifnet run --detect` publishes them; needs pyzmq and numpy only.

    from stream.client import ObjectSubscriber

    for found in ObjectSubscriber("tcp://127.0.0.1:5556").every():
        for each in found.objects:
            each.name, each.score, each.box      # left, top, right, bottom in pixels

`found.seq` is that of the fused frame, so that both can be joined.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zmq

from stream.client.subscriber import KEEPALIVE, LOOK_EVERY_S, Link, load_keys
from stream.runtime.clock import SystemClock
from stream.zeromq.address import client_address
from stream.zeromq.message import MessageError
from stream.zeromq.objects import LARGEST_BODY, OBJECTS, FoundObjects, parse_objects

DEFAULT_QUEUE = 100

_log = logging.getLogger(__name__)


class ObjectSubscriber:
    """Objects found in the frames of one stream; used by one thread.

    Attributes:
        malformed: messages that held no objects of ours, so far.
    """

    def __init__(
        self,
        address: str,
        stream: str = "main",
        keys: tuple[str | Path, str | Path] | None = None,
        queue: int = DEFAULT_QUEUE,
    ) -> None:
        """Nothing is connected before the first message is asked for.

        Args:
            address: of the publisher, `tcp://HOST:PORT` or `ipc://PATH`, the same as for frames.
            stream: id of the camera pair.
            keys: file of the client's secret key and of the server's public one, for an encrypted publisher.
            queue: messages that may wait here.

        Raises:
            ValueError: the address is none, or the key files hold no keys.
        """
        self.malformed = 0
        self._address = client_address(address.strip().removeprefix("zmq+"))
        self._topic, self._queue = f"{stream}/{OBJECTS}".encode(), queue
        self._keys = load_keys(*keys) if keys else None

    def every(self, timeout_s: float | None = None) -> Iterator[FoundObjects]:
        """Objects of one frame after the other, in order; also where nothing was found.

        Args:
            timeout_s: seconds without a message after which it ends; None waits without a limit.

        Raises:
            MessageError: the publisher is of a later version.
        """
        look_every_s = LOOK_EVERY_S
        if timeout_s is not None:
            look_every_s = timeout_s / max(1, math.ceil(timeout_s / LOOK_EVERY_S))
        clock = SystemClock()
        with zmq.Context() as context, context.socket(zmq.SUB) as socket:
            socket.setsockopt(zmq.RCVTIMEO, max(1, round(look_every_s * 1000)))
            with self._connected(socket) as link:
                seen_s = clock.monotonic_s()
                while timeout_s is None or clock.monotonic_s() - seen_s < timeout_s:
                    try:
                        parts = socket.recv_multipart()
                    except zmq.Again:
                        link.look()
                        continue
                    found = self._objects(parts)
                    if found is not None:
                        yield found
                        seen_s = clock.monotonic_s()

    def _connected(self, socket: Any) -> Link:
        socket.setsockopt(zmq.LINGER, 0)
        for option, value in KEEPALIVE.items():
            socket.setsockopt(option, value)
        socket.setsockopt(zmq.MAXMSGSIZE, LARGEST_BODY)
        socket.setsockopt(zmq.RCVHWM, self._queue)
        if self._keys:
            socket.curve_publickey, socket.curve_secretkey, socket.curve_serverkey = self._keys
        socket.setsockopt(zmq.SUBSCRIBE, self._topic)
        return Link(socket, self._address)

    def _objects(self, parts: list[bytes]) -> FoundObjects | None:
        """The objects of a message; None, with one warning, for an invalid message."""
        if parts[0] != self._topic:
            return None
        try:
            if len(parts) != 2:
                raise MessageError(f"the message has {len(parts)} parts where objects have 2")
            return parse_objects(parts[1])
        except MessageError as error:
            self.malformed += 1
            if self.malformed == 1:
                _log.warning("%s: %s; such messages are passed over", self._address, error)
            if "update this client" in str(error):
                raise
            return None
