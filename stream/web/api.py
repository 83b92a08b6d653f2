"""The page's API: status, settings, snapshots, clips."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Annotated, Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import Field, StrictBool

from stream.config import Settings, validate
from stream.config import live_settings as controls
from stream.config.shown import kind
from stream.errors import ConfigError, GifnetError
from stream.frame import ColourMap, View
from stream.monitoring.status import RunStatus
from stream.monitoring.temperature import temperature_at
from stream.runtime.clock import utc_now
from stream.uri import mask_text
from stream.web.guard import refuse
from stream.web.openapi import openapi
from stream.web.pictures import COLOUR_MAPS, VIEWS, Pictures, png

LARGEST_REQUEST = 64 * 1024
# Range of the width of small pictures, in pixels.
WIDTHS = (16, 8192)
# Shown only where the calibration knows several distances.
DISTANCE = "registration.distance_m"
# A body that takes longer is given up.
BODY_S = 10.0

_log = logging.getLogger(__name__)


class ClipRequest(Settings):
    """Start or stop a clip."""

    on: Annotated[StrictBool, Field(description="true starts, false stops")]
    view: Annotated[View, Field(description="which picture")] = "fused"
    colour_map: Annotated[ColourMap, Field(description="of the view thermal-colour")] = "heat"


class PageApi:
    """Requests of the page: status, settings, pictures, clips."""

    def __init__(self, panel: RunStatus) -> None:
        """Answer for a run.

        Args:
            panel: of the run.
        """
        self._panel, self._pictures = panel, Pictures()

    def routes(self) -> list[web.RouteDef]:
        """For an application."""
        return [
            web.get("/api/status", self._status),
            web.get("/api/settings", self._settings),
            web.patch("/api/settings", self._change),
            web.get("/api/snapshot", self._snapshot),
            web.get("/api/picture", self._picture),
            web.get("/api/temperature", self._temperature),
            web.post("/api/clip", self._clip),
            web.get("/api/openapi.json", self._openapi),
        ]

    async def _status(self, request: web.Request) -> web.Response:
        return web.json_response(self._panel.status())

    async def _settings(self, request: web.Request) -> web.Response:
        takes_distance = self._panel.takes_distance
        known = [each for each in controls.describe() if each["place"] != DISTANCE or takes_distance]
        return web.json_response({"values": self._panel.controls.values(), "known": known})

    async def _change(self, request: web.Request) -> web.Response:
        values = await read_json(request)
        # Maps of large pictures take a while.
        after = await asyncio.to_thread(self._panel.controls.change, values, "the page")
        return web.json_response({"values": after})

    async def _snapshot(self, request: web.Request) -> web.Response:
        view = request.query.get("view", "fused")
        if view not in VIEWS:
            return refuse(422, f"view must be one of {', '.join(VIEWS)}, got {view!r}")
        frame = self._panel.recent.newest
        if frame is None:
            return refuse(503, "no frame has been fused yet")
        colours = request.query.get("colour_map", "heat")
        if colours not in COLOUR_MAPS:
            return refuse(422, f"colour_map must be one of {', '.join(COLOUR_MAPS)}, got {colours!r}")
        body = await asyncio.to_thread(png, frame, view, colours)
        name = f"{view}-{utc_now(self._panel.clock):%Y%m%dT%H%M%SZ}-{frame.index}.png"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return web.Response(body=body, content_type="image/png", headers=headers)

    async def _picture(self, request: web.Request) -> web.Response:
        try:
            width = int(request.query.get("width", "320"))
        except ValueError:
            width = 0
        if not WIDTHS[0] <= width <= WIDTHS[1]:
            return refuse(422, f"width must be a whole number from {WIDTHS[0]} to {WIDTHS[1]}")
        frame = self._panel.recent.newest
        if frame is None:
            return refuse(503, "no frame has been fused yet")
        body = await asyncio.to_thread(self._pictures.jpeg, frame, "fused", width)
        return web.Response(body=body, content_type="image/jpeg")

    async def _temperature(self, request: web.Request) -> web.Response:
        try:
            across, down = (float(request.query.get(key, "")) for key in ("x", "y"))
        except ValueError:
            across = down = -1.0
        if not (0 <= across <= 1 and 0 <= down <= 1):
            return refuse(422, "x and y must be shares of the picture's width and height, from 0 to 1")
        frame, place = self._panel.recent.newest, self._panel.thermal_place
        celsius = None if frame is None else temperature_at(frame, place, across, down)
        return web.json_response({"celsius": celsius, "index": frame.index if frame else None})

    async def _clip(self, request: web.Request) -> web.Response:
        asked = validate(ClipRequest, await read_json(request), "the request")
        clip = self._panel.clip
        return web.json_response(clip.start(asked.view, asked.colour_map) if asked.on else clip.stop())

    async def _openapi(self, request: web.Request) -> web.Response:
        return web.json_response(openapi(ClipRequest))


async def read_json(request: web.Request) -> dict[str, Any]:
    """The body, a JSON object.

    Raises:
        ConfigError: it is none.
        HTTPRequestTimeout: it does not come.
        HTTPBadRequest: it is not compressed as it says.
    """
    if request.content_type != "application/json":
        raise ConfigError(f"the body must be application/json, got {request.content_type}")
    try:
        async with asyncio.timeout(BODY_S):
            values = json.loads(await request.text())
    except TimeoutError:
        raise web.HTTPRequestTimeout(reason=f"the body did not come within {BODY_S:g} s") from None
    except (web.RequestPayloadError, HttpProcessingError):
        raise web.HTTPBadRequest(reason="the body is not what its headers say") from None
    except (ValueError, LookupError, RecursionError):
        raise ConfigError("the body is not JSON in UTF-8") from None
    if not isinstance(values, dict):
        raise ConfigError(f"the body must be a JSON object, got {kind(values)}")
    return values


@web.middleware
async def as_sentences(request: web.Request, handler: Any) -> web.StreamResponse:
    """Errors as JSON with one sentence."""
    try:
        response: web.StreamResponse = await handler(request)
        return response
    except GifnetError as error:
        return refuse(422, mask_text(str(error)))
    except web.HTTPException as error:
        if error.status < 400:
            raise
        answer = refuse(error.status, f"{request.method} {request.path}: {error.reason.lower()}")
        if isinstance(error, web.HTTPMethodNotAllowed):
            answer.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
        if error.status == web.HTTPRequestTimeout.status_code:
            answer.force_close()
        return answer
    except ConnectionError:  # the client is gone
        raise
    except Exception:  # a bug in a handler ends no run
        _log.exception("%s %s could not be answered", request.method, request.path)
        return refuse(500, "a mistake in this program; its log says more")
