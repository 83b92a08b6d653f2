"""Binds the page, the metrics and the control socket, each where the settings say."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from aiohttp import web

from stream.config import RunSettings
from stream.config.outputs import SHORTEST_TOKEN
from stream.errors import ConfigError
from stream.monitoring.status import RunStatus
from stream.web.address import parse_address
from stream.web.api import LARGEST_REQUEST, PageApi, as_sentences
from stream.web.control_socket import ControlSocket
from stream.web.files import page_file
from stream.web.frames import FrameFeed
from stream.web.guard import Guard
from stream.web.health import health_of_run, health_routes, serve_health
from stream.web.listener import listening
from stream.web.loop import LoopThread

_SCRIPTS = ("page.js", "shared.js", "picture.js", "status.js", "settings.js", "temperature.js")
PAGE_FILES = {"/": "page.html", "/page.css": "page.css"} | {f"/{name}": name for name in _SCRIPTS}
# The token of the page may come from here, so that it stands in no file and no list of processes.
TOKEN_VARIABLE = "GIFNET_PREVIEW_TOKEN"

_log = logging.getLogger(__name__)


@contextmanager
def open_servers(settings: RunSettings, panel: RunStatus) -> Iterator[None]:
    """Serve a run while the block lasts.

    Raises:
        ConfigError: an address is wrong or taken, or the control socket is open to others without keys.
    """
    with ExitStack() as stack:
        loop = stack.enter_context(LoopThread("web"))
        if settings.preview.bind:
            address = parse_address(settings.preview.bind, "preview.bind")
            given = _token(settings)
            guard = Guard(address.is_loopback, given, settings.preview.hosts, settings.preview.prefix)
            feed = FrameFeed(panel.recent)
            bound = stack.enter_context(listening(loop, _page(panel, guard, feed), address, "preview.bind"))
            stack.callback(lambda: loop.run(feed.close()))
            # A token that the user set is theirs to know, and no log's.
            made_up = f"?token={guard.token}" if guard.token and not given else ""
            _log.warning("the page is at http://%s/%s%s", bound, made_up, " with your token" if given else "")
        if settings.metrics.bind:
            health = health_of_run(panel)
            stack.enter_context(serve_health(loop, health, settings.metrics.bind, settings.preview.hosts))
        if settings.control.bind:
            control = ControlSocket(settings.control, panel)
            stack.callback(lambda: loop.run(control.close()))
            _log.info("the control socket is %s", loop.run(control.open()))
        yield


def _token(settings: RunSettings) -> str:
    if settings.preview.token:
        return settings.preview.token.get_secret_value()
    token = os.environ.get(TOKEN_VARIABLE, "")
    if token and len(token) < SHORTEST_TOKEN:
        raise ConfigError(
            f"{TOKEN_VARIABLE} must have at least {SHORTEST_TOKEN} characters, got {len(token)}"
        )
    return token


def _page(panel: RunStatus, guard: Guard, feed: FrameFeed) -> web.Application:
    app = web.Application(middlewares=[guard.middleware, as_sentences], client_max_size=LARGEST_REQUEST)
    routes = [
        *health_routes(health_of_run(panel)),
        *PageApi(panel).routes(),
        web.get("/api/frames", feed.handle),
        *(web.get(path, page_file(name)) for path, name in PAGE_FILES.items()),
    ]
    # A proxy may cut the prefix off, or leave it on.
    for prefix in {"", guard.prefix}:
        app.add_routes([web.route(one.method, prefix + one.path, one.handler) for one in routes])
    if guard.prefix:
        app.router.add_get(guard.prefix, _to_page)
    return app


async def _to_page(request: web.Request) -> web.StreamResponse:
    """From /fused to /fused/, so that the page's relative addresses lie below it."""
    query = f"?{request.query_string}" if request.query_string else ""
    raise web.HTTPPermanentRedirect(f"{request.path}/{query}")
