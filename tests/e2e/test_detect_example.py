"""The example detector in a process of its own: it finds what is hot, and says of which frame."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq

from stream.frame import Frame, FramePair, FusedFrame
from stream.sinks import SinkOptions
from stream.sinks.zeromq.publisher import PublisherSink
from stream.uri import parse_uri
from tests.helpers.onnx_model import write_colour_detector

EXAMPLE = Path(__file__).parents[2] / "examples" / "detect.py"


def hot_frame(index: int) -> FusedFrame:
    """A body of 20x40 pixels in the thermal picture, which walks to the right."""
    thermal = np.random.default_rng(index).integers(55, 65, (120, 160)).astype(np.uint8)
    left = 10 + index % 100
    thermal[50:90, left : left + 20] = 220
    rgb = np.zeros((120, 160, 3), np.uint8)
    time_s = Fraction(index, 25)
    pair = FramePair(
        Frame(rgb, "rgb24", time_s, "pts", index), Frame(thermal, "gray8", time_s, "pts", index), time_s, 0.0
    )
    return FusedFrame(rgb, rgb, thermal, pair, index)


def red_frame(index: int) -> FusedFrame:
    """A red thing of 16x32 pixels at 80, 64 in a picture of 128x256."""
    rgb = np.zeros((256, 128, 3), np.uint8)
    rgb[64:96, 80:96, 0] = 255
    time_s = Fraction(index, 25)
    thermal = np.zeros((256, 128), np.uint8)
    pair = FramePair(
        Frame(rgb, "rgb24", time_s, "pts", index), Frame(thermal, "gray8", time_s, "pts", index), time_s, 0.0
    )
    return FusedFrame(rgb, rgb, thermal, pair, index)


def detections(make: Callable[[int], FusedFrame], *options: str) -> list[dict[str, Any]]:
    """The first five of what the detector publishes of these frames."""
    stop = threading.Event()
    with PublisherSink(parse_uri("zmq+tcp://127.0.0.1:0"), SinkOptions()) as sink, zmq.Context() as context:
        with context.socket(zmq.PUB) as probe:
            port = probe.bind_to_random_port("tcp://127.0.0.1")
        detector = subprocess.Popen(
            [sys.executable, str(EXAMPLE), sink.endpoint, "--publish", f"tcp://127.0.0.1:{port}", *options]
        )

        def publish() -> None:
            for index in itertools.count():
                sink.write(make(index))
                if stop.wait(0.02):
                    return

        thread = threading.Thread(target=publish)
        thread.start()
        try:
            with context.socket(zmq.SUB) as results:
                results.setsockopt(zmq.SUBSCRIBE, b"main/objects")
                results.setsockopt(zmq.RCVTIMEO, 20_000)
                results.connect(f"tcp://127.0.0.1:{port}")
                return [json.loads(results.recv_multipart()[1]) for _ in range(5)]
        finally:
            detector.kill()
            detector.wait()
            stop.set()
            thread.join()


def test_detections_can_be_joined_with_their_frames(tmp_path: Path) -> None:
    for each in detections(hot_frame, "--hot", "--save", str(tmp_path / "found")):
        (hot,) = each["objects"]
        left = 10 + each["seq"] % 100
        assert hot["name"] == "hot" and each["size"] == [160, 120]
        assert hot["box"] == pytest.approx([left, 50, left + 20, 90], abs=5)
        assert each["t_visible_ns"] == each["seq"] * 40_000_000
    assert len(list((tmp_path / "found").glob("*.png"))) >= 5


def test_an_onnx_model_finds_what_it_knows(tmp_path: Path) -> None:
    model = tmp_path / "colours.onnx"
    write_colour_detector(model)
    for each in detections(red_frame, "--model", str(model), "--side", "64"):
        assert each["t_visible_ns"] == each["seq"] * 40_000_000
        assert each["detector"]["name"] == "colours.onnx"
        # A cell of the network is 32 pixels wide here, of which half is red.
        assert each["objects"] == [{"name": "class 0", "score": 0.5, "box": [64, 64, 96, 96]}]
