"""The socket of a publisher: who subscribes to what, how much may wait for them, and who gets in."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import zmq

from stream.keys import Gate, open_gate
from stream.sinks.publisher_settings import PublisherSettings

FEWEST_QUEUED = 2
LINGER_MS = 200
# A subscription is the name of a topic; whatever is longer is a mistake or worse, and its sender is cut off.
LONGEST_SUBSCRIPTION = 1024
# One frame takes so many changes of subscriptions at most, so that a flood of them holds no frame up.
MOST_CHANGES = 1000


@dataclass(slots=True)
class Subscriptions:
    """Which topics somebody wants, by the prefixes that subscribers ask for.

    Prefixes that fit no topic are not kept, so that nobody can fill the memory with them.
    """

    topics: tuple[bytes, ...]
    prefixes: set[bytes] = field(default_factory=set)

    def take(self, event: bytes) -> None:
        """An event of an XPUB socket: 1 or 0, and the prefix."""
        prefix = event[1:]
        if event[:1] == b"\1" and any(topic.startswith(prefix) for topic in self.topics):
            self.prefixes.add(prefix)
        elif event[:1] == b"\0":
            self.prefixes.discard(prefix)

    def want(self, topic: bytes) -> bool:
        """Whether anybody gets what is sent under a topic."""
        return any(topic.startswith(prefix) for prefix in self.prefixes)


class PublisherSocket:
    """A bound XPUB socket that drops what a subscriber has no room for, and waits for one only if told so."""

    def __init__(self, settings: PublisherSettings, topics: tuple[bytes, ...]) -> None:
        """Bind.

        Args:
            settings: address, room for each subscriber, keys.
            topics: everything that will ever be sent.

        Raises:
            zmq.ZMQError: the address cannot be bound.
            SinkError: there are no keys where the settings say.
        """
        self._settings, self._subscriptions = settings, Subscriptions(topics)
        self._bound_frames, self._patient = 0, True
        self._context = zmq.Context()
        self._gate: Gate | None = None
        try:
            self._socket = self._context.socket(zmq.XPUB)
            self._socket.setsockopt(zmq.LINGER, LINGER_MS)
            self._socket.setsockopt(zmq.MAXMSGSIZE, LONGEST_SUBSCRIPTION)
            self._socket.setsockopt(zmq.SNDTIMEO, settings.wait_ms)
            self.bound_queue(1_000_000)
            if settings.keys:
                self._gate = open_gate(self._context, self._socket, settings.keys)
            self._socket.bind(settings.endpoint)
        except BaseException:
            self.close()
            raise

    @property
    def endpoint(self) -> str:
        """Where it really is, for example after binding port 0."""
        return self._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def take_subscriptions(self) -> None:
        """Hear who came and went since the last frame."""
        for _ in range(MOST_CHANGES):
            if not int(self._socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
                return
            self._subscriptions.take(self._socket.recv())

    def want(self, topic: bytes) -> bool:
        """Whether anybody gets what is sent under a topic."""
        return self._subscriptions.want(topic)

    def bound_queue(self, frame_bytes: int) -> None:
        """How many messages may wait for each subscriber that connects from now on."""
        frames = max(FEWEST_QUEUED, int(self._settings.queue_mb * 1e6 / frame_bytes))
        if frames != self._bound_frames:
            self._bound_frames = frames
            self._socket.setsockopt(zmq.SNDHWM, frames)

    def offer(self, parts: list[Any]) -> None:
        """Send without copying and without waiting; who has no room loses it."""
        # With NOBLOCK nothing waits; XPUB itself drops what a subscriber has no room for.
        with suppress(zmq.Again):
            self._socket.send_multipart(parts, zmq.NOBLOCK, copy=False)

    def send(self, parts: list[Any]) -> None:
        """As `offer`, but that all subscribers get `wait_ms` to make room.

        Who did not make room in that time is not waited for again before all have had room.
        """
        if not self._settings.wait_ms:
            self.offer(parts)
            return
        self._socket.setsockopt(zmq.XPUB_NODROP, 1)
        try:
            self._socket.send_multipart(parts, 0 if self._patient else zmq.NOBLOCK, copy=False)
            self._patient = True
        except zmq.Again:
            self._patient = False
        finally:
            self._socket.setsockopt(zmq.XPUB_NODROP, 0)
        if not self._patient:
            self.offer(parts)

    def close(self) -> None:
        """Say good-bye to subscribers; may be called twice."""
        if self._gate:
            self._gate.close()
            self._gate = None
        self._context.destroy(linger=LINGER_MS)
