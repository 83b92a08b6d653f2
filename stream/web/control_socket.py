"""A ZeroMQ socket for the status and the settings of a run; the client is `stream.client.control`.

A question and its answer are one JSON object each, in one part, over REQ or DEALER:

    {"schema": "gifnet.control/1", "ask": "status"}
    {"schema": "gifnet.control/1", "ask": "settings"}
    {"schema": "gifnet.control/1", "ask": "change", "settings": {"pairing.tolerance_ms": 30}}
    {"schema": "gifnet.control/1", "ask": "clip", "on": true, "view": "fused"}

An answer has `schema` and either `result` or `error`, one sentence.
"""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import suppress
from typing import Annotated, Any, Literal

import zmq
import zmq.asyncio
from pydantic import Field, StrictBool

from stream.config import ControlSettings, Settings, validate
from stream.config.shown import shown
from stream.errors import ConfigError, GifnetError
from stream.frame import View
from stream.monitoring.status import RunStatus
from stream.uri import mask_text
from stream.web.address import parse_address
from stream.zeromq.curve_keys import Gate, open_gate
from stream.zeromq.ipv6 import allow_ipv6

SCHEMA = "gifnet.control/1"
LARGEST_QUESTION = 64 * 1024
# Answers that wait for one client that does not read them.
MOST_ANSWERS = 16

_log = logging.getLogger(__name__)


class ControlQuestion(Settings):
    """One question."""

    schema_: Annotated[Literal["gifnet.control/1"], Field(alias="schema")]
    ask: Literal["status", "settings", "change", "clip"]
    settings: dict[str, Any] | None = None
    on: StrictBool | None = None
    view: View = "fused"


class ControlSocket:
    """Lives on the event loop."""

    def __init__(self, settings: ControlSettings, panel: RunStatus) -> None:
        """Nothing is bound before `open`.

        Args:
            settings: where, and with which keys.
            panel: of the run.
        """
        self._settings, self._panel = settings, panel
        self._context = zmq.Context()
        self._gate: Gate | None = None
        self._serving: asyncio.Task[None] | None = None
        self._complained = False

    async def open(self) -> str:
        """Bind, and say where it really is.

        Raises:
            ConfigError: the address is wrong or taken, or open to others without keys.
        """
        endpoint = self._settings.bind or ""
        _check_endpoint(endpoint, secret=self._settings.keys is not None)
        socket = self._context.socket(zmq.ROUTER)
        socket.setsockopt(zmq.LINGER, 200)
        socket.setsockopt(zmq.MAXMSGSIZE, LARGEST_QUESTION)
        socket.setsockopt(zmq.SNDHWM, MOST_ANSWERS)
        socket.setsockopt(zmq.RCVHWM, MOST_ANSWERS)
        allow_ipv6(socket, endpoint)
        try:
            if self._settings.keys:
                self._gate = open_gate(self._context, socket, self._settings.keys)
            socket.bind(endpoint)
        except zmq.ZMQError as error:
            socket.close()
            why = (error.strerror or str(error)).lower()
            raise ConfigError(
                f"control.bind {endpoint} cannot be bound: {why}; name another address"
            ) from None
        except BaseException:
            socket.close()
            raise
        where = socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self._serving = asyncio.create_task(self._serve(zmq.asyncio.Socket.from_socket(socket)))
        return where

    async def close(self) -> None:
        """Stop answering; may be called without `open`, and twice."""
        if self._serving:
            self._serving.cancel()
            with suppress(asyncio.CancelledError):
                await self._serving
            self._serving = None
        if self._gate:
            self._gate.close()
            self._gate = None
        self._context.destroy(linger=200)

    async def _serve(self, socket: zmq.asyncio.Socket) -> None:
        try:
            while True:
                *envelope, body = await socket.recv_multipart()
                # A request has the client's identity and, from REQ, an empty part; anything else is invalid.
                if len(envelope) not in (1, 2) or (len(envelope) == 2 and envelope[1]):
                    self._complain("a message of several parts came to the control socket and was dropped")
                    continue
                answer = await asyncio.to_thread(self._answer, body)
                with suppress(zmq.ZMQError):
                    await socket.send_multipart([*envelope, answer], zmq.NOBLOCK)
        finally:
            socket.close()

    def _answer(self, body: bytes) -> bytes:
        try:
            words: dict[str, Any] = {"result": self._do(_parse(body))}
        except GifnetError as error:
            self._complain(f"the control socket refused a question: {error}")
            words = {"error": mask_text(str(error))}
        return json.dumps({"schema": SCHEMA, **words}).encode()

    def _do(self, question: ControlQuestion) -> dict[str, Any]:
        panel = self._panel
        if question.ask == "status":
            return panel.status()
        if question.ask == "settings":
            return panel.controls.values()
        if question.ask == "clip":
            if question.on is None:
                raise ConfigError("on is missing, true starts a clip and false stops it")
            return panel.clip.start(question.view) if question.on else panel.clip.stop()
        if question.settings is None:
            raise ConfigError("settings is missing, give places and values, as in pairing.tolerance_ms: 30")
        return panel.controls.change(question.settings, "the control socket")

    def _complain(self, sentence: str) -> None:
        """Say the first one aloud; rubbish that comes all the time does not fill the log."""
        _log.log(logging.DEBUG if self._complained else logging.WARNING, "%s", sentence[:500])
        self._complained = True


def _parse(body: bytes) -> ControlQuestion:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        raise ConfigError("the question is not JSON in UTF-8") from None
    if not isinstance(values, dict):
        raise ConfigError("the question must be a JSON object")
    return validate(ControlQuestion, values, "the question")


def _check_endpoint(endpoint: str, secret: bool) -> None:
    """Refuse an invalid address, and one that other machines reach without keys."""
    scheme, _, place = endpoint.partition("://")
    if scheme == "ipc" and place:
        return
    if scheme != "tcp":
        got = shown(endpoint, may_be_secret="@" in endpoint)
        raise ConfigError(f"control.bind must be tcp://HOST:PORT or ipc://PATH, got {got}")
    if not parse_address(place, "control.bind").is_loopback and not secret:
        raise ConfigError(
            f"control.bind {endpoint} would let everybody who reaches this machine change the run: give it "
            "keys (--control-keys FOLDER, made by `gifnet keys`), or bind 127.0.0.1"
        )
