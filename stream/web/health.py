"""`/metrics`, `/healthz` and `/readyz`: of a run beside its page, or of runs at an address of their own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiohttp import web

from stream.monitoring.pairs import PairState, exposition_of_pairs
from stream.monitoring.prometheus import CONTENT_TYPE, exposition
from stream.monitoring.status import RunStatus
from stream.web.address import parse_address
from stream.web.api import LARGEST_REQUEST, as_sentences
from stream.web.guard import Guard
from stream.web.listener import listening
from stream.web.loop import LoopThread

_SETTING = "metrics.bind"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Health:
    """Sources of the three answers.

    Attributes:
        numbers: gives the text for Prometheus.
        alive: gives what `/healthz` tells beside that the process is alive.
        not_ready: gives the reason why no frames flow, or such reasons by pair; empty while they flow.
    """

    numbers: Callable[[], bytes]
    alive: Callable[[], dict[str, Any]]
    not_ready: Callable[[], str | dict[str, str]]


def health_of_run(status: RunStatus) -> Health:
    """The health of one run."""
    return Health(
        partial(exposition, status), lambda: {"not_pairing": status.not_pairing()}, status.not_ready
    )


def health_of_pairs(pairs: Sequence[PairState]) -> Health:
    """The health of several pairs of one process."""
    return Health(
        partial(exposition_of_pairs, pairs),
        lambda: {"running": [pair.name for pair in pairs if not pair.has_ended]},
        lambda: {pair.name: why for pair in pairs if (why := pair.not_ready())},
    )


def health_routes(health: Health) -> list[web.RouteDef]:
    """The three routes, for an application."""

    async def metrics(request: web.Request) -> web.Response:
        text = await asyncio.to_thread(health.numbers)
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE})

    async def alive(request: web.Request) -> web.Response:
        return web.json_response({"alive": True} | health.alive())

    async def ready(request: web.Request) -> web.Response:
        why = health.not_ready()
        return web.json_response({"ready": not why, "why": why}, status=503 if why else 200)

    return [web.get("/metrics", metrics), web.get("/healthz", alive), web.get("/readyz", ready)]


@contextmanager
def serve_health(loop: LoopThread, health: Health, bind: str, hosts: Sequence[str] = ()) -> Iterator[None]:
    """Serve the three answers alone while the block lasts; they hold no picture and no secret, so no token.

    Args:
        loop: runs the server.
        health: what is served.
        bind: HOST:PORT, the setting `metrics.bind`.
        hosts: further names that may stand for this machine, see `Guard`.

    Raises:
        ConfigError: the address is wrong or taken.
    """
    address = parse_address(bind, _SETTING)
    middlewares = [Guard(True, "", hosts).middleware] if address.is_loopback else []
    app = web.Application(middlewares=[*middlewares, as_sentences], client_max_size=LARGEST_REQUEST)
    app.add_routes(health_routes(health))
    with listening(loop, app, address, _SETTING) as bound:
        _log.info("numbers are at http://%s/metrics", bound)
        yield


@contextmanager
def open_health_of_pairs(bind: str, pairs: Sequence[PairState]) -> Iterator[None]:
    """Serve the three answers of all pairs while the block lasts.

    Raises:
        ConfigError: the address is wrong or taken.
    """
    with LoopThread("web") as loop, serve_health(loop, health_of_pairs(pairs), bind):
        yield
