"""A small RTSP server (RFC 2326, RTP by RFC 3550, H.264 by RFC 6184) that misbehaves on command.

    python -m tests.helpers.rtsp_server --port 0

prints `port N`, and reads commands from standard input: `stall`, `resume`, `drop`, `lose picture`,
`lose packet`, `leak` (every picture but key pictures), `seal`, `clock -90` (seconds), `refuse 404 Not Found`,
`refuse`, `size 320x240`, `rate 15`, `quit`. Its pictures carry the true time
(`tests.helpers.stamped_picture`), whatever its clock says.
"""

from __future__ import annotations

import argparse
import base64
import re
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import Any

import av
from av.video.frame import PictureType

from tests.helpers.rtp import RtpStream, has_key
from tests.helpers.stamped_picture import draw

REPORT_EVERY_S = 0.5
SECONDS_1900_TO_1970 = 2_208_988_800


class Client:
    """One connection: its requests on a thread of its own, pictures from the encoder's thread."""

    def __init__(self, server: Server, connection: socket.socket) -> None:
        self.server, self.connection = server, connection
        self.playing = self._has_key = False
        self._lock = threading.Lock()
        self._rtp = RtpStream()
        # For media and for reports: from which socket, to which address; empty over TCP.
        self._udp: list[tuple[socket.socket, tuple[str, int]]] = []
        self._reported_s = 0.0
        # True once it asked for sound, which comes over TCP only.
        self._hears, self._sound = False, RtpStream()

    def serve(self) -> None:
        with suppress(OSError, ValueError, struct.error):
            for head in self._requests():
                self._answer(head)
        self.playing = False
        self.server.forget(self)
        with self._lock:
            self.connection.close()
            self._close_udp()

    def _requests(self) -> Iterator[str]:
        """Heads of requests; the client's own reports, which come between them, are passed over."""
        with self.connection.makefile("rb") as stream:
            while start := stream.read(1):
                if start == b"$":
                    stream.read(struct.unpack(">xH", stream.read(3))[0])
                    continue
                lines = [start]
                while (line := stream.readline()).strip():
                    lines.append(line)
                yield b"".join(lines).decode("latin-1")

    def _answer(self, head: str) -> None:
        method, url = head.split()[:2]
        fields = {key.lower(): value for key, value in re.findall(r"(?m)^([\w-]+): *(.*?)\r?$", head)}
        reply = {"CSeq": fields.get("cseq", "0")}
        body, status = "", "200 OK"
        if not self.server.allows(fields.get("authorization", "")):
            status, reply["WWW-Authenticate"] = "401 Unauthorized", 'Basic realm="camera"'
        elif self.server.path not in url:
            status = "404 Not Found"
        elif method == "DESCRIBE" and self.server.refusal:
            status = self.server.refusal
        elif method == "OPTIONS":
            reply["Public"] = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"
        elif method == "DESCRIBE":
            reply |= {"Content-Type": "application/sdp", "Content-Base": url + "/"}
            body = (
                "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=test\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
                "c=IN IP4 0.0.0.0\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n"
                "a=control:trackID=0\r\n"
            )
            if self.server.has_sound:
                body += "m=audio 0 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\na=control:trackID=1\r\n"
        elif method == "SETUP":
            self._hears = self._hears or url.endswith("trackID=1")
            reply |= {"Session": "1;timeout=60", "Transport": self._set_up(url, fields["transport"])}
        elif method == "PLAY":
            reply |= {"Session": "1", "Range": "npt=0-"}
        lines = [f"RTSP/1.0 {status}", *(f"{key}: {value}" for key, value in reply.items())]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        with self._lock:
            self.connection.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        if method == "PLAY" and status.startswith("200"):
            self._has_key = False
            self.playing = self.server.wants_key = True
        if method == "TEARDOWN":
            self.playing = False

    def _set_up(self, url: str, transport: str) -> str:
        if url.endswith("trackID=1"):
            return "RTP/AVP/TCP;unicast;interleaved=2-3"
        with self._lock:
            self._close_udp()
        ports = re.search(r"client_port=(\d+)-(\d+)", transport)
        if not ports:
            return "RTP/AVP/TCP;unicast;interleaved=0-1"
        host = self.connection.getpeername()[0]
        pairs = []
        for port in ports.groups():
            own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            own.bind(("127.0.0.1", 0))
            pairs.append((own, (host, int(port))))
        self._udp = pairs
        own_ports = "-".join(str(own.getsockname()[1]) for own, _ in pairs)
        return f"RTP/AVP;unicast;client_port={ports[1]}-{ports[2]};server_port={own_ports}"

    def _close_udp(self) -> None:
        while self._udp:
            self._udp.pop()[0].close()

    def send(self, units: list[bytes], clock_s: Fraction, lost: str) -> None:
        """One picture, taken at a time of the server's clock; the first must be a key picture.

        Args:
            units: of the picture.
            clock_s: its time.
            lost: what of it is lost on the way: `picture` all, `packet` its second packet, empty nothing.
        """
        self._has_key = self._has_key or has_key(units)
        if not self._has_key:
            return
        try:
            if self.server.reports_now() and time.monotonic() - self._reported_s > REPORT_EVERY_S:
                self._reported_s = time.monotonic()
                self._send(1, self._rtp.report(clock_s, self.server.set_ahead_s))
            for number, packet in enumerate(self._rtp.packets(units, clock_s)):
                if lost != "picture" and not (lost == "packet" and number == 1):
                    self._send(0, packet)
        except OSError:
            self.playing = False

    def send_sound(self, clock_s: Fraction) -> None:
        """A fiftieth of a second of silence, if the client set sound up."""
        if self._hears:
            with suppress(OSError):
                self._send(2, self._sound.sound(bytes([0xFF] * 160), clock_s))

    def _send(self, channel: int, data: bytes) -> None:
        with self._lock:
            if self._udp:
                own, to = self._udp[channel]
                own.sendto(data, to)
            else:
                self.connection.sendall(b"$" + struct.pack(">BH", channel, len(data)) + data)


