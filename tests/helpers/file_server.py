"""A web server on loopback that serves one file, and cuts connections when told to."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FileServer:
    """Behaviour of the server, and the requests that it got.

    Attributes:
        content: the file, at every path but `/missing`.
        ranges: answer requests for a part with that part.
        cuts: for each request in turn, after how many bytes of its answer to hang up.
        asked: the Range header of each request, None without.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.ranges = True
        self.cuts: list[int] = []
        self.asked: list[str | None] = []
        self.url = ""


@contextmanager
def serve(content: bytes) -> Iterator[FileServer]:
    """Run a server for the length of a `with`."""
    plan = FileServer(content)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(plan))
    server.daemon_threads = False
    plan.url = f"http://127.0.0.1:{server.server_address[1]}/weights"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield plan
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(plan: FileServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            plan.asked.append(asked)
            if self.path == "/missing":
                self.send_error(404)
                return
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and plan.ranges else 0
            if start and start >= len(plan.content):
                self.send_error(416)
                return
            body = plan.content[start:]
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: plan.cuts.pop(0)] if plan.cuts else body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
