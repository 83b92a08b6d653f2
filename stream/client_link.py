"""A connection of a client that is made anew where ZeroMQ gives it up."""

from __future__ import annotations

import errno
from types import TracebackType
from typing import Any, Self

import zmq

# Without a frame for so long, a client looks whether its connection is lost.
LOOK_EVERY_S = 1.0


class Link:
    """Keeps a SUB socket connected.

    ZeroMQ connects anew by itself when a publisher goes away and comes back, but never again to one that
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
        socket.connect(address)

    def look(self) -> None:
        """Connect anew if the connection was lost since the last look; frames on their way may be lost."""
        lost = False
        while int(self._events.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            self._events.recv_multipart()
            lost = True
        if lost:
            # Of a connection that ZeroMQ has given up there is nothing left to disconnect.
            try:
                self._socket.disconnect(self._address)
            except zmq.ZMQError as error:
                if error.errno != errno.ENOENT:
                    raise
            self._socket.connect(self._address)

    def __enter__(self) -> Self:
        """The link itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop looking; the socket stays open."""
        self._socket.monitor(None, 0)
        self._events.close(linger=0)
