"""The numbers of several pairs at one address, and whether all of them are alive and well."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from aiohttp import web

from stream.monitoring.pairs import PairState, exposition_of_pairs
from stream.monitoring.prometheus import CONTENT_TYPE
from stream.web.address import parse_address
from stream.web.api import LARGEST_REQUEST, as_sentences
from stream.web.guard import Guard
from stream.web.loop import LoopThread
from stream.web.servers import listening

_log = logging.getLogger(__name__)


@contextmanager
def open_numbers(bind: str, pairs: Sequence[PairState]) -> Iterator[None]:
    """Serve `/metrics`, `/healthz` and `/readyz` of all pairs while the block lasts.

    Raises:
        ConfigError: the address is wrong or taken.
    """
    address = parse_address(bind, "metrics.bind")
    middlewares = [Guard(True, "").middleware, as_sentences] if address.is_loopback else [as_sentences]
    app = web.Application(middlewares=middlewares, client_max_size=LARGEST_REQUEST)
    app.add_routes(PairsApi(pairs).routes())
    with LoopThread("web") as loop, listening(loop, app, address, "metrics.bind") as bound:
        _log.info("numbers are at http://%s/metrics", bound)
        yield


class PairsApi:
    """`/metrics`, `/healthz` and `/readyz`."""

    def __init__(self, pairs: Sequence[PairState]) -> None:
        """Answer for pairs.

        Args:
            pairs: in their order.
        """
        self._pairs = pairs

    def routes(self) -> list[web.RouteDef]:
        """For an application."""
        return [
            web.get("/metrics", self._metrics),
            web.get("/healthz", self._alive),
            web.get("/readyz", self._ready),
        ]

    async def _metrics(self, request: web.Request) -> web.Response:
        text = await asyncio.to_thread(exposition_of_pairs, self._pairs)
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE})

    async def _alive(self, request: web.Request) -> web.Response:
        return web.json_response({"alive": True, "running": [p.name for p in self._pairs if not p.has_ended]})

    async def _ready(self, request: web.Request) -> web.Response:
        why = {pair.name: pair.not_ready() for pair in self._pairs}
        is_ready = not any(why.values())
        return web.json_response({"ready": is_ready, "why": why}, status=200 if is_ready else 503)
