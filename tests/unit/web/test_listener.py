"""A server under pressure, on real sockets of loopback, with short waits."""

from __future__ import annotations

import gzip
import json
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from stream.web import api, frames, listener
from stream.web.address import Address
from stream.web.api import LARGEST_REQUEST, as_sentences, read_json
from stream.web.guard import Guard
from stream.web.listener import HEALTH_CONNECTIONS, MOST_CONNECTIONS, Listener
from stream.web.loop import LoopThread
from tests.helpers.patience import patience, wait_until

PATIENCE_S = patience(20)


async def alive(request: web.Request) -> web.Response:
    return web.json_response({"alive": True})


async def echo(request: web.Request) -> web.Response:
    return web.json_response(await read_json(request))


async def broken(request: web.Request) -> web.Response:
    raise ZeroDivisionError


@contextmanager
def serving() -> Iterator[int]:
    """A page with three answers; gives its port."""
    app = web.Application(
        middlewares=[Guard(True, "").middleware, as_sentences], client_max_size=LARGEST_REQUEST
    )
    app.add_routes([web.get("/healthz", alive), web.get("/", alive), web.get("/broken", broken)])
    app.add_routes([web.patch("/", echo)])
    with LoopThread("test") as loop:
        server = Listener(app, Address("127.0.0.1", 0), "bind")
        try:
            yield loop.run(server.open()).port
        finally:
            loop.run(server.close())


@pytest.fixture
def port() -> Iterator[int]:
    with serving() as port:
        yield port


def connect(port: int, stack: ExitStack, data: bytes = b"") -> socket.socket:
    one = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S))
    one.sendall(data)
    return one


