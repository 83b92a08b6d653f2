"""One HTTP server with a bounded number of connections, so that idle ones never take the cameras' places."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from aiohttp import web

from stream.errors import ConfigError
from stream.web.address import Address

MOST_CONNECTIONS = 128
# A connection that has asked for nothing for so long is closed.
SILENCE_S = 10.0
SHUTDOWN_S = 0.5


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
        self._silent: dict[Any, asyncio.TimerHandle] = {}
        app.middlewares.insert(0, self._heard)
        # Requests are no news; what goes wrong in one is said by whoever answers it.
        quiet = logging.getLogger("stream.web.access")
        quiet.propagate = False
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S, logger=quiet)
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
        """Serve nobody any more; may be called without `open`."""
        if self._server:
            self._server.close()
        for timer in self._silent.values():
            timer.cancel()
        await self._runner.cleanup()

    def _connect(self) -> asyncio.Protocol:
        server = self._runner.server
        assert server is not None
        if len(server.connections) >= MOST_CONNECTIONS:
            return _Full()
        handler = server()
        timer = asyncio.get_running_loop().call_later(SILENCE_S, self._hang_up, handler)
        self._silent[handler] = timer
        return handler

    def _hang_up(self, handler: Any) -> None:
        del self._silent[handler]
        if handler.transport is not None:
            handler.transport.abort()

    @web.middleware
    async def _heard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        timer = self._silent.pop(request.protocol, None)
        if timer:
            timer.cancel()
        response: web.StreamResponse = await handler(request)
        return response


class _Full(asyncio.Protocol):
    """Closes at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There is no room."""
        transport.close()
