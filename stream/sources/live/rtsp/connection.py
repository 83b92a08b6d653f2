"""The connection to an RTSP server (RFC 2326): requests with their answers, and packets between them."""

from __future__ import annotations

import socket
import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from stream.sources.live.rtsp.authorization import Authorization

PORT = 554
_AGENT = "gifnet-stream"
_LONGEST_BODY, _MOST_FIELDS = 1 << 20, 200
UNAUTHORIZED, OK = 401, 200


class NotUsualError(Exception):
    """A server that does not do what this client understands; libav's may."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the server.

    Attributes:
        status: 200 when all is well.
        fields: by their names in lower case, each as often as it came.
        body: as it is.
    """

    status: int
    fields: dict[str, list[str]] = field(default_factory=dict)
    body: str = ""

    def first(self, name: str) -> str:
        """A field's first value, empty where there is none."""
        return self.fields.get(name, [""])[0]


class Connection:
    """Sends requests and reads what comes; used by one thread.

    Attributes:
        url: of the stream, without user and password.
        session: as the server named it; empty before.
    """

    def __init__(self, url: str, timeout_s: float) -> None:
        """Connect.

        Args:
            url: `rtsp://[user:password@]host[:port]/path`.
            timeout_s: longest silence.

        Raises:
            OSError: nothing listens there, or the host is unknown.
        """
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self.url, self.session = parts._replace(netloc=host).geturl(), ""
        self._password = Authorization(unquote(parts.username or ""), unquote(parts.password or ""))
        self._number = 0
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._socket = socket.create_connection((parts.hostname or "", parts.port or PORT), timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = self._socket.makefile("rb", 1 << 16)

    def ask(self, method: str, url: str, **fields: str) -> Answer:
        """Send a request and wait for its answer; with a password where the server asks for one.

        Raises:
            NotUsualError: what came is no answer.
            OSError: the connection broke, or nothing came in time.
        """
        answer = self._answer_to(self.send(method, url, **fields))
        if answer.status == UNAUTHORIZED and self._password.asked(answer.fields.get("www-authenticate", [])):
            answer = self._answer_to(self.send(method, url, **fields))
        return answer

    def send(self, method: str, url: str, **fields: str) -> int:
        """Send a request whose answer may come among the packets; gives its number."""
        self._number += 1
        allowed = self._password.field(method, url)
        extra = {"User-Agent": _AGENT} | ({"Authorization": allowed} if allowed else {})
        extra |= {"Session": self.session} if self.session else {}
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self._number}"]
        lines += [f"{name}: {value}" for name, value in (fields | extra).items()]
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return self._number

    def send_packet(self, channel: int, data: bytes) -> None:
        """Send a packet between requests."""
        self._socket.sendall(b"$" + struct.pack(">BH", channel, len(data)) + data)

    def packets(self) -> Iterator[tuple[int, bytes]]:
        """Channel and content of packets until the server ends the connection."""
        while True:
            while self._waiting:
                yield self._waiting.popleft()
            if self._read() is _ENDED:
                return

    def wait_at_most(self, timeout_s: float) -> None:
        """Another longest silence from now on."""
        self._socket.settimeout(timeout_s)

    def close(self) -> None:
        """Disconnect; may be called twice."""
        self._stream.close()
        self._socket.close()

    def _answer_to(self, number: int) -> Answer:
        while True:
            read = self._read()
            if read is _ENDED:
                raise NotUsualError("the connection ended in place of an answer")
            if read is not None and read.first("cseq") == str(number):
                return read

    def _read(self) -> Answer | None:
        """One packet, which then waits, or one message; None for a packet or a server's own request."""
        start = self._stream.read(1)
        if not start:
            return _ENDED
        if start == b"$":
            channel, size = struct.unpack(">BH", self._exactly(3))
            self._waiting.append((channel, self._exactly(size)))
            return None
        return self._message(start)

    def _message(self, start: bytes) -> Answer | None:
        line = (start + self._line()).decode("latin-1").strip()
        if not line:
            return None
        fields: dict[str, list[str]] = {}
        for _ in range(_MOST_FIELDS):
            name, colon, value = self._line().decode("latin-1").partition(":")
            if not colon:
                break
            fields.setdefault(name.strip().lower(), []).append(value.strip())
        length = fields.get("content-length", ["0"])[0]
        if not length.isdigit() or int(length) > _LONGEST_BODY:
            raise NotUsualError(f"a length of {length}")
        body = self._exactly(int(length)).decode("utf-8", "replace")
        if not line.startswith("RTSP/"):
            if line.endswith(("RTSP/1.0", "RTSP/2.0")):
                return None
            raise NotUsualError("no RTSP")
        status = line.split()[1:2]
        if not status or not status[0].isdigit():
            raise NotUsualError("an answer without a status")
        return Answer(int(status[0]), fields, body)

    def _line(self) -> bytes:
        line = self._stream.readline(1 << 16)
        if not line.endswith(b"\n"):
            raise NotUsualError("the connection ended within an answer")
        return line

    def _exactly(self, size: int) -> bytes:
        data: bytes = self._stream.read(size)
        if len(data) < size:
            raise ConnectionResetError("the connection ended within a packet")
        return data


_ENDED = Answer(0)
