"""Servers and players that others use: nginx with its RTMP module, and hls.js in a browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from tests.e2e.test_live_sources import check_even, errors_ms, first
from tests.e2e.test_live_sources import opened as opened_camera
from tests.e2e.test_onward import opened as opened_sink
from tests.e2e.test_onward_hls import segments
from tests.e2e.test_proxy import listens
from tests.helpers.media_server import free_port
from tests.helpers.onward import fast_clock, feed
from tests.helpers.patience import patience, wait_until
from tests.helpers.readback import read_frames
from tests.helpers.senders import Served, film
from tests.helpers.stamped_picture import read

MODULE = Path(os.environ.get("NGINX_RTMP_MODULE", "/usr/lib/nginx/modules/ngx_rtmp_module.so"))
CONF = """load_module {module};
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/errors;
{user}
events {{}}
rtmp {{ server {{ listen 127.0.0.1:{rtmp}; application live {{
  live on; hls on; hls_path {folder}/hls; hls_fragment 1s; hls_playlist_length 5s; }} }} }}
http {{ access_log off; {temporary}
  server {{ listen 127.0.0.1:{http}; location /hls {{ root {folder}; }} }} }}
"""
KINDS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
PAGE = """<video id=v muted autoplay></video><script src=hls.min.js></script><script>
var errors = [], player = new Hls();
player.on(Hls.Events.ERROR, (event, what) => { if (what.fatal) errors.push(what.details); });
player.loadSource('index.m3u8');
player.attachMedia(v);
</script>"""


class Nginx:
    """A process of nginx that serves what is published to it.

    Attributes:
        rtmp: address of a stream, to publish and to play.
        hls: address of its playlist.
    """

    def __init__(self, folder: Path) -> None:
        ports = free_port(), free_port()
        self.rtmp = f"rtmp://127.0.0.1:{ports[0]}/live/camera"
        self.hls = f"http://127.0.0.1:{ports[1]}/hls/camera.m3u8"
        self.playlist = folder / "hls" / "camera.m3u8"
        text = CONF.format(
            module=MODULE,
            folder=folder,
            user="user root;" if os.geteuid() == 0 else "",
            temporary=" ".join(f"{kind}_temp_path {folder}/{kind};" for kind in KINDS),
            rtmp=ports[0],
            http=ports[1],
        )
        (folder / "nginx.conf").write_text(text)
        self._port, self._line = ports[0], ["nginx", "-e", f"{folder}/errors", "-c", f"{folder}/nginx.conf"]

    def start(self) -> None:
        """Start it, on the ports that it had before."""
        self._process = subprocess.Popen(self._line, stderr=subprocess.DEVNULL, start_new_session=True)
        wait_until(lambda: self._process.poll() is not None or listens(self._port))
        assert self._process.poll() is None

    def kill(self) -> None:
        """End it and its workers by SIGKILL."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, 9)
        self._process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Nginx]:
    if shutil.which("nginx") is None or not MODULE.exists():
        pytest.skip("no nginx with its RTMP module (Debian: libnginx-mod-rtmp; NGINX_RTMP_MODULE)")
    with Nginx(tmp_path) as server:
        yield server


@contextmanager
def published(uri: str) -> Iterator[None]:
    """A camera that publishes pictures with the true time in them."""
    ended = threading.Event()
    thread = threading.Thread(target=film, args=(uri, "flv", ended))
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_a_camera_is_read_from_nginx_by_rtmp_and_by_hls(nginx: Nginx) -> None:
    with published(nginx.rtmp):
        with opened_camera(nginx.rtmp, timeout_s=4.0) as source:
            frames = first(source, 50)[20:]
        wait_until(lambda: nginx.playlist.exists() and nginx.playlist.read_text().count(".ts") >= 2)
        with opened_camera(nginx.hls, timeout_s=4.0) as source:
            later = first(source, 60)[20:]
    check_even(frames)
    check_even(later)
    # Stamps of the stream and not of arrival: as far from the truth in all frames.
    assert np.ptp(errors_ms(frames)) < 40


def test_nginx_takes_the_stream_and_takes_it_again_after_it_was_killed(nginx: Nginx) -> None:
    with opened_sink(nginx.rtmp) as sink:
        clock = fast_clock()
        for _ in range(2):
            feed(sink, lambda: len(segments(nginx.playlist)) >= 2, clock=clock)
            stamps = [read(picture) for picture in read_frames(newest(nginx.playlist.parent))]
            assert len(stamps) > 5 and None not in stamps
            nginx.kill()
            nginx.playlist.unlink()
            nginx.start()


def newest(folder: Path) -> Path:
    """The last segment but one, which is finished."""
    return sorted(folder.glob("*.ts"), key=lambda path: path.stat().st_mtime_ns)[-2]


def hls_js() -> Path:
    folders = os.environ.get("NODE_PATH", "").split(os.pathsep)
    for folder in folders:
        program = Path(folder, "hls.js", "dist", "hls.min.js")
        if folder and program.is_file():
            return program
    pytest.skip("no hls.js; `npm install hls.js`, and name its folder in NODE_PATH")


def test_hls_js_plays_a_live_playlist(browser: Any, tmp_path: Path) -> None:
    shutil.copy(hls_js(), tmp_path)
    (tmp_path / "page.html").write_text(PAGE)
    page = browser.new_page()
    page.set_default_timeout(patience(30_000))
    played = "[v.getVideoPlaybackQuality().totalVideoFrames, v.currentTime, v.videoWidth, errors]"
    with Served(tmp_path) as site, opened_sink(f"hls://{tmp_path}") as sink:
        clock = fast_clock()
        feed(sink, lambda: len(segments(tmp_path / "index.m3u8")) >= 3, clock=clock)
        page.goto(f"{site}/page.html")
        told: list[Any] = [0]

        def has_played() -> bool:
            told[:] = page.evaluate(played)
            return bool(told[0] > 40 or told[3])

        feed(sink, has_played, clock=clock)
    page.close()
    assert told[0] > 40 and told[1] > 0.5 and told[2] == 320 and told[3] == []
