"""Readers that do not keep up, of ours and in Node: their memory stays small, and what they get is whole."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stream.frame import Frame, FramePair, FusedFrame
from stream.sinks import SinkOptions
from stream.sinks.zeromq.publisher import PublisherSink
from stream.uri import parse_uri
from tests.helpers.patience import patience

EXAMPLE = Path(__file__).parents[2] / "examples" / "subscribe.js"
SIZE = (480, 640)
FRAME_MB = SIZE[0] * SIZE[1] * 3 / 1e6
SLOW = """
import sys, threading
from pathlib import Path
from stream.client import Subscriber

def resident_mb():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1e3

pause, first_mb, most_mb, seen = threading.Event(), 0, 0, []
for frame in getattr(Subscriber(sys.argv[1]), sys.argv[2])(20):
    assert frame.pixels.shape == (480, 640, 3) and (frame.pixels == frame.header.seq % 251).all()
    first_mb, most_mb = first_mb or resident_mb(), max(most_mb, resident_mb())
    seen.append(frame.header.seq)
    pause.wait(0.1)
    if len(seen) == 40:
        break
print(first_mb, most_mb, seen[-1] - seen[0])
"""


def frame_of(index: int) -> FusedFrame:
    rgb = np.full((*SIZE, 3), index % 251, np.uint8)
    time_s = Fraction(index, 100)
    visible, thermal = (
        Frame(rgb, "rgb24", time_s, "pts", index),
        Frame(rgb[..., 0], "gray8", time_s, "pts", index),
    )
    return FusedFrame(rgb, rgb, rgb[..., 0], FramePair(visible, thermal, time_s, 0.0), index)


@contextmanager
def publishing(options: str = "") -> Iterator[str]:
    """A hundred frames a second, of one grey each."""
    stop = threading.Event()
    with PublisherSink(parse_uri(f"zmq+tcp://127.0.0.1:0{options}"), SinkOptions()) as sink:

        def publish() -> None:
            for index in itertools.count():
                sink.write(frame_of(index))
                if stop.wait(0.01):
                    return

        thread = threading.Thread(target=publish)
        thread.start()
        try:
            yield sink.endpoint
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize(("how", "most_frames"), [("every", 16), ("latest", 8)])
def test_a_slow_reader_stays_small(how: str, most_frames: int) -> None:
    with publishing("?queue_mb=2") as address:
        done = subprocess.run(
            [sys.executable, "-c", SLOW, address, how],
            capture_output=True,
            text=True,
            timeout=patience(60),
            check=True,
        )
    first_mb, most_mb, passed = map(float, done.stdout.split())
    assert passed > 60, "it kept up"
    assert most_mb - first_mb < most_frames * FRAME_MB


@pytest.fixture(scope="module")
def node() -> dict[str, str]:
    """The environment in which Node finds its client of ZeroMQ."""
    environment = dict(os.environ)
    program = shutil.which("node")
    command = [program or "node", "-e", "require('zeromq')"]
    if (
        program is None
        or subprocess.run(command, env=environment, capture_output=True, check=False).returncode
    ):
        message = "no Node with the module zeromq; `npm install zeromq`, and name its folder in NODE_PATH"
        if os.environ.get("REQUIRE_NODE") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return environment


@pytest.mark.parametrize("how", ["every", "latest"])
@pytest.mark.parametrize("encoding", ["raw", "jpeg"])
def test_the_example_in_node_gets_whole_frames(node: dict[str, str], how: str, encoding: str) -> None:
    with publishing(f"?encoding={encoding}") as address:
        command = ["node", str(EXAMPLE), address, "main/fused", how]
        with subprocess.Popen(command, env=node, stdout=subprocess.PIPE, text=True) as reader:
            assert reader.stdout is not None
            lines: list[dict[str, Any]] = [json.loads(reader.stdout.readline()) for _ in range(20)]
            reader.kill()
    assert all(line["shape"] == [*SIZE, 3] for line in lines)
    if encoding == "raw":
        assert {line["bytes"] for line in lines} == {SIZE[0] * SIZE[1] * 3}
    steps = [after["seq"] - before["seq"] for before, after in itertools.pairwise(lines)]
    assert min(steps) >= 1
    if how == "every":
        assert set(steps) == {1}
