"""Motion JPEG by HTTP as cameras send it: with odd boundaries, without lengths, without boundaries at all."""

from __future__ import annotations

import http.server
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from stream.config import InputSettings
from stream.errors import SourceError
from stream.sources import open_source
from tests.helpers.senders import Served

MULTIPART = "multipart/x-mixed-replace; boundary=frame"


@dataclass(frozen=True)
class Camera:
    """A way in which a camera sends its pictures."""

    content_type: str = MULTIPART
    before: bytes = b"--frame\r\n"
    after: bytes = b"\r\n"
    header: bool = True
    length: bool = True
    comment: bytes = b""
    pictures: bool = True
    redirects: bool = False


CAMERAS = {
    "as documented": Camera(),
    "boundary in quotes": Camera('multipart/x-mixed-replace;boundary="frame"'),
    "dashes in the header": Camera("multipart/x-mixed-replace; boundary=--frame"),
    "no length": Camera(length=False),
    "no first boundary": Camera(before=b"", after=b"\r\n--frame\r\n"),
    "no line break before a boundary": Camera(after=b""),
    "dashes inside a picture": Camera(comment=b"note\r\n--x\r\nmore"),
    "dashes inside a picture, no length": Camera(comment=b"note\r\n--x\r\nmore", length=False),
    "no boundaries": Camera("video/x-motion-jpeg", b"", b"", header=False),
    "no type": Camera(""),
    "from another address": Camera(redirects=True),
}


def picture(index: int, comment: bytes) -> bytes:
    data = cv2.imencode(".jpg", np.full((48, 64), 40 + 20 * (index % 8), np.uint8))[1].tobytes()
    if comment:
        data = data[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2) + comment + data[2:]
    return data


@contextmanager
def serving(camera: Camera) -> Iterator[str]:
    """The camera at 50 pictures a second; gives its address."""
    stop = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *words: object) -> None:
            pass

        def do_GET(self) -> None:
            if camera.redirects and self.path != "/elsewhere":
                self.send_response(302)
                self.send_header("Location", "/elsewhere")
                self.end_headers()
                return
            self.send_response(200)
            if camera.content_type:
                self.send_header("Content-Type", camera.content_type)
            self.end_headers()
            index = 0
            while not stop.wait(0.02):
                data = picture(index, camera.comment) if camera.pictures else b""
                length = b"Content-Length: %d\r\n" % len(data) if camera.length else b""
                head = b"Content-Type: image/jpeg\r\n" + length + b"\r\n" if camera.header else b""
                try:
                    self.wfile.write(camera.before + head + data + camera.after)
                except OSError:
                    return
                index += 1

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/video.mjpg"
        finally:
            stop.set()
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("camera", CAMERAS.values(), ids=CAMERAS.keys())
def test_every_camera_is_read(camera: Camera) -> None:
    with serving(camera) as address, open_source(InputSettings(uri=address), "thermal") as source:
        frames = [frame for _, frame in zip(range(12), source, strict=False)]
    assert (source.info.width, source.info.height) == (64, 48)
    greys = [round(float(frame.pixels.mean())) for frame in frames]
    steps = {round((after - before) / 20) % 8 for before, after in itertools.pairwise(greys)}
    assert all(abs(grey - 40) % 20 < 2 or abs(grey - 40) % 20 > 18 for grey in greys)
    assert steps <= {1, 2}, greys


def test_an_address_of_one_picture_gives_one_and_ends(tmp_path: Path) -> None:
    (tmp_path / "now.jpg").write_bytes(picture(0, b""))
    with Served(tmp_path) as site, open_source(InputSettings(uri=f"{site}/now.jpg"), "thermal") as source:
        assert [frame.pixels.shape for frame in source] == [(48, 64)]


def test_a_page_is_still_refused_in_one_sentence() -> None:
    page = Camera("text/html", b"<html>" * 4000, b"</html>", header=False, pictures=False)
    with (
        serving(page) as address,
        pytest.raises(SourceError, match=r"nothing that is known as video|no answer"),
    ):
        open_source(InputSettings(uri=address, timeout_s=1), "thermal")
