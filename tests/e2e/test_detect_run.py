"""`gifnet run --detect`: a recording on the command line, and objects of cameras at a subscriber."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from stream.client import Control, ObjectSubscriber
from tests.e2e.conftest import Gifnet
from tests.helpers.patience import patience
from tests.helpers.readback import count_frames
from tests.helpers.running import running

STREET = "synthetic://street?seed=3&size=208x160&duration=0.6&light=day"


def test_a_recording_is_looked_at_at_its_own_pace(gifnet: Gifnet, tmp_path: Path) -> None:
    config, film, report = tmp_path / "run.yaml", tmp_path / "fused.mp4", tmp_path / "report.json"
    config.write_text("detection: {enabled: true, rate: 5, least_score: 0.05}\nfusion: {model: 'null'}\n")
    done = gifnet("run", STREET, STREET, "-c", config, "-o", film, "--report", report)
    assert done.status == 0, done.err
    told = json.loads(report.read_text())["detection"]
    assert (told["detections"], told["skipped"], told["error"]) == (3, 0, "")  # at 0, 0.2 and 0.4 of 0.6 s
    assert set(told["found"]) <= {"person", "vehicle"} and sum(told["found"].values()) > 0
    assert count_frames(film) == 15


def test_objects_of_cameras_reach_a_subscriber_beside_the_control_socket() -> None:
    frames, control = (f"tcp://127.0.0.1:{_free_port()}" for _ in range(2))
    options = ["--detect", "--detect-rate", "20", "--control", control]
    with running("-o", f"zmq+{frames}", *options):
        found = next(ObjectSubscriber(frames).every(timeout_s=patience(30)))
        with Control(control, timeout_s=patience(10)) as run:
            told = run.status()["detection"]
    assert found.size == (160, 120) and found.stream == "main"
    assert told["detections"] >= 1 and told["detector"] == "gifnet detector" == found.detector["name"]


def test_a_detector_that_is_not_there_is_one_sentence(gifnet: Gifnet, tmp_path: Path) -> None:
    done = gifnet(
        "run",
        STREET,
        STREET,
        "-o",
        "null://",
        "--model",
        "null",
        "--detect",
        "--detector",
        tmp_path / "none.onnx",
    )
    assert done.status == 1 and "none.onnx cannot be read: No such file" in done.err
    done = gifnet("run", STREET, STREET, "-o", "null://", "--detector", "x.onnx")
    assert done.status != 0 and "detector is given without detection; add --detect" in done.err


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
