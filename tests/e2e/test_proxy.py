"""The page behind nginx and Caddy, with the examples that come with the project, in a real browser."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.helpers.media import make_pair
from tests.helpers.patience import patience, wait_until
from tests.helpers.running import Running, running

EXAMPLES = Path(__file__).parents[2] / "examples" / "proxy"
TOKEN = "a-token-of-24-characters"
PATIENCE_MS = int(patience(30_000))
PROXIES = [name for name in ("nginx", "caddy") if shutil.which(name)]
MAIN = (
    "daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/errors;\n"
    "events {{}}\nhttp {{ access_log off; {temporary}\n{servers} }}\n"
)
# Lines by which proxies pass on host names: their default, the usual line, and the one that keeps the port.
HOST_LINES = ["", "proxy_set_header Host $host;", "proxy_set_header Host $http_host;"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Running]]:
    """Two runs, by the token that they ask for; empty for none."""
    visible, thermal = make_pair(tmp_path_factory.mktemp("pair"), count=100, size=(32, 24), rate=10)
    cameras = (f"loop://{visible}", f"loop://{thermal}")
    words = ["--preview", "127.0.0.1:0", "--preview-hosts", "cam.example", "--preview-hosts", "127.0.0.1"]
    words += ["--preview-prefix", "/fused"]
    with (
        running(*words, cameras=cameras) as run,
        running(*words, "--preview-token", TOKEN, cameras=cameras) as guarded,
    ):
        yield {"": run, TOKEN: guarded}
        assert "Traceback" not in run.stop() + guarded.stop()


both = pytest.mark.parametrize("token", ["", TOKEN], ids=["open", "token"])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def nginx(run: Running, folder: Path, change: Callable[[str], str] = lambda text: text) -> Iterator[int]:
    port = free_port()
    text = (EXAMPLES / "nginx.conf").read_text().replace("listen 80", f"listen 127.0.0.1:{port}")
    text = text.replace("server_name cam.example;", "")
    text = change(text.replace("127.0.0.1:8080", urlsplit(run.page).netloc))
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    conf = folder / "nginx.conf"
    conf.write_text(MAIN.format(folder=folder, temporary=temporary, servers=text))
    with serving(["nginx", "-e", f"{folder}/errors", "-c", str(conf)], port):
        yield port


@contextmanager
def caddy(run: Running, folder: Path, change: Callable[[str], str] = lambda text: text) -> Iterator[int]:
    port = free_port()
    text = (EXAMPLES / "Caddyfile").read_text().replace("cam.example {", f"http://:{port} {{")
    text = change(text.replace("127.0.0.1:8080", urlsplit(run.page).netloc))
    conf = folder / "Caddyfile"
    conf.write_text("{\n\tadmin off\n}\n" + text)
    with serving(["caddy", "run", "--adapter", "caddyfile", "--config", str(conf)], port):
        yield port


@contextmanager
def serving(words: list[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: process.poll() is not None or listens(port))
        assert process.poll() is None, process.communicate()[1]
        yield
    finally:
        process.terminate()
        process.communicate(timeout=patience(20))


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def works(browser: Any, address: str) -> None:
    """Picture, health and a change, by the page itself."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    try:
        page.goto(address)
        assert urlsplit(page.url).path == "/fused/" and not urlsplit(page.url).query
        shown = "Number(document.getElementById('picture').dataset.index ?? -1)"
        first = [-1]
        for _ in range(2):
            wait_until(lambda: page.evaluate(shown) > first[-1])
            first.append(page.evaluate(shown))
        change = (
            "fetch('api/settings', {method: 'PATCH', headers: {'Content-Type': 'application/json'}, "
            "body: '{\"pairing.tolerance_ms\": 25}'}).then((answer) => answer.status)"
        )
        assert page.evaluate(change) == 200
    finally:
        page.close()
    assert complaints == []


@pytest.mark.skipif("nginx" not in PROXIES, reason="nginx is not installed")
@pytest.mark.parametrize("line", HOST_LINES)
@pytest.mark.parametrize(
    ("is_kept", "token"), [(False, TOKEN), (True, "")], ids=["prefix cut off, token", "prefix kept, open"]
)
def test_nginx(
    runs: dict[str, Running], browser: Any, tmp_path: Path, token: str, line: str, is_kept: bool
) -> None:
    def change(text: str) -> str:
        text = re.sub(r"proxy_set_header Host \$host;", line, text)
        return re.sub(r"(proxy_pass http://[^/]+)/;", r"\1;", text) if is_kept else text

    query = f"?token={token}" if token else ""
    with nginx(runs[token], tmp_path, change) as port:
        works(browser, f"http://127.0.0.1:{port}/fused/{query}")
        works(browser, f"http://cam.example:{port}/fused/{query}")
        works(browser, f"http://cam.example:{port}/fused{query}")


@pytest.mark.skipif("caddy" not in PROXIES, reason="Caddy is not installed")
@both
def test_caddy(runs: dict[str, Running], browser: Any, tmp_path: Path, token: str) -> None:
    query = f"?token={token}" if token else ""
    with caddy(runs[token], tmp_path) as port:
        works(browser, f"http://127.0.0.1:{port}/fused/{query}")
        works(browser, f"http://cam.example:{port}/fused/{query}")


@pytest.mark.skipif("nginx" not in PROXIES, reason="nginx is not installed")
def test_another_page_still_cannot_steer(runs: dict[str, Running], browser: Any, tmp_path: Path) -> None:
    with nginx(runs[""], tmp_path) as port:
        page = browser.new_page()
        page.goto(f"http://evil.example:{port}/fused/healthz")
        assert "answers only to localhost" in page.content()
        page.close()
