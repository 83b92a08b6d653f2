"""Choice of the encoder. NVENC is not at hand: where it must open, an encoder of the CPU stands in for it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stream.config import RunSettings
from stream.errors import SinkError
from stream.frame import Colour
from stream.monitoring.report import RunReport
from stream.pipeline.fan_out import FanOut
from stream.runtime.clock import SystemClock
from stream.sinks.base import SinkOptions
from stream.sinks.video import trial_encode as rehearsal
from stream.sinks.video.conversion import PixelsToFrame, written_colour
from stream.sinks.video.sink import VideoSink
from stream.sinks.video.trial_encode import choose_coder, gpu_coder
from stream.sources.base import SourceInfo

STAND_IN = "mpeg4"


def chosen(**options: object) -> str:
    return choose_coder("mp4", SinkOptions(**options))[0].name  # type: ignore[arg-type]


@pytest.fixture
def nvenc(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose GPU encodes."""
    monkeypatch.setattr(rehearsal, "GPU_ENCODER", STAND_IN)


@pytest.mark.usefixtures("nvenc")
def test_a_run_on_a_gpu_with_an_encoder_uses_it() -> None:
    assert chosen(device="cuda") == STAND_IN
    assert chosen(device="cuda", quality=5) == STAND_IN


@pytest.mark.usefixtures("nvenc")
def test_a_run_on_the_cpu_and_a_named_encoder_do_not() -> None:
    assert chosen() == "libx264"
    assert chosen(device="cuda", encoder="libx265") == "libx265"


@pytest.mark.usefixtures("nvenc")
def test_what_the_gpu_encoder_does_not_take_goes_to_libx264() -> None:
    assert chosen(device="cuda", size=(8200, 16)) == "libx264"
    assert chosen(device="cuda", quality=40) == "libx264", "the stand-in's scale ends at 31"


def test_a_gpu_without_an_encoder_uses_libx264() -> None:
    assert chosen(device="cuda") == "libx264"


def test_nvenc_has_no_quality_0_since_that_would_mean_any() -> None:
    assert gpu_coder(0) is None
    coder = gpu_coder(1)
    assert coder is not None and coder[1]["cq"] == "1"


def test_a_named_nvenc_without_a_card_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"no NVIDIA video encoder.*take the encoder libx264"):
        VideoSink(tmp_path / "out.mp4", SinkOptions(encoder="h264_nvenc", device="cuda"))


def test_the_report_names_the_encoder_of_each_output(tmp_path: Path) -> None:
    outputs = [{"uri": str(tmp_path / "out.mkv"), "encoder": "ffv1"}, {"uri": "null://"}]
    inputs = {"visible": {"uri": "v.mp4"}, "thermal": {"uri": "t.mp4"}}
    settings = RunSettings.model_validate({**inputs, "outputs": outputs})
    report = RunReport(SystemClock())
    sinks = FanOut(settings, SourceInfo("v.mp4", 64, 48, "rgb24"), report.times)
    report.add(outputs=lambda: sinks.outputs)
    with sinks:
        pass
    assert [output.encoder for output in report.outputs] == ["ffv1", ""]
    assert report.as_json()["outputs"][0]["encoder"] == "ffv1"


@pytest.mark.parametrize("size", [(48, 32), (47, 31)])
def test_nv12_holds_the_numbers_of_planar_420(size: tuple[int, int]) -> None:
    width, height = size
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    colour = written_colour(Colour(matrix=1), height, "nv12")
    assert colour == written_colour(Colour(matrix=1), height, "yuv420p")
    packed = PixelsToFrame("nv12", colour)(pixels, 0, Fraction(1, 25)).to_ndarray()
    planar = PixelsToFrame("yuv420p", colour)(pixels, 0, Fraction(1, 25)).to_ndarray()
    luma_rows = 32
    np.testing.assert_array_equal(packed[:luma_rows], planar[:luma_rows])
    u, v = planar[luma_rows:].reshape(2, -1)
    np.testing.assert_array_equal(packed[luma_rows:].reshape(-1, 2), np.stack([u, v], axis=-1))