def ask(port: int, request: bytes) -> tuple[int, Any, bytes]:
    """Status, body and head of the first answer; status 0 where the connection was closed without one."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as one:
        one.sendall(request)
        return answer_of(one)


def answer_of(one: socket.socket) -> tuple[int, Any, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        try:
            more = one.recv(65536)
        except ConnectionError:
            more = b""
        if not more:
            return 0, None, data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
    )
    while len(body) < length:
        more = one.recv(65536)
        assert more, "the answer breaks off"
        body += more
    try:
        words = json.loads(body)
    except ValueError:
        words = body
    return int(head.split()[1]), words, head


HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
UNFINISHED = (
    b"PATCH / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
)


@pytest.mark.parametrize("data", [b"", b"GET / HT", HEALTH], ids=["silent", "half a line", "kept alive"])
def test_idle_connections_make_room(port: int, data: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(MOST_CONNECTIONS + HEALTH_CONNECTIONS + 20):
            one = connect(port, stack, data)
            if data == HEALTH:
                assert answer_of(one)[0] == 200
        for _ in range(5):
            assert ask(port, HEALTH)[:2] == (200, {"alive": True})
            assert ask(port, HEALTH.replace(b"/healthz", b"/"))[0] == 200


def test_health_is_told_where_every_place_is_taken(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    monkeypatch.setattr(api, "BODY_S", 600.0)  # on a busy machine the first would be given up before the last
    with ExitStack() as stack:
        for _ in range(MOST_CONNECTIONS):
            connect(port, stack, UNFINISHED)

        def is_full() -> bool:
            """One whose head was not read yet counts as idle, and makes room: another takes its place."""
            status = ask(port, HEALTH.replace(b"/healthz", b"/"))[0]
            if status == 200:
                connect(port, stack, UNFINISHED)
            return status == 503

        wait_until(is_full)
        status, words, head = ask(port, HEALTH.replace(b"/healthz", b"/"))
        assert status == 503 and "ask again later" in words["error"] and b"close" in head.lower()
        for _ in range(HEALTH_CONNECTIONS + 5):
            assert ask(port, HEALTH)[0] == 200


def test_a_body_that_never_comes_is_given_up(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    monkeypatch.setattr(api, "BODY_S", 0.1)
    status, words, head = ask(port, UNFINISHED)
    assert status == 408 and "did not come within 0.1 s" in words["error"] and b"close" in head.lower()


@pytest.mark.parametrize("before", [b"", HEALTH])
@pytest.mark.parametrize("data", [b"", b"GET /healthz HTTP/1.1\r\nHost: loc"])
def test_silence_is_closed(monkeypatch: pytest.MonkeyPatch, before: bytes, data: bytes) -> None:
    monkeypatch.setattr(listener, "SILENCE_S", 0.2)
    with serving() as port, ExitStack() as stack:
        one = connect(port, stack, before)
        if before:
            assert answer_of(one)[0] == 200
        one.sendall(data)
        assert answer_of(one)[0] == 0


def test_an_answer_that_is_not_read_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "LONGEST_REQUEST_S", 0.3)
    with serving() as port, ExitStack() as stack:
        one = connect(port, stack)
        one.settimeout(0.1)
        with pytest.raises(OSError):
            for _ in range(10**6):
                try:
                    one.sendall(HEALTH * 100)
                except TimeoutError:
                    continue


@pytest.mark.parametrize("origin", [b"http://[", b"http://[::1", b"\xff", b"null", b"http://localhost@evil"])
def test_a_bad_origin_is_refused(port: int, origin: bytes) -> None:
    request = UNFINISHED.replace(b"Content-Length: 9", b"Content-Length: 1\r\nOrigin: " + origin)
    status, words, _ = ask(port, request)
    assert status == 403 and "another page" in words["error"]


@pytest.mark.parametrize("host", [b"[", b"[::1", b"", b"evil.example", b"a b", b"\xff", b"localhost.evil"])
def test_a_bad_host_is_refused(port: int, host: bytes) -> None:
    assert ask(port, HEALTH.replace(b"localhost", host))[0] in (400, 403)


GZIPPED = gzip.compress(b'{"a": 1}', mtime=0)


@pytest.mark.parametrize(
    ("coding", "body", "status"),
    [
        (b"gzip", GZIPPED, 200),
        (b"gzip", b"no gzip at all", 400),
        (b"gzip", GZIPPED[:-12], 422),
        (b"gzip", GZIPPED[:10] + b"\xff" * 20, 400),
        (b"gzip", gzip.compress(bytes(10 << 20), mtime=0), 413),
        (b"deflate", b"\xff" * 20, 400),
        (b"br", b"\xff" * 20, 400),
        (b"zstd", b"\xff" * 20, 400),
        (b"rot13", b"{}", 200),
    ],
)
def test_bodies_that_are_not_what_they_say(
    port: int, capsys: pytest.CaptureFixture[str], coding: bytes, body: bytes, status: int
) -> None:
    head = b"PATCH / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Encoding: "
    got, words, _ = ask(port, head + coding + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert got == status
    assert "Traceback" not in "".join(capsys.readouterr())
    if status != 200:
        assert words


def test_a_mistake_of_ours_is_one_sentence(port: int, caplog: pytest.LogCaptureFixture) -> None:
    status, words, _ = ask(port, HEALTH.replace(b"healthz", b"broken"))
    assert status == 500 and words == {"error": "a mistake in this program; its log says more"}
    assert "GET /broken could not be answered" in caplog.text


def test_no_other_page_may_embed_what_is_shown(port: int) -> None:
    for path in (b"/healthz", b"/nothing"):
        head = ask(port, HEALTH.replace(b"/healthz", path))[2]
        assert b"Cross-Origin-Resource-Policy: same-origin" in head


@pytest.mark.parametrize("name", ["SILENCE_S", "SEND_TIMEOUT_S"])
def test_the_waits_of_pages_are_bounded(name: str) -> None:
    assert 0 < getattr(frames, name) <= 60


def test_files_are_left_open_by_nobody(port: int) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=PATIENCE_S) as answer:
            assert answer.status == 200
    wait_until(lambda: len(list(Path("/proc/self/fd").iterdir())) <= before + 2)
