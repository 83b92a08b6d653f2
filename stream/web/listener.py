"""One HTTP server with a limited number of connections, of which idle ones give way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from stream.errors import ConfigError
from stream.web.address import Address
from stream.web.guard import HEALTH_PATHS, refuse
from stream.web.loop import LoopThread

MOST_CONNECTIONS = 128
# More of them, where all others are busy, for questions of whether the run is alive and well.
HEALTH_CONNECTIONS = 16
# Seconds without a request, at first or between two, after which a connection is closed.
SILENCE_S = 10.0
# Longest that a request and its answer may take together; a WebSocket looks after itself.
LONGEST_REQUEST_S = 120.0
SHUTDOWN_S = 0.5


@dataclass(slots=True)
class _Connection:
    """One connection, as far as its bounds need.

    Attributes:
        timer: closes it; None for a WebSocket.
        since_s: when it began to ask or to be idle, by the loop's clock.
        is_idle: True while it asks for nothing.
        for_health: True for one that only questions of health are answered on.
        was_open: True once its transport was there; one that was accepted just now has none yet.
    """

    timer: asyncio.TimerHandle | None
    since_s: float
    is_idle: bool = True
    for_health: bool = False
    was_open: bool = False


class Listener:
    """Lives on the event loop."""

    def __init__(self, app: web.Application, address: Address, setting: str) -> None:
        """Nothing is bound before `open`.

        Args:
            app: what is served.
            address: where.
            setting: its name, for messages.
        """
        self._address, self._setting = address, setting
        self._connections: dict[Any, _Connection] = {}
        app.middlewares.insert(0, self._heard)
        app.on_response_prepare.append(self._answering)
        # Requests are not logged; errors are told in the answer.
        quiet = logging.getLogger("stream.web.access")
        quiet.propagate = False
        quiet.addHandler(logging.NullHandler())
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=SHUTDOWN_S, logger=quiet, keepalive_timeout=SILENCE_S
        )
        self._server: asyncio.Server | None = None

    async def open(self) -> Address:
        """Bind, and say where it really is.

        Raises:
            ConfigError: the address is taken or none of this machine's.
        """
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._connect, self._address.host, self._address.port)
        except OSError as error:
            await self._runner.cleanup()
            why = (error.strerror or str(error)).lower()
            raise ConfigError(
                f"{self._setting} {self._address} cannot be bound: {why}; name another address"
            ) from None
        return Address(self._address.host, self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop serving; may be called without `open`."""
        if self._server:
            self._server.close()
        for handler in list(self._connections):
            self._forget(handler)
        await self._runner.cleanup()

    def _connect(self) -> asyncio.Protocol:
        server = self._runner.server
        assert server is not None
        self._forget_closed()
        count = len(self._connections)
        if count >= MOST_CONNECTIONS and self._close_longest_idle():
            count -= 1
        if count >= MOST_CONNECTIONS + HEALTH_CONNECTIONS:
            return _Full()
        handler = server()
        timer = self._closing(handler, SILENCE_S)
        self._connections[handler] = _Connection(timer, self._now_s(), for_health=count >= MOST_CONNECTIONS)
        return handler

    def _closing(self, handler: Any, wait_s: float) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(wait_s, self._hang_up, handler)

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()

    def _forget_closed(self) -> None:
        for handler, one in list(self._connections.items()):
            if handler.transport:
                one.was_open = True
            elif one.was_open or one.since_s < self._now_s() - 1:
                self._forget(handler)

    def _close_longest_idle(self) -> bool:
        idle = [
            (one.since_s, each) for each, one in self._connections.items() if one.is_idle and each.transport
        ]
        if idle:
            self._hang_up(min(idle, key=lambda pair: pair[0])[1])
        return bool(idle)

    def _forget(self, handler: Any) -> None:
        connection = self._connections.pop(handler, None)
        if connection and connection.timer:
            connection.timer.cancel()

    def _hang_up(self, handler: Any) -> None:
        self._forget(handler)
        if handler.transport is not None:
            handler.transport.abort()

    @web.middleware
    async def _heard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        protocol = request.protocol
        connection = self._connections.get(protocol)
        if connection is None:
            response: web.StreamResponse = await handler(request)
            return response
        if connection.for_health and not request.path.endswith(HEALTH_PATHS):
            refusal = refuse(503, "too many requests are being answered; ask again later")
            refusal.force_close()
            return refusal
        if connection.timer:
            connection.timer.cancel()
        # After the answer, the server's own time-out limits the wait for the next request.
        connection.timer = self._closing(protocol, LONGEST_REQUEST_S)
        connection.is_idle, connection.since_s, connection.was_open = False, self._now_s(), True
        try:
            response = await handler(request)
        finally:
            connection.is_idle, connection.since_s = True, self._now_s()
        return response

    async def _answering(self, request: web.Request, response: web.StreamResponse) -> None:
        """A WebSocket lasts while the page is open; a message from the page ends it."""
        connection = self._connections.get(request.protocol)
        if connection and connection.timer and isinstance(response, web.WebSocketResponse):
            connection.timer.cancel()
            connection.timer = None


class _Full(asyncio.Protocol):
    """Closes at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There is no room."""
        transport.close()


@contextmanager
def listening(loop: LoopThread, app: web.Application, address: Address, setting: str) -> Iterator[Address]:
    """Serve an application while the block lasts; gives the address with the port that it really has.

    Args:
        loop: runs the server.
        app: what is served.
        address: where.
        setting: its name, for messages.

    Raises:
        ConfigError: the address is taken or none of this machine's.
    """
    listener = Listener(app, address, setting)
    try:
        yield loop.run(listener.open())
    finally:
        loop.run(listener.close())
