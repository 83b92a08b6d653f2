"""Fused frames from the network, for a detector to import; needs pyzmq and numpy only.

    from stream.client.subscriber import Subscriber

    with Subscriber("tcp://127.0.0.1:5556") as camera:
        for frame in camera.latest():
            frame.pixels              # [H, W, 3] uint8, read-only, not copied
            frame.header.flags        # held, single, stale

`latest` gives the newest frame whenever it is asked, and skips what came meanwhile; `every` gives all in
order, as far as they arrive. Both reconnect by themselves. `AsyncSubscriber` is the same for asyncio.
"""

from __future__ import annotations

import errno
import logging
import math
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import zmq
import zmq.asyncio
import zmq.auth
from numpy.typing import NDArray

from stream.runtime.clock import SystemClock
from stream.zeromq.address import client_address
from stream.zeromq.ipv6 import allow_ipv6
from stream.zeromq.message import (
    Header,
    MessageError,
    decode_payload,
    latest_topic,
    parse_header,
    split_one_part,
)

__all__ = ["AsyncSubscriber", "MessageError", "ReceivedFrame", "Subscriber"]

DEFAULT_QUEUE = 8
# A new publisher may repeat frames of the last seconds that the one before sent.
AGAIN_NS = 5_000_000_000
DEFAULT_LARGEST_MB = 128.0
LONGEST_TOPIC = 255
KEEPALIVE = {
    zmq.TCP_KEEPALIVE: 1,
    zmq.TCP_KEEPALIVE_IDLE: 15,
    zmq.TCP_KEEPALIVE_INTVL: 5,
    zmq.TCP_KEEPALIVE_CNT: 3,
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class ReceivedFrame:
    """A frame that arrived.

    Attributes:
        pixels: [H, W, 3] uint8 RGB, or [H, W] for thermal; read-only.
        header: identity, times, flags; see `stream.zeromq.message.Header`.
        missed: frames between the last one that was given out and this one; 0 for the first.
        restarted: True when another publisher goes on in its place, whose `seq` starts from zero.
    """

    pixels: NDArray[Any]
    header: Header
    missed: int
    restarted: bool


class _Receiver:
    """Base of both subscribers: sockets, checks and gaps.

    Attributes:
        malformed: messages that were none of ours, so far.
    """

    def __init__(
        self,
        address: str,
        stream: str = "main",
        view: str = "fused",
        keys: tuple[str | Path, str | Path] | None = None,
        queue: int = DEFAULT_QUEUE,
        largest_mb: float = DEFAULT_LARGEST_MB,
    ) -> None:
        """Nothing is connected before the first frame is asked for.

        Args:
            address: of the publisher, `tcp://HOST:PORT` or `ipc://PATH`.
            stream: id of the camera pair.
            view: `fused`, `visible` or `thermal`.
            keys: file of the client's secret key and of the server's public one, for an encrypted publisher.
            queue: frames that may wait here in `every`; more wait at the publisher.
            largest_mb: megabytes of the largest frame, as it comes and as it is decoded; who sends more is
                disconnected. 8K RGB takes 100.

        Raises:
            ValueError: the address is none, the key files hold no keys, or the stream's name is too long.
        """
        if len(f"{stream}/{view}".encode()) > LONGEST_TOPIC:
            raise ValueError(
                f"a topic has at most {LONGEST_TOPIC} bytes, and the name {stream[:20]!r}... is longer"
            )
        self.malformed = 0
        self._address = client_address(address.strip().removeprefix("zmq+"))
        self._topic, self._queue = f"{stream}/{view}", queue
        self._largest = round(largest_mb * 1e6)
        self._keys = load_keys(*keys) if keys else None
        self._last: Header | None = None

    def _connected(self, socket: Any, latest: bool) -> Link:
        socket.setsockopt(zmq.LINGER, 0)
        # TCP keepalive finds a publisher whose machine went down within half a minute.
        for option, value in KEEPALIVE.items():
            socket.setsockopt(option, value)
        socket.setsockopt(zmq.MAXMSGSIZE, self._largest)
        if latest:
            socket.setsockopt(zmq.CONFLATE, 1)
        else:
            socket.setsockopt(zmq.RCVHWM, self._queue)
        if self._keys:
            socket.curve_publickey, socket.curve_secretkey, socket.curve_serverkey = self._keys
        topic = self._topic.encode()
        socket.setsockopt(zmq.SUBSCRIBE, latest_topic(topic) if latest else topic)
        return Link(socket, self._address)

    def _frame(self, parts: list[Any], latest: bool) -> ReceivedFrame | None:
        """The frame of a message; None, with one warning, for an invalid message."""
        try:
            header, pixels = _read(parts, latest, self._largest)
        except MessageError as error:
            self.malformed += 1
            if self.malformed == 1:
                _log.warning("%s: %s; such messages are passed over", self._address, error)
            if "update this client" in str(error):
                raise
            return None
        if f"{header.stream}/{header.view}" != self._topic:
            return None
        last = self._last
        restarted = last is not None and (header.epoch_ns != last.epoch_ns or header.seq <= last.seq)
        if restarted and last and _is_again(header, last):
            return None
        missed = 0 if last is None or restarted else header.seq - last.seq - 1
        self._last = header
        return ReceivedFrame(pixels, header, missed, restarted)


class Subscriber(_Receiver):
    """Frames of one view of one stream; used by one thread."""

    def latest(self, timeout_s: float | None = None) -> Iterator[ReceivedFrame]:
        """The newest frame, each time one is asked for; waits for one that was not given out yet.

        Args:
            timeout_s: seconds without a frame after which it ends; None waits without a limit.

        Raises:
            MessageError: the publisher is of a later version.
        """
        return self._frames(True, timeout_s)

    def every(self, timeout_s: float | None = None) -> Iterator[ReceivedFrame]:
        """All frames that arrive, in order; `missed` counts the others.

        Args:
            timeout_s: seconds without a frame after which it ends; None waits without a limit.

        Raises:
            MessageError: the publisher is of a later version.
        """
        return self._frames(False, timeout_s)

    def _frames(self, latest: bool, timeout_s: float | None) -> Iterator[ReceivedFrame]:
        look_every_s = LOOK_EVERY_S
        if timeout_s is not None:
            look_every_s = timeout_s / max(1, math.ceil(timeout_s / LOOK_EVERY_S))
        clock = SystemClock()
        with zmq.Context() as context, context.socket(zmq.SUB) as socket:
            socket.setsockopt(zmq.RCVTIMEO, max(1, round(look_every_s * 1000)))
            with self._connected(socket, latest) as link:
                seen_s = clock.monotonic_s()
                while timeout_s is None or clock.monotonic_s() - seen_s < timeout_s:
                    try:
                        parts = socket.recv_multipart(copy=False)
                    except zmq.Again:
                        link.look()
                        continue
                    frame = self._frame(parts, latest)
                    if frame is not None:
                        yield frame
                        seen_s = clock.monotonic_s()

    def __enter__(self) -> Self:
        """The subscriber itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing is held between iterations."""


class AsyncSubscriber(_Receiver):
    """Frames of one view of one stream, for asyncio: `async for frame in camera.latest()`."""

    async def latest(self) -> AsyncIterator[ReceivedFrame]:
        """As `Subscriber.latest`."""
        async for frame in self._frames(True):
            yield frame

    async def every(self) -> AsyncIterator[ReceivedFrame]:
        """As `Subscriber.every`."""
        async for frame in self._frames(False):
            yield frame

    async def _frames(self, latest: bool) -> AsyncIterator[ReceivedFrame]:
        with (
            zmq.asyncio.Context() as context,
            context.socket(zmq.SUB) as socket,
            self._connected(socket, latest) as link,
        ):
            while True:
                if not await socket.poll(round(LOOK_EVERY_S * 1000)):
                    link.look()
                    continue
                frame = self._frame(await socket.recv_multipart(copy=False), latest)
                if frame is not None:
                    yield frame


def _read(parts: list[Any], latest: bool, largest_bytes: int) -> tuple[Header, NDArray[Any]]:
    if latest:
        data, payload = split_one_part(parts[0].buffer)
    elif len(parts) != 3:
        raise MessageError(f"the message has {len(parts)} parts where a frame has 3")
    else:
        data, payload = parts[1].bytes, parts[2].buffer
    header = parse_header(data)
    return header, np.asarray(decode_payload(header, payload, largest_bytes))


def _is_again(header: Header, last: Header) -> bool:
    """True for a moment that the publisher before has sent already, told by times of cameras' clocks."""
    for now_ns, before_ns, clock in (
        (header.t_visible_ns, last.t_visible_ns, header.clock_visible),
        (header.t_thermal_ns, last.t_thermal_ns, header.clock_thermal),
    ):
        if now_ns is not None and before_ns is not None and clock != "pts":
            return 0 <= before_ns - now_ns <= AGAIN_NS
    return False


def load_keys(secret: str | Path, server: str | Path) -> tuple[bytes, bytes, bytes]:
    public, private = zmq.auth.load_certificate(secret)
    server_public, _ = zmq.auth.load_certificate(server)
    if private is None:
        raise ValueError(f"{secret} holds no secret key")
    return public, private, server_public


# Seconds without a frame after which a client checks whether its connection is lost.
LOOK_EVERY_S = 1.0


class Link:
    """Keeps a SUB socket connected.

    ZeroMQ reconnects by itself when a publisher goes away and comes back, but never again to one that
    broke its protocol once: that sent more than is allowed, or spoke something else, or did not know a key.
    """

    def __init__(self, socket: Any, address: str) -> None:
        """Connect.

        Args:
            socket: of type SUB, also of asyncio; all options set.
            address: `tcp://HOST:PORT` or `ipc://PATH`.
        """
        self._socket, self._address = socket, address
        self._monitor = f"inproc://monitor-{id(self):x}"
        socket.monitor(self._monitor, zmq.Event.DISCONNECTED)
        # The plain class, since a look never waits, for asyncio neither.
        self._events = zmq.Socket(zmq.Context.shadow(socket.context), zmq.PAIR)
        self._events.connect(self._monitor)
        allow_ipv6(socket, address)
        socket.connect(address)

    def look(self) -> None:
        """Reconnect if the connection was lost since the last check; frames on their way may be lost."""
        lost = False
        while int(self._events.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            self._events.recv_multipart()
            lost = True
        if lost:
            # A connection that ZeroMQ has given up cannot be disconnected.
            try:
                self._socket.disconnect(self._address)
            except zmq.ZMQError as error:
                if error.errno != errno.ENOENT:
                    raise
            self._socket.connect(self._address)

    def __enter__(self) -> Self:
        """The link itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Stop looking; the socket stays open."""
        self._socket.monitor(None, 0)
        self._events.close(linger=0)
