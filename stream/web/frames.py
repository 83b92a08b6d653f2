"""Frames for a page, over a WebSocket: the page asks for each and so always gets the newest.

The page sends `{"after": INDEX, "views": ["visible", "fused"], "width": 1280}` as text. The answer is binary:
four bytes, the length of a JSON document (big-endian); that document, `{"index", "flags", "alone", "size",
"lengths"}`, where `alone` is the side that passes through while the other one is away; then a JPEG picture
for each view. With no newer frame within a second the answer has no pictures, and `index` null.
"""

from __future__ import annotations

import asyncio
import json
import struct
from typing import Annotated, Any

from aiohttp import WSMsgType, web
from pydantic import Field

from stream.config import Settings, validate
from stream.errors import ConfigError
from stream.frame import ColourMap, FusedFrame, SingleFrame, View
from stream.monitoring.rolling import RollingStats
from stream.web.guard import refuse
from stream.web.pictures import Pictures

PATIENCE_S = 1.0
LONGEST_QUESTION = 4096
MOST_VIEWERS = 16
# Seconds in which a page must take its picture, or it is disconnected.
SEND_TIMEOUT_S = 20.0
# Seconds of silence after which a page loses its place: a hidden page asks for nothing.
SILENCE_S = 30.0


class Question(Settings):
    """Request of a page for frames."""

    after: Annotated[int | None, Field(description="newest frame that it has")] = None
    views: Annotated[tuple[View, ...], Field(min_length=1, max_length=3)] = ("fused",)
    width: Annotated[int, Field(ge=16, le=8192)] = 1280
    colour_map: Annotated[ColourMap, Field(description="of the view thermal-colour")] = "heat"


class FrameFeed:
    """Answers pages; lives on the event loop."""

    def __init__(self, recent: RollingStats) -> None:
        """Look at the newest frames.

        Args:
            recent: what the pipeline shows.
        """
        self._recent, self._pictures = recent, Pictures()
        self._viewers: set[web.WebSocketResponse] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one page for as long as it asks."""
        if len(self._viewers) >= MOST_VIEWERS:
            return refuse(503, f"{MOST_VIEWERS} pages look already; close one")
        socket = web.WebSocketResponse(
            max_msg_size=LONGEST_QUESTION, heartbeat=SEND_TIMEOUT_S, compress=False
        )
        if not socket.can_prepare(request).ok:
            return refuse(426, "this is a WebSocket; open the page itself")
        self._viewers.add(socket)
        try:
            await socket.prepare(request)
            while True:
                async with asyncio.timeout(SILENCE_S):
                    message = await socket.receive()
                if message.type is not WSMsgType.TEXT or not await self._answer(socket, message.data):
                    break
        except ConnectionError:
            pass
        except TimeoutError:
            await socket.close(code=1001, message=b"nothing was asked for", drain=False)
        finally:
            self._viewers.discard(socket)
        return socket

    async def close(self) -> None:
        """Let all pages go."""
        for socket in list(self._viewers):
            await socket.close(code=1001, message=b"the run is over")

    async def _answer(self, socket: web.WebSocketResponse, text: str) -> bool:
        try:
            question = validate(Question, _mapping(text), "the question")
        except ConfigError as error:
            await socket.close(code=1008, message=str(error).encode()[:120])
            return False
        frame = await self._newer(question.after)
        answer = await asyncio.to_thread(self._encode, frame, question)
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await socket.send_bytes(answer)
        return True

    async def _newer(self, after: int | None) -> FusedFrame | None:
        """The newest frame, once it is another one than the page has."""
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def tell() -> None:
            loop.call_soon_threadsafe(changed.set)

        self._recent.listen(tell)
        try:
            async with asyncio.timeout(PATIENCE_S):
                while (frame := self._recent.newest) is None or frame.index == after:
                    changed.clear()
                    await changed.wait()
            return frame
        except TimeoutError:
            return None
        finally:
            self._recent.unlisten(tell)

    def _encode(self, frame: FusedFrame | None, question: Question) -> bytes:
        if frame is None:
            return _message({"index": None}, [])
        made = (question.width, question.colour_map)
        pictures = [self._pictures.jpeg(frame, view, *made) for view in question.views]
        width, height = frame.size
        head = {
            "index": frame.index,
            "flags": sorted(frame.pair.flags),
            "alone": frame.pair.side if isinstance(frame.pair, SingleFrame) else None,
            "size": [width, height],
            "lengths": [len(picture) for picture in pictures],
        }
        return _message(head, pictures)


def _message(head: dict[str, Any], pictures: list[bytes]) -> bytes:
    text = json.dumps(head).encode()
    return b"".join((struct.pack(">I", len(text)), text, *pictures))


def _mapping(text: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise ConfigError("the question must be a JSON object")
    return values
