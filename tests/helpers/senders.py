"""Cameras by HTTP, HLS and RTMP that send pictures with the true time drawn into them."""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import shutil
import subprocess
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from tests.helpers.media_server import free_port
from tests.helpers.patience import wait_until
from tests.helpers.stamped_picture import draw

SIZE, RATE = (320, 240), 25


def film(target: Any, form: str, ended: threading.Event, **options: str) -> None:
    """Write H.264 at 25 frames a second to a file or address until the event."""
    with av.open(target, "w", format=form, options=options) as output:
        coder = {"tune": "zerolatency", "preset": "ultrafast", "crf": "18"}
        stream: Any = output.add_stream("libx264", rate=RATE, options=coder)
        stream.width, stream.height = SIZE
        stream.pix_fmt, stream.codec_context.gop_size = "yuv420p", RATE
        stream.codec_context.time_base = Fraction(1, 1000)
        begin_s = time.time()
        number = 0
        while not ended.wait(max(0.0, begin_s + number / RATE - time.time())):
            now_s = time.time()
            frame = av.VideoFrame.from_ndarray(draw(SIZE, int(now_s * 1000)), format="rgb24")
            frame.pts, frame.time_base = int((now_s - begin_s) * 1000), Fraction(1, 1000)
            output.mux(stream.encode(frame.reformat(format="yuv420p")))
            number += 1


class _HttpServer:
    """An HTTP server for the length of a block.

    Attributes:
        ended: set when it is to end.
    """

    def __init__(self, handler: Any) -> None:
        self.ended = threading.Event()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever)

    def _start(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Streamed(_HttpServer):
    """A stream by HTTP, filmed again for each request."""

    def __init__(self, form: str) -> None:
        server = self

        class Handler(_Quiet):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                with contextlib.suppress(OSError, av.error.FFmpegError):
                    film(self.wfile, form, server.ended, flush_packets="1")

        super().__init__(Handler)

    def __enter__(self) -> str:
        return f"{self._start()}/live"


class Playlist(_HttpServer):
    """HLS in segments of a second."""

    def __init__(self, folder: Path) -> None:
        super().__init__(functools.partial(_Quiet, directory=str(folder)))
        self._playlist = folder / "index.m3u8"
        options = {"hls_time": "1", "hls_list_size": "4", "hls_flags": "delete_segments"}
        self._film = threading.Thread(
            target=film, args=(str(self._playlist), "hls", self.ended), kwargs=options
        )

    def __enter__(self) -> str:
        self._film.start()
        wait_until(lambda: self._playlist.exists() and self._playlist.read_text().count(".ts") >= 3)
        return f"{self._start()}/index.m3u8"

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._film.join()


class Served(_HttpServer):
    """The files of a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(functools.partial(_Quiet, directory=str(folder)))

    def __enter__(self) -> str:
        return self._start()


class RtmpProcess:
    """FFmpeg as a server of RTMP for one client; skips without it, fails where REQUIRE_FFMPEG=1."""

    def __init__(self) -> None:
        if shutil.which("ffmpeg") is None:
            if os.environ.get("REQUIRE_FFMPEG") == "1":
                pytest.fail("REQUIRE_FFMPEG=1 but there is no ffmpeg")
            pytest.skip("no ffmpeg")
        self._uri = f"rtmp://127.0.0.1:{free_port()}/live/stream"

    def __enter__(self) -> str:
        line = f"ffmpeg -v error -re -f lavfi -i testsrc2=size=160x120:rate={RATE} -c:v libx264 -g {RATE}"
        line += f" -preset ultrafast -tune zerolatency -pix_fmt yuv420p -f flv -listen 1 {self._uri}"
        self._process = subprocess.Popen(line.split(), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return self._uri

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing."""
