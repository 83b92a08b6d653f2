"""Servers that take a published stream, as processes that can be killed and started again on their port.

    python -m tests.helpers.media_server rtsp://127.0.0.1:PORT/fused

takes one publisher by libav's own listening, prints a line of JSON for every picture, and listens again.
"""

from __future__ import annotations

import json
import queue
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Self

from tests.helpers.patience import patience

PATIENCE_S = patience(20)
_LISTEN = {
    "rtsp": {"rtsp_flags": "listen", "listen_timeout": "60"},
    "rtmp": {"listen": "1"},
}
_SMALL_PROBE = {"probesize": "32", "analyzeduration": "0"}


class Taken(NamedTuple):
    """A picture that arrived.

    Attributes:
        connection: number of the connection that it came by.
        size: width and height.
        stamp_ms: the time drawn into it.
        pts_ms: its time stamp; None where libav does not know it yet.
        sender_ms: the capture time that the sender's RTCP reports give it.
        key: whether it is a key picture.
    """

    connection: int
    size: tuple[int, int]
    stamp_ms: int | None
    pts_ms: float | None
    sender_ms: float | None
    key: bool


class MediaServer:
    """A process that takes what is published to `url`."""

    def __init__(self, scheme: str, port: int = 0, path: str = "/live/fused") -> None:
        self.port = port or free_port()
        self.url = f"{scheme}://127.0.0.1:{self.port}{path}"
        self._process: subprocess.Popen[str] | None = None
        self._taken: queue.Queue[Taken] = queue.Queue()
        self.start()

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, on the port that it had before; pictures that nobody asked for are forgotten."""
        self._taken = queue.Queue()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.media_server", self.url],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        self._reader = threading.Thread(target=self._read, args=(self._process, self._taken))
        self._reader.start()

    def _read(self, process: subprocess.Popen[str], taken: queue.Queue[Taken]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            number, size, *rest = json.loads(line)
            taken.put(Taken(number, tuple(size), *rest))

    def available(self) -> list[Taken]:
        """Pictures that arrived since the last call."""
        found = []
        with suppress(queue.Empty):
            while True:
                found.append(self._taken.get_nowait())
        return found

    def kill(self) -> None:
        """End it by SIGKILL."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            self._reader.join()
            assert process.stdout is not None
            process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()


def free_port() -> int:
    """A port of this machine that nobody uses at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def is_listening(port: int) -> bool:
    """True when somebody takes connections at a port of IPv4; asked without making one."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows)


def _serve(url: str, number: int) -> None:
    import av

    from tests.helpers.stamped_picture import read

    scheme = url.split(":")[0]
    sender_ms: dict[Any, float] = {}
    with av.open(url, options=_LISTEN[scheme] | _SMALL_PROBE) as container:
        for packet in container.demux(video=0):
            if packet.has_sidedata("prft"):
                data = bytes(packet.get_sidedata("prft"))
                sender_ms[packet.pts] = int.from_bytes(data[:8], "little") / 1000
            for frame in packet.decode():
                pts_ms = None if frame.pts is None else float(frame.pts * frame.time_base * 1000)
                stamp_ms = read(frame.to_ndarray(format="rgb24"))
                told = (number, (frame.width, frame.height), stamp_ms, pts_ms, sender_ms.get(frame.pts))
                print(json.dumps((*told, bool(frame.key_frame))), flush=True)


def main() -> None:
    import av

    number = 0
    while True:
        with suppress(av.error.FFmpegError):
            _serve(sys.argv[1], number)
        number += 1


if __name__ == "__main__":
    main()
