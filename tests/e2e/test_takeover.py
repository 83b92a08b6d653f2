"""`gifnet run --takeover`: one process after another publishes, and nobody gets a frame twice."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from stream.client import ReceivedFrame, Subscriber
from tests.helpers.media_server import free_port
from tests.helpers.patience import patience
from tests.helpers.running import running


def test_a_new_process_takes_over_and_no_frame_comes_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    port = free_port()
    words = ("-o", f"zmq+tcp://127.0.0.1:{port}", "--takeover", "gate", "-q")
    got: list[ReceivedFrame] = []
    with running(*words) as first, Subscriber(f"tcp://127.0.0.1:{port}") as camera:
        frames = camera.every(timeout_s=patience(60))
        got += [next(frames) for _ in range(3)]
        with running(*words) as second:
            while not got[-1].restarted:
                got.append(next(frames))
            got += [next(frames) for _ in range(3)]
            assert first.process.wait(patience(30)) == 143
            said = second.stop()
            assert second.process.returncode == 130, said
    assert f"taking over gate from process {first.process.pid}" in said
    assert sum(frame.restarted for frame in got) == 1
    assert len({frame.header.epoch_ns for frame in got}) == 2
    for before, after in pairwise(got):
        assert (after.header.t_visible_ns or 0) > (before.header.t_visible_ns or 0)
        assert after.restarted or after.header.seq > before.header.seq
