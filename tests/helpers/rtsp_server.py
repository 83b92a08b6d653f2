"""A small RTSP server (RFC 2326, RTP by RFC 3550, H.264 by RFC 6184) that misbehaves on command.

    python -m tests.helpers.rtsp_server --port 0

prints `port N`, and reads commands from standard input: `stall`, `resume`, `drop`, `size 320x240`, `rate 15`,
`quit`. Its pictures carry the true time (`tests.helpers.stamped_picture`), whatever its clock says.
"""

from __future__ import annotations

import argparse
import base64
import random
import re
import socket
import struct
import sys
import threading
import time
from contextlib import suppress
from fractions import Fraction
from typing import Any

import av
from av.video.frame import PictureType

from tests.helpers.stamped_picture import draw

RTP_CLOCK = 90_000
PAYLOAD = 1400
SECONDS_1900_TO_1970 = 2_208_988_800


class Client:
    """One connection: its requests on a thread of its own, pictures from the encoder's thread."""

    def __init__(self, server: Server, connection: socket.socket) -> None:
        self.server, self.connection = server, connection
        self.playing = False
        self._lock = threading.Lock()
        self._sequence, self._source = random.randrange(1 << 16), random.randrange(1 << 32)
        self._udp: tuple[socket.socket, socket.socket, tuple[str, int], tuple[str, int]] | None = None
        self._packets = self._octets = 0
        self._reported_s = 0.0

    def serve(self) -> None:
        with suppress(OSError, ValueError), self.connection:
            buffer = b""
            while True:
                while b"\r\n\r\n" not in buffer:
                    if buffer[:1] == b"$" and len(buffer) >= 4:
                        length = 4 + struct.unpack(">H", buffer[2:4])[0]
                        if len(buffer) >= length:
                            buffer = buffer[length:]
                            continue
                    received = self.connection.recv(4096)
                    if not received:
                        return
                    buffer += received
                head, _, buffer = buffer.partition(b"\r\n\r\n")
                self._answer(head.decode("latin-1"))
        self.playing = False

    def _answer(self, head: str) -> None:
        method, url = head.split()[:2]
        fields = {key.lower(): value for key, value in re.findall(r"(?m)^([\w-]+): *(.*?)\r?$", head)}
        reply = {"CSeq": fields.get("cseq", "0")}
        body, status = "", "200 OK"
        if not self.server.allows(fields.get("authorization", "")):
            status, reply["WWW-Authenticate"] = "401 Unauthorized", 'Basic realm="camera"'
        elif self.server.path not in url:
            status = "404 Not Found"
        elif method == "OPTIONS":
            reply["Public"] = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"
        elif method == "DESCRIBE":
            reply |= {"Content-Type": "application/sdp", "Content-Base": url + "/"}
            body = (
                "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=test\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
                "c=IN IP4 0.0.0.0\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n"
                "a=control:trackID=0\r\n"
            )
        elif method == "SETUP":
            reply |= {"Session": "1;timeout=60", "Transport": self._set_up(fields["transport"])}
        elif method == "PLAY":
            reply |= {"Session": "1", "Range": "npt=0-"}
        lines = [f"RTSP/1.0 {status}", *(f"{key}: {value}" for key, value in reply.items())]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        with self._lock:
            self.connection.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        if method == "PLAY" and status.startswith("200"):
            self.server.wants_key = self.playing = True
        if method == "TEARDOWN":
            self.playing = False

    def _set_up(self, transport: str) -> str:
        ports = re.search(r"client_port=(\d+)-(\d+)", transport)
        if not ports:
            return "RTP/AVP/TCP;unicast;interleaved=0-1"
        host = self.connection.getpeername()[0]
        media, control = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for each in (media, control):
            each.bind(("127.0.0.1", 0))
        self._udp = media, control, (host, int(ports[1])), (host, int(ports[2]))
        own = f"{media.getsockname()[1]}-{control.getsockname()[1]}"
        return f"RTP/AVP;unicast;client_port={ports[1]}-{ports[2]};server_port={own}"

    def send(self, units: list[bytes], clock_s: Fraction) -> None:
        """One picture, taken at a time of the server's clock."""
        stamp = int(clock_s * RTP_CLOCK) & 0xFFFFFFFF
        try:
            if self.server.reports and time.monotonic() - self._reported_s > 0.5:
                self._reported_s = time.monotonic()
                self._send(1, self._report(clock_s, stamp))
            for number, unit in enumerate(units):
                self._send_unit(unit, stamp, number == len(units) - 1)
        except OSError:
            self.playing = False

    def _report(self, clock_s: Fraction, stamp: int) -> bytes:
        seconds = int(clock_s)
        fraction = int((clock_s - seconds) * (1 << 32))
        return struct.pack(
            ">BBHIIIIII", 0x80, 200, 6, self._source, seconds + SECONDS_1900_TO_1970, fraction, stamp,
            self._packets & 0xFFFFFFFF, self._octets & 0xFFFFFFFF,
        )  # fmt: skip

    def _send_unit(self, unit: bytes, stamp: int, last: bool) -> None:
        if len(unit) <= PAYLOAD:
            self._send_rtp(unit, stamp, last)
            return
        head, rest = unit[0], unit[1:]
        for place in range(0, len(rest), PAYLOAD):
            part, first, end = rest[place : place + PAYLOAD], place == 0, place + PAYLOAD >= len(rest)
            fragment = bytes([head & 0xE0 | 28, (first << 7) | (end << 6) | head & 0x1F]) + part
            self._send_rtp(fragment, stamp, last and end)

    def _send_rtp(self, payload: bytes, stamp: int, marker: bool) -> None:
        head = struct.pack(">BBHII", 0x80, 96 | marker << 7, self._sequence, stamp, self._source)
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._packets, self._octets = self._packets + 1, self._octets + len(payload)
        self._send(0, head + payload)

    def _send(self, channel: int, data: bytes) -> None:
        if self._udp:
            self._udp[channel].sendto(data, self._udp[2 + channel])
        else:
            with self._lock:
                self.connection.sendall(b"$" + struct.pack(">BH", channel, len(data)) + data)


