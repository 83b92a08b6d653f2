"""A video file as an RTSP camera that costs next to nothing: encoded once, then sent again and again.

    python -m benchmarks.rtsp_clip FILE --size 640x480 --rate 30

prints `port N` and is told what to do on standard input, as the camera of the tests is.
"""

from __future__ import annotations

import re
import sys
from itertools import islice
from typing import Any

import av
from av.video.frame import PictureType

from tests.helpers import rtsp_server

KEY_EVERY, MOST = 15, 150


def encoded(path: str) -> list[list[bytes]]:
    """The network abstraction layer units of each picture; every 15th is a key picture."""
    with av.open(path) as container:
        frames = list(islice(container.decode(video=0), MOST))
    encoder: Any = rtsp_server._open_encoder((frames[0].width, frames[0].height), 30, 0)
    pictures = []
    for index, frame in enumerate(frames):
        frame.pts = 33 * index
        frame.pict_type = PictureType.I if index % KEY_EVERY == 0 else PictureType.NONE
        data = b"".join(bytes(packet) for packet in encoder.encode(frame))
        pictures.append([unit for unit in re.split(b"\x00\x00\x00?\x01", data) if unit])
    return pictures[: len(pictures) // KEY_EVERY * KEY_EVERY]


class ClipServer(rtsp_server.Server):
    """Sends the pictures of a clip in place of filming."""

    pictures: list[list[bytes]]
    place = 0

    def _encode(self, now_ns: int) -> list[tuple[list[bytes], int]]:
        if self.wants_key:
            self.place, self.wants_key = -(-self.place // KEY_EVERY) * KEY_EVERY, False
        units = self.pictures[self.place % len(self.pictures)]
        self.place += 1
        return [(units, now_ns)]


def main() -> None:
    ClipServer.pictures = encoded(sys.argv.pop(1))
    rtsp_server.Server = ClipServer  # type: ignore[misc]  # the other `main` makes this one
    rtsp_server.main()


if __name__ == "__main__":
    main()
