"""A detector beside fusion: the frames it looks at, what is drawn, published and counted; ONNX files."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gifnet.perception.finder import Found
from stream.client import ObjectSubscriber
from stream.config import DetectionSettings, OutputSettings, validate
from stream.config.run import RunSettings
from stream.detection.detection import Detection
from stream.detection.open import open_finder, open_onnx
from stream.errors import ConfigError, WeightsError
from stream.render.boxes import COLOURS, draw_boxes
from stream.runtime.clock import SystemClock
from stream.sinks import SinkOptions, open_sink
from stream.sinks.zeromq.publisher import PublisherSink
from stream.zeromq.objects import FoundObject
from tests.helpers.fused import fused_frame
from tests.helpers.onnx_model import write_colour_detector
from tests.helpers.patience import patience

ON = DetectionSettings(enabled=True, rate=5)


class OnePerson:
    """A person in the middle of every picture; waits for `go` where it is told to."""

    name, sha256 = "one person", "0" * 64

    def __init__(self, waits: bool = False) -> None:
        self.go, self.began = threading.Event(), threading.Event()
        if not waits:
            self.go.set()

    def find(self, picture: np.ndarray[Any, Any]) -> list[Found]:
        """One box."""
        self.began.set()
        assert self.go.wait(patience(10))
        return [Found("person", 0.87654, (20.0, 10.04, 40.0, 40.0))]


class Broken(OnePerson):
    """A detector that fails."""

    def find(self, picture: np.ndarray[Any, Any]) -> list[Found]:
        """Fail."""
        self.began.set()
        raise RuntimeError("out of order")


def test_of_a_recording_every_due_frame_is_looked_at() -> None:
    with Detection(ON, OnePerson(), SystemClock(), live=False) as detection:
        looked = [found.seq for index in range(16) for found in detection.look(fused_frame(index))]
    assert looked == [0, 5, 10, 15]  # 5 a second of 25 frames a second
    told = detection.as_json()
    assert (told["detections"], told["skipped"], told["found"]) == (4, 0, {"person": 4})


def test_a_rate_above_the_stream_looks_at_every_frame() -> None:
    settings = DetectionSettings(enabled=True, rate=1000)
    with Detection(settings, OnePerson(), SystemClock(), live=False) as detection:
        assert sum(len(detection.look(fused_frame(index))) for index in range(6)) == 6


def test_a_clock_that_jumps_back_does_not_stop_it() -> None:
    with Detection(ON, OnePerson(), SystemClock(), live=False) as detection:
        looked = [bool(detection.look(fused_frame(index))) for index in (100, 0, 1)]
    assert looked == [True, True, False]


def test_cameras_do_not_wait_for_the_detector() -> None:
    finder = OnePerson(waits=True)
    settings = DetectionSettings(enabled=True, rate=1000)
    with Detection(settings, finder, SystemClock(), live=True) as detection:
        assert detection.look(fused_frame(0)) == []
        assert finder.began.wait(patience(10))
        frames = iter(range(1, 100_000))
        while detection.skipped < 3:
            assert detection.look(fused_frame(next(frames))) == []
        finder.go.set()
        found: list[Any] = []
        while not found:
            found = detection.look(fused_frame(next(frames)))
    assert found[0].seq == 0 and found[0].objects[0].box == (20.0, 10.0, 40.0, 40.0)


def test_a_detector_that_fails_does_not_end_the_cameras(caplog: pytest.LogCaptureFixture) -> None:
    finder = Broken()
    with Detection(ON, finder, SystemClock(), live=True) as detection:
        detection.look(fused_frame(0))
        assert finder.began.wait(patience(10))
    assert detection.as_json()["error"] == "out of order"
    assert "fusion goes on without it" in caplog.text


def test_boxes_are_drawn_while_they_are_young() -> None:
    with Detection(ON, OnePerson(), SystemClock(), live=False) as detection:
        first = fused_frame(0)
        detection.look(first)
        drawn = detection.drawn(first)
        assert drawn.pixels[35, 40].tolist() == list(COLOURS["person"])
        assert np.array_equal(first.pixels, fused_frame(0).pixels)  # the frame itself stays as it is
        assert detection.drawn(fused_frame(50)).picture is not None
        late = fused_frame(50)
        assert detection.drawn(late) is late
    quiet = DetectionSettings(enabled=True, draw=False)
    with Detection(quiet, OnePerson(), SystemClock(), live=False) as detection:
        detection.look(first)
        assert detection.drawn(first) is first


def test_names_stay_inside_the_picture() -> None:
    pixels = np.zeros((48, 64, 3), np.uint8)
    drawn = draw_boxes(
        pixels, [FoundObject("person", 0.5, (0, 0, 63, 47)), FoundObject("cat", 0.5, (5, 30, 20, 40))]
    )
    assert drawn.any() and not pixels.any()


def test_objects_go_out_beside_clean_pictures() -> None:
    with publisher() as sink:
        frames = ObjectSubscriber(sink.endpoint, stream="gate").every(timeout_s=patience(10))
        with Detection(ON, OnePerson(), SystemClock(), live=False) as detection:
            stop = threading.Event()

            def publish() -> None:
                index = 0
                while not stop.wait(0.01):
                    frame = fused_frame(index)
                    for found in detection.look(frame):
                        sink.tell(found)
                    index += 1

            thread = threading.Thread(target=publish)
            thread.start()
            try:
                found = next(frames)
            finally:
                stop.set()
                thread.join()
    assert found.stream == "gate" and found.size == (64, 48)
    assert found.seq % 5 == 0 and found.t_visible_ns == found.seq * 40_000_000
    assert found.objects == (FoundObject("person", 0.877, (20.0, 10.0, 40.0, 40.0)),)
    assert not PublisherSink.draws_boxes


def publisher() -> PublisherSink:
    sink = open_sink(OutputSettings(uri="zmq+tcp://127.0.0.1:0?stream=gate"), SinkOptions())
    assert isinstance(sink, PublisherSink)
    return sink


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("onnx") / "colours.onnx"
    write_colour_detector(path)
    yield path


def test_an_onnx_file_of_the_yolov8_layout(colours: Path) -> None:
    picture = np.zeros((128, 128, 3), np.uint8)
    picture[32:48, 64:80, 0] = 255
    finder = open_finder(DetectionSettings(enabled=True, detector=str(colours), side_px=64))
    assert finder.find(picture) == [Found("class 0", 1.0, (64.0, 32.0, 80.0, 48.0))]


def test_files_that_are_no_detector(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot be read: No such file"):
        open_onnx(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("nothing of the kind")
    with pytest.raises(WeightsError, match="no ONNX file"):
        open_onnx(tmp_path / "text.onnx")
    write_colour_detector(tmp_path / "means.onnx", boxes=False)
    with pytest.raises(WeightsError, match=r"gives \[1, 3, 64\]; allowed are"):
        open_onnx(tmp_path / "means.onnx", side_px=64)
    with pytest.raises(WeightsError, match="there is no detector"):
        open_finder(DetectionSettings(enabled=True, detector=str(tmp_path / "none.safetensors")))


def test_a_detector_without_detection_is_refused() -> None:
    values = {
        "visible": {"uri": "a.mp4"},
        "thermal": {"uri": "b.mp4"},
        "outputs": [{"uri": "null:"}],
        "detection": {"detector": "x.onnx"},
    }
    with pytest.raises(ConfigError, match="detector is given without detection; add --detect"):
        validate(RunSettings, values, "a test")
    values["detection"] = {"enabled": False, "detector": "x.onnx"}
    assert not validate(RunSettings, values, "a test").detection.enabled
