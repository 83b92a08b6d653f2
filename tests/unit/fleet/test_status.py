from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from stream.cli.fleet.command import fleet as command
from tests.helpers.media_server import free_port
from tests.unit.fleet.test_pairs import fleet

METRICS = """# TYPE gifnet_frames_fused counter
gifnet_frames_fused_total 120
# TYPE gifnet_frames_dropped counter
gifnet_frames_dropped_total{reason="no_partner"} 3
gifnet_frames_dropped_total{reason="late"} 0
# TYPE gifnet_camera_state gauge
gifnet_camera_state{camera="visible",state="open"} 1
gifnet_camera_state{camera="visible",state="away"} 0
"""


@pytest.fixture
def port() -> Iterator[int]:
    """A server that answers as a run does."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(METRICS.encode() if self.path == "/metrics" else b"{}")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_every_pair_is_told_and_one_that_is_away_counts(tmp_path: Path, port: int) -> None:
    text = "pairs:\n  gate: {config: gate.yaml}\n  yard: {config: yard.yaml}\n  pole: {config: pole.yaml}\n"
    closed = free_port()
    path = fleet(
        tmp_path,
        text,
        gate=f"outputs: [{{uri: 'null://'}}]\nmetrics: {{bind: '127.0.0.1:{port}'}}\n",
        yard=f"outputs: [{{uri: 'null://'}}]\nmetrics: {{bind: '127.0.0.1:{closed}'}}\n",
        pole="outputs: [{uri: 'null://'}]\n",
    )
    done = CliRunner().invoke(command, ["status", str(path)])
    gate, yard, pole = done.output.splitlines()
    assert gate == "gate  running, 120 fused, 3 dropped, visible open"
    assert yard.startswith(f"yard  does not answer at 127.0.0.1:{closed} (")
    assert pole == "pole  has neither metrics nor a page to ask; give it --metrics"
    assert done.exit_code == 3
