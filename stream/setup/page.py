"""The page of a setup: its steps, and the alignment by hand."""

from __future__ import annotations

import asyncio
import math
from contextlib import AbstractContextManager
from typing import Annotated, Any, Literal

import numpy as np
from aiohttp import web
from pydantic import Field, FiniteFloat, StrictBool

from stream.config import Settings, validate
from stream.render.colour_maps import colour_table
from stream.runtime.clock import Clock, utc_date
from stream.setup.placement import Numbers, Placement
from stream.setup.session import HandSession
from stream.setup.steps import Steps
from stream.sinks.images import encode
from stream.web.address import Address
from stream.web.api import read_json
from stream.web.guard import refuse
from stream.web.short_page import index_of, serve_page

MOST_POINTS = 60
# Seconds after the end in which a page may still ask how it went, and those for pages in other windows: each
# asks once a second.
LAST_WORDS_S, OTHERS_S = 3.0, 1.2
FILES = (
    "setup.html", "page.css", "alignment.css", "setup.css",
    "setup.js", "setup-stage.js", "alignment.js", "shared.js",
)  # fmt: skip

Place = tuple[FiniteFloat, FiniteFloat]
Share = Annotated[FiniteFloat, Field(ge=-5, le=5)]


class PlacementQuestion(Settings):
    """The coarse position."""

    quarter_deg: Literal[0, 90, 180, 270] = 0
    mirrored: StrictBool = False
    scale: Annotated[FiniteFloat, Field(ge=0.02, le=20)] = 1.0
    turn_deg: Annotated[FiniteFloat, Field(ge=-180, le=180)] = 0.0
    right: Share = 0.0
    down: Share = 0.0

    def placement(self) -> Placement:
        """As the fit takes it."""
        return Placement(**self.model_dump())


class PointQuestion(Settings):
    """One point; without a visible place it follows."""

    thermal: Place
    visible: Place | None = None


class HandQuestion(Settings):
    """A position, its points and the distance."""

    placement: PlacementQuestion
    points: Annotated[tuple[PointQuestion, ...], Field(max_length=MOST_POINTS)] = ()
    distance_m: Annotated[FiniteFloat, Field(gt=0, le=1e9)] = 10.0

    def arrays(self) -> tuple[Numbers, Numbers]:
        """[N, 2] thermal and [N, 2] visible places, NaN for what follows."""
        thermal = [point.thermal for point in self.points]
        visible = [point.visible or (math.nan, math.nan) for point in self.points]
        return np.array(thermal, np.float64).reshape(-1, 2), np.array(visible, np.float64).reshape(-1, 2)


def serve_setup(
    session: HandSession, steps: Steps, address: Address, clock: Clock
) -> AbstractContextManager[str]:
    """Serve the page while the block lasts, and until it has asked once more how that went; gives its URL.

    Raises:
        ConfigError: the address is taken.
    """
    api = _SetupApi(session, steps, clock)
    routes = [
        web.get("/api/setup", api.setup),
        web.get("/api/steps", api.steps),
        web.get("/api/picture", api.picture),
        web.post("/api/fit", api.fit),
        web.post("/api/save", api.save),
    ]
    return serve_page("setup", FILES, routes, address, api.last_words)


class _SetupApi:
    def __init__(self, session: HandSession, steps: Steps, clock: Clock) -> None:
        self._session, self._steps, self._clock = session, steps, clock
        self._told = asyncio.Event()

    async def last_words(self) -> None:
        """Wait until the pages know the end; pages that are closed are not waited for long."""
        try:
            async with asyncio.timeout(LAST_WORDS_S):
                await self._told.wait()
            await asyncio.sleep(OTHERS_S)
        except TimeoutError:
            pass

    async def setup(self, request: web.Request) -> web.Response:
        session, start = self._session, self._session.start
        visible_size, thermal_size = session.sizes
        return web.json_response(
            {
                "visible": visible_size,
                "thermal": thermal_size,
                "moments": len(session.moments),
                "placement": {name: getattr(start, name) for name in PlacementQuestion.model_fields},
                "points": session.points.tolist(),
                "distance_m": session.distance_m,
            }
        )

    async def steps(self, request: web.Request) -> web.Response:
        told = self._steps.as_json() | {"saved": self._session.done.is_set()}
        if told["command"]:
            self._told.set()
        return web.json_response(told)

    async def picture(self, request: web.Request) -> web.Response:
        side, looks = request.query.get("side"), request.query.get("looks", "grey")
        if side not in ("visible", "thermal"):
            return refuse(422, f"side must be visible or thermal, got {side!r}")
        if looks not in ("grey", "colour"):
            return refuse(422, f"looks must be grey or colour, got {looks!r}")
        pixels = self._session.picture(index_of(request), "visible" if side == "visible" else "thermal")
        if side == "thermal" and looks == "colour":
            pixels = colour_table("heat")[pixels]
        # Few thermal pixels are enlarged much: each must be what it is.
        suffix = "jpg" if side == "visible" else "png"
        body = await asyncio.to_thread(encode, pixels, suffix)
        return web.Response(body=body, content_type="image/jpeg" if suffix == "jpg" else "image/png")

    async def fit(self, request: web.Request) -> web.Response:
        asked = validate(HandQuestion, await read_json(request), "the request")
        found = self._session.fit(asked.placement.placement(), *asked.arrays())
        return web.json_response(
            {
                "matrix": found.matrix.tolist(),
                "places": found.places.round(3).tolist(),
                "errors_px": found.errors_px.round(3).tolist(),
                "rms_px": found.rms_px,
                "worst": found.worst,
            }
        )

    async def save(self, request: web.Request) -> web.Response:
        asked = validate(HandQuestion, await read_json(request), "the request")
        found = self._session.save(
            asked.placement.placement(), *asked.arrays(), asked.distance_m, utc_date(self._clock)
        )
        answer: dict[str, Any] = {"rms_px": found.rms_px}
        return web.json_response(answer)
