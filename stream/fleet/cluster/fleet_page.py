"""The page of a fleet: its pairs, the newest small picture of each, and numbers for Prometheus."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from stream.fleet.cluster.fleet_metrics import fleet_exposition
from stream.fleet.cluster.table import PairRow
from stream.monitoring.prometheus import CONTENT_TYPE
from stream.web.address import parse_address
from stream.web.api import as_sentences
from stream.web.files import page_file
from stream.web.guard import Guard, refuse
from stream.web.listener import Listener

PAGE_FILES = {"/": "fleet.html", "/fleet.js": "fleet.js", "/fleet.css": "fleet.css"}
# Pairs send pictures as long as somebody has looked within so many seconds.
WATCHED_S = 10.0
_SETTING = "page.bind"


class FleetPage:
    """Serves a fleet; lives on the controller's event loop.

    Attributes:
        address: URL of it; empty while it is not open.
    """

    def __init__(
        self,
        rows: Callable[[], list[PairRow]],
        picture: Callable[[str], bytes],
        metrics: Callable[[str], str],
    ) -> None:
        """Nothing is bound before `open`.

        Args:
            rows: of all pairs.
            picture: newest small picture of a pair as a JPEG; empty for none.
            metrics: numbers of a pair's run; empty for none.
        """
        self._rows, self._picture, self._metrics = rows, picture, metrics
        self._looked_s = float("-inf")
        self._listener: Listener | None = None
        self.address = ""

    @property
    def is_watched(self) -> bool:
        """True while somebody looks at the pictures."""
        return time.monotonic() - self._looked_s < WATCHED_S

    async def open(self, settings: dict[str, Any]) -> None:
        """Bind.

        Args:
            settings: `bind`, `hosts` and `token`; the last one is empty on loopback.

        Raises:
            ConfigError: the address is none, or taken.
        """
        address = parse_address(settings["bind"], _SETTING)
        guard = Guard(address.is_loopback, settings["token"], settings["hosts"])
        app = web.Application(middlewares=[guard.middleware, as_sentences])
        app.add_routes(
            [
                web.get("/api/pairs", self._pairs),
                web.get("/api/picture/{pair}", self._jpeg),
                web.get("/metrics", self._numbers),
                web.get("/healthz", self._alive),
                *(web.get(path, page_file(name)) for path, name in PAGE_FILES.items()),
            ]
        )
        self._listener = Listener(app, address, _SETTING)
        self.address = f"http://{await self._listener.open()}/"

    async def close(self) -> None:
        """Serve nobody any more; may be called without `open`."""
        if self._listener:
            await self._listener.close()

    async def _pairs(self, request: web.Request) -> web.Response:
        self._looked_s = time.monotonic()
        return web.json_response({"pairs": [row.as_json() for row in self._rows()]})

    async def _jpeg(self, request: web.Request) -> web.Response:
        picture = self._picture(request.match_info["pair"])
        if not picture:
            return refuse(404, "there is no picture of such a pair")
        return web.Response(body=picture, content_type="image/jpeg")

    async def _numbers(self, request: web.Request) -> web.Response:
        rows = self._rows()
        of_runs = {row.name: self._metrics(row.name) for row in rows}  # here, where the state changes
        body = await asyncio.to_thread(fleet_exposition, rows, of_runs)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})

    async def _alive(self, request: web.Request) -> web.Response:
        return web.json_response({"alive": True})
