"""The page on which points are picked."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from typing import Annotated

import numpy as np
from aiohttp import web
from pydantic import Field, FiniteFloat

from stream.calibrate.points.homography import Numbers
from stream.calibrate.points.session import MOST_POINTS, Mode, PointsSession
from stream.config import Settings, validate
from stream.runtime.clock import Clock, utc_date
from stream.sinks.images import encode
from stream.web.address import Address
from stream.web.api import read_json
from stream.web.guard import refuse
from stream.web.short_page import index_of, serve_page

FILES = ("points.html", "page.css", "alignment.css", "points.css", "points.js", "alignment.js", "shared.js")

Point = tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]


class PointsQuestion(Settings):
    """Points, and options of the request."""

    points: Annotated[tuple[Point, ...], Field(max_length=MOST_POINTS)]
    index: Annotated[int, Field(ge=0)] = 0
    mode: Mode = "blend"
    distance_m: Annotated[FiniteFloat, Field(gt=0)] = 10.0

    def array(self) -> Numbers:
        """[N, 4]."""
        return np.array(self.points, dtype=np.float64).reshape(-1, 4)


def serve_points(session: PointsSession, address: Address, clock: Clock) -> AbstractContextManager[str]:
    """Serve the page while the block lasts; gives its URL.

    Raises:
        ConfigError: the address is taken.
    """
    api = _PointsApi(session, clock)
    routes = [
        web.get("/api/moment", api.moment),
        web.get("/api/picture", api.picture),
        web.post("/api/fit", api.fit),
        web.post("/api/composite", api.composite),
        web.post("/api/save", api.save),
    ]
    return serve_page("points", FILES, routes, address)


class _PointsApi:
    def __init__(self, session: PointsSession, clock: Clock) -> None:
        self._session, self._clock = session, clock

    async def moment(self, request: web.Request) -> web.Response:
        moment = await asyncio.to_thread(self._session.moment, index_of(request))
        sizes = {"visible": moment.size("visible"), "thermal": moment.size("thermal")}
        words = {"index": self._session.index_of(moment), "distance_m": self._session.distance_m, **sizes}
        return web.json_response(words | {"file": str(self._session.output)})

    async def picture(self, request: web.Request) -> web.Response:
        moment = await asyncio.to_thread(self._session.moment, index_of(request))
        side = request.query.get("side")
        if side not in ("visible", "thermal"):
            return refuse(422, f"side must be visible or thermal, got {side!r}")
        pixels = moment.visible if side == "visible" else moment.thermal
        return web.Response(body=await asyncio.to_thread(encode, pixels, "jpg"), content_type="image/jpeg")

    async def fit(self, request: web.Request) -> web.Response:
        asked = validate(PointsQuestion, await read_json(request), "the request")
        found = self._session.fit(asked.array())
        return web.json_response(
            {
                "matrix": found.matrix.tolist(),
                "errors_px": [round(float(error_px), 3) for error_px in found.errors_px],
                "rms_px": found.rms_px,
                "worst": found.worst,
            }
        )

    async def composite(self, request: web.Request) -> web.Response:
        asked = validate(PointsQuestion, await read_json(request), "the request")
        drawn = await asyncio.to_thread(self._session.composite, asked.index, asked.array(), asked.mode)
        return web.Response(body=encode(drawn, "jpg"), content_type="image/jpeg")

    async def save(self, request: web.Request) -> web.Response:
        asked = validate(PointsQuestion, await read_json(request), "the request")
        return web.json_response(self._session.save(asked.array(), asked.distance_m, utc_date(self._clock)))
