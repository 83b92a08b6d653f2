"""A page that a command serves until a person has finished on it, as when aligning two pictures."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from stream.web.address import Address
from stream.web.api import LARGEST_REQUEST, as_sentences
from stream.web.files import page_file
from stream.web.guard import Guard
from stream.web.listener import listening
from stream.web.loop import LoopThread

LARGEST_INDEX = 1_000_000


@contextmanager
def serve_page(
    name: str,
    files: Sequence[str],
    routes: Sequence[web.RouteDef],
    address: Address,
    goodbye: Callable[[], Coroutine[Any, Any, None]] | None = None,
) -> Iterator[str]:
    """Serve a page while the block lasts; gives its URL, with a token where other machines reach it.

    Args:
        name: of the server's thread.
        files: names of the page's files; the first is the page itself.
        routes: the requests that the page sends.
        address: to listen on.
        goodbye: awaited after the block, unless that raised, before the server stops.

    Raises:
        ConfigError: the address is taken.
    """
    guard = Guard(address.is_loopback, "")
    app = web.Application(middlewares=[guard.middleware, as_sentences], client_max_size=LARGEST_REQUEST)
    paths = ["/", *(f"/{file}" for file in files[1:])]
    app.add_routes([web.get(path, page_file(file)) for path, file in zip(paths, files, strict=True)])
    app.add_routes(routes)
    with LoopThread(name) as loop, listening(loop, app, address, "--bind") as bound:
        yield f"http://{bound}/" + (f"?token={guard.token}" if guard.token else "")
        if goodbye:
            loop.run(goodbye())


def index_of(request: web.Request) -> int:
    """The query `index`, at most a million; 0 where it is missing or no number."""
    text = request.query.get("index", "0")
    return min(int(text), LARGEST_INDEX) if text.isascii() and text.isdigit() and len(text) < 8 else 0
