"""Files of the pages, which come with the package."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler


def page_file(name: str) -> Handler:
    """Serves one file."""
    page = Path(str(resources.files("stream.web").joinpath("page", name)))

    async def serve(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(page)

    return serve
