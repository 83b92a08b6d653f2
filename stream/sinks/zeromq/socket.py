"""The socket of a publisher: who subscribes to what, how much may wait for them, and who gets in."""

from __future__ import annotations

import logging
import resource
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import zmq

from stream.sinks.zeromq.monitor import Watch
from stream.sinks.zeromq.settings import PublisherSettings
from stream.zeromq.curve_keys import Gate, open_gate
from stream.zeromq.ipv6 import allow_ipv6

FEWEST_QUEUED = 2
LINGER_MS = 200
# Time in which a new peer must complete the ZeroMQ handshake, in milliseconds.
HANDSHAKE_MS = 5000
# Every subscriber takes an open file, and the pipeline needs some of its own.
FILES = 65_536
# Longest subscription in bytes; the sender of a longer one is disconnected.
LONGEST_SUBSCRIPTION = 512
# libzmq takes what a subscriber asks for until nothing waits: few may wait, so that a flood ends soon.
WAITING_CHANGES = 4
# Largest number of subscription changes handled for one frame, so that a flood of them delays no frame.
MOST_CHANGES = 1000
# Subscriptions to unknown topics after which a peer is cut off: libzmq would keep them all.
MOST_FOREIGN = 1000

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Subscriptions:
    """Topics with a subscriber, by the prefixes that subscribers ask for.

    Prefixes that fit no topic are not kept but counted.
    """

    topics: tuple[bytes, ...]
    prefixes: set[bytes] = field(default_factory=set)
    foreign: int = 0

    def take(self, event: bytes) -> None:
        """An event of an XPUB socket: 1 or 0, and the prefix."""
        prefix = event[1:]
        if event[:1] not in (b"\0", b"\1"):
            return
        comes = event[:1] == b"\1"
        if not any(topic.startswith(prefix) for topic in self.topics):
            self.foreign += 1 if comes else -1
        elif comes:
            self.prefixes.add(prefix)
        else:
            self.prefixes.discard(prefix)

    def want(self, topic: bytes) -> bool:
        """True if a topic has subscribers."""
        return any(topic.startswith(prefix) for prefix in self.prefixes)


class PublisherSocket:
    """A bound XPUB socket that drops frames for full subscribers; it waits only for `wait_ms`.

    Attributes:
        endpoint: the address in use, for example after binding port 0.
    """

    def __init__(self, settings: PublisherSettings, topics: tuple[bytes, ...]) -> None:
        """Bind, or connect to a proxy if `connect` is set.

        Args:
            settings: address, room for each subscriber, keys.
            topics: everything that will ever be sent.

        Raises:
            zmq.ZMQError: the address cannot be bound.
            SinkError: there are no keys where the settings say.
        """
        self._settings, self._subscriptions = settings, Subscriptions(topics)
        self._bound_frames, self._patient, self._cut_off, self._reported = 0, True, False, False
        self._context = zmq.Context()
        self._gate: Gate | None = None
        self._watch: Watch | None = None
        allow_files(FILES)
        try:
            self._socket = self._context.socket(zmq.XPUB)
            self._socket.setsockopt(zmq.LINGER, LINGER_MS)
            self._socket.setsockopt(zmq.MAXMSGSIZE, LONGEST_SUBSCRIPTION)
            self._socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
            self._socket.setsockopt(zmq.TCP_KEEPALIVE, 1)
            self._socket.setsockopt(zmq.RCVHWM, WAITING_CHANGES)
            self._socket.setsockopt(zmq.SNDTIMEO, settings.wait_ms)
            self.bound_queue(100_000)
            if settings.keys:
                self._gate = open_gate(self._context, self._socket, settings.keys)
            self._watch = Watch(self._socket)
            allow_ipv6(self._socket, settings.endpoint)
            (self._socket.connect if settings.connect else self._socket.bind)(settings.endpoint)
            self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        except BaseException:
            self.close()
            raise

    def take_subscriptions(self) -> None:
        """Hear who came and went since the last frame."""
        for _ in range(MOST_CHANGES):
            if not int(self._socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
                break
            self._subscriptions.take(self._socket.recv())
        if self._watch:
            self._watch.look()
        if self._cut_off:
            self._bind_again()
        elif self._subscriptions.foreign > MOST_FOREIGN and not self._settings.connect:
            self._cut_all_off()

    def want(self, topic: bytes) -> bool:
        """True if a topic has subscribers."""
        return self._subscriptions.want(topic)

    def bound_queue(self, frame_bytes: int) -> None:
        """Limit of messages that wait for each subscriber: as many of the largest frame so far as have room.

        It only ever shrinks. libzmq 4.3.5 tells every subscriber's connection of a change, also one that is
        just breaking off, which can crash it: changes have to be rare, and not come with every view.
        """
        frames = max(FEWEST_QUEUED, int(self._settings.queue_mb * 1e6 / frame_bytes))
        if not self._bound_frames or frames < self._bound_frames:
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
        """Close the socket; may be called twice."""
        if self._watch:
            self._watch.close()
            self._watch = None
        if self._gate:
            self._gate.close()
            self._gate = None
        self._context.destroy(linger=LINGER_MS)

    def _cut_all_off(self) -> None:
        """ZeroMQ cannot close one connection alone; subscribers come back by themselves."""
        reported, self._reported = self._reported, True
        level = logging.DEBUG if reported else logging.WARNING
        _log.log(
            level,
            "%s: somebody has subscribed to more than %d things that are not published here; "
            "all subscribers are cut off and may come back",
            self.endpoint,
            MOST_FOREIGN,
        )
        self._socket.unbind(self.endpoint)
        self._cut_off = True

    def _bind_again(self) -> None:
        # The address is free as soon as ZeroMQ's own thread has let go of it.
        with suppress(zmq.ZMQError):
            self._socket.bind(self.endpoint)
            self._cut_off = False


def allow_files(count: int) -> None:
    """Let this process open up to so many files, as far as it may ask for them.

    With the common limit of 1024, that many idle subscribers would leave the pipeline no file to open.
    """
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY:
        count = min(count, most)
    if now != resource.RLIM_INFINITY and now < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, most))