class Server:
    """Films, encodes once, and sends to everybody who plays."""

    path = "/stream"

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        width, height = options.size.split("x")
        self.size, self.rate = (int(width), int(height)), options.rate
        self.reports = not options.no_reports
        self.stalled = self.wants_key = False
        self.clients: list[Client] = []
        self.socket = socket.create_server(("127.0.0.1", options.port), reuse_port=False)
        self._begin_s = time.time()
        self._encoder: Any = None

    def allows(self, authorization: str) -> bool:
        if not self._options.user:
            return True
        token = base64.b64encode(f"{self._options.user}:{self._options.password}".encode()).decode()
        return authorization == f"Basic {token}"

    def accept(self) -> None:
        while True:
            connection, _ = self.socket.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client = Client(self, connection)
            self.clients = [*self.clients, client]
            threading.Thread(target=client.serve, daemon=True).start()

    def film(self) -> None:
        due_s = time.time()
        while True:
            due_s = max(due_s + 1 / self.rate, time.time() - 0.5)
            time.sleep(max(0.0, due_s - time.time()))
            now_ns = time.time_ns()
            playing = [client for client in self.clients if client.playing]
            if self.stalled or not playing:
                continue
            units = self._encode(now_ns // 1_000_000)
            for client in playing:
                client.send(units, self._clock_s(now_ns))

    def drop(self) -> None:
        clients, self.clients = self.clients, []
        for client in clients:
            with suppress(OSError):
                client.connection.shutdown(socket.SHUT_RDWR)

    def _clock_s(self, now_ns: int) -> Fraction:
        true_s = Fraction(now_ns, 1_000_000_000)
        drift = (true_s - Fraction(self._begin_s)) * Fraction(self._options.drift_ppm) / 1_000_000
        return true_s + drift + Fraction(self._options.clock_ms) / 1000

    def _encode(self, time_ms: int) -> list[bytes]:
        if self._encoder is None or (self._encoder.width, self._encoder.height) != self.size:
            self._encoder = _open_encoder(self.size, self.rate)
            self.wants_key = True
        frame = av.VideoFrame.from_ndarray(draw(self.size, time_ms), format="rgb24").reformat(
            format="yuv420p"
        )
        frame.pts, frame.time_base = time_ms, Fraction(1, 1000)
        if self.wants_key:
            frame.pict_type, self.wants_key = PictureType.I, False
        data = b"".join(bytes(packet) for packet in self._encoder.encode(frame))
        return [unit for unit in re.split(b"\x00\x00\x00?\x01", data) if unit]


def _open_encoder(size: tuple[int, int], rate: float) -> Any:
    encoder: Any = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height = size
    encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, 1000)
    encoder.framerate, encoder.gop_size = Fraction(rate).limit_denominator(1000), max(1, int(rate / 2))
    encoder.thread_count = 1
    encoder.options = {
        "preset": "ultrafast", "tune": "zerolatency", "x264-params": "repeat-headers=1:sliced-threads=0",
        "crf": "20",
    }  # fmt: skip
    encoder.open()
    return encoder


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--size", default="320x240")
    parser.add_argument("--rate", type=float, default=25)
    parser.add_argument("--user", default="")
    parser.add_argument("--password", default="")
    parser.add_argument("--clock-ms", type=float, default=0)
    parser.add_argument("--drift-ppm", type=float, default=0)
    parser.add_argument("--no-reports", action="store_true")
    server = Server(parser.parse_args())
    for work in (server.accept, server.film):
        threading.Thread(target=work, daemon=True).start()
    print(f"port {server.socket.getsockname()[1]}", flush=True)
    for line in sys.stdin:
        command, _, value = line.strip().partition(" ")
        if command == "quit":
            break
        if command in ("stall", "resume"):
            server.stalled = command == "stall"
        elif command == "drop":
            server.drop()
        elif command == "size":
            width, height = value.split("x")
            server.size = int(width), int(height)
        elif command == "rate":
            server.rate = float(value)


if __name__ == "__main__":
    main()
