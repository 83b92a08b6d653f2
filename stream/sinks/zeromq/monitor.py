"""Watches a publisher's socket for rejected peers, and reports them once."""

from __future__ import annotations

import logging
from typing import Any

import zmq
from zmq.utils.monitor import recv_monitor_message

REASONS = {
    zmq.Event.HANDSHAKE_FAILED_AUTH: "has no key that is let in",
    zmq.Event.HANDSHAKE_FAILED_PROTOCOL: "does not speak ZeroMQ, or has no keys where some are needed",
    zmq.Event.HANDSHAKE_FAILED_NO_DETAIL: "did not finish saying what it is",
}

_log = logging.getLogger(__name__)


class Watch:
    """Logs one line on the first peer that is turned away; further ones are the same story.

    Must be closed before its socket.
    """

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self._socket = socket
        self._events: Any = socket.get_monitor_socket(
            zmq.Event.HANDSHAKE_FAILED_AUTH
            | zmq.Event.HANDSHAKE_FAILED_PROTOCOL
            | zmq.Event.HANDSHAKE_FAILED_NO_DETAIL
        )

    def look(self) -> None:
        """Say what happened since the last look, if anything did; never waits."""
        if self._events is None or not int(self._events.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            return
        event = recv_monitor_message(self._events)
        _log.warning(
            "%s: a peer %s and is turned away; others like it are too, without a word",
            event["endpoint"].decode(errors="replace"),
            REASONS.get(zmq.Event(event["event"]), "failed"),
        )
        self.close()

    def close(self) -> None:
        """Stop watching; may be called twice."""
        if self._events is not None:
            # Taken first: with a full queue, ZeroMQ's thread would wait for room, and this one for it.
            while self._events.poll(0):
                self._events.recv_multipart()
            self._socket.disable_monitor()
            self._events.close(linger=0)
            self._events = None