class Server:
    """Films, encodes once, and sends to everybody who plays."""

    path = "/stream"

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        width, height = options.size.split("x")
        self.size, self.rate = (int(width), int(height)), options.rate
        # Status with which DESCRIBE is answered in place of a description.
        self.refusal = options.refusal
        self.has_sound = options.sound
        self._playing_s: float | None = None
        # Part that is lost of the next picture that is not a key picture.
        self.losing, self.leaks = "", False
        # By how much the clock was set ahead while it films, in seconds.
        self.set_ahead_s = Fraction(0)
        self.stalled = self.wants_key = False
        self.clients: list[Client] = []
        self._lock = threading.Lock()
        self._key_ms = 0
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
            with self._lock:
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
            for units, taken_ns in self._encode(now_ns):
                lost = "" if has_key(units) else self.losing
                self.losing = "" if lost and not self.leaks else self.losing
                for client in playing:
                    client.send(units, self._clock_s(taken_ns), lost)

    def reports_now(self) -> bool:
        """True where sender reports are due, the first of them so long after the first picture was sent."""
        self._playing_s = self._playing_s or time.monotonic()
        late = time.monotonic() - self._playing_s < self._options.report_after_s
        return not self._options.no_reports and not late

    def sound(self) -> None:
        """Send sound without end, also while pictures stall."""
        while self.has_sound:
            time.sleep(0.02)
            for client in self.clients:
                if client.playing:
                    client.send_sound(self._clock_s(time.time_ns()))

    def forget(self, client: Client) -> None:
        with self._lock:
            self.clients = [each for each in self.clients if each is not client]

    def drop(self) -> None:
        for client in self.clients:
            with suppress(OSError):
                client.connection.shutdown(socket.SHUT_RDWR)

    def _clock_s(self, now_ns: int) -> Fraction:
        true_s = Fraction(now_ns, 1_000_000_000)
        drift = (true_s - Fraction(self._begin_s)) * Fraction(self._options.drift_ppm) / 1_000_000
        return true_s + drift + Fraction(self._options.clock_ms) / 1000

    def _encode(self, now_ns: int) -> list[tuple[list[bytes], int]]:
        """Units and capture times of the pictures that are finished: with B-frames none, or some in turn."""
        time_ms = now_ns // 1_000_000
        if self._encoder is None or (self._encoder.width, self._encoder.height) != self.size:
            self._encoder = _open_encoder(self.size, self.rate, self._options.b_frames)
            self.wants_key = True
        frame = av.VideoFrame.from_ndarray(draw(self.size, time_ms), format="rgb24").reformat(
            format="yuv420p"
        )
        frame.pts, frame.time_base = time_ms, Fraction(1, 1000)
        if self.wants_key or time_ms - self._key_ms >= self._options.key_every_ms:
            frame.pict_type, self.wants_key, self._key_ms = PictureType.I, False, time_ms
        sub_ms_ns = now_ns - time_ms * 1_000_000
        return [
            (_units(bytes(packet)), packet.pts * 1_000_000 + sub_ms_ns)
            for packet in self._encoder.encode(frame)
        ]


def _units(data: bytes) -> list[bytes]:
    return [unit for unit in re.split(b"\x00\x00\x00?\x01", data) if unit]


def _open_encoder(size: tuple[int, int], rate: float, b_frames: int) -> Any:
    encoder: Any = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height = size
    encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, 1000)
    # Key pictures come when asked for, by time, whatever the rate.
    encoder.framerate, encoder.gop_size = Fraction(rate).limit_denominator(1000), 100_000
    encoder.thread_count = 1
    encoder.options = {
        "preset": "ultrafast", "tune": "zerolatency", "crf": "20",
        "x264-params": f"repeat-headers=1:sliced-threads=0:bframes={b_frames}:b-adapt=0",
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
    parser.add_argument("--key-every-ms", type=float, default=500)
    parser.add_argument("--report-after-s", type=float, default=0)
    parser.add_argument("--b-frames", type=int, default=0)
    parser.add_argument("--refusal", default="")
    parser.add_argument("--sound", action="store_true")
    parser.add_argument("--no-reports", action="store_true")
    server = Server(parser.parse_args())
    for work in (server.accept, server.film, server.sound):
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
        elif command in ("leak", "seal"):
            server.leaks = command == "leak"
            server.losing = "picture" if server.leaks else ""
        elif command == "clock":
            server.set_ahead_s = Fraction(value)
        elif command == "refuse":
            server.refusal = value
        elif command == "lose":
            server.losing = value
        elif command == "rate":
            server.rate = float(value)


if __name__ == "__main__":
    main()
