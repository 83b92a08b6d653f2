"""Choice of the decoder, and the sentence about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import pytest
import torch

from stream.config import InputSettings
from stream.errors import SourceError
from stream.frame import Side
from stream.sources import open_source
from stream.sources.video.decoder_choice import Video, obstacle, why_cpu
from stream.sources.video.file import VideoSource
from stream.sources.video.hardware_watch import HARDWARE_FAILURES, HardwareWatch
from stream.sources.video.nvdec import Surfaces
from tests.helpers.media import moving_pattern, write_video
from tests.helpers.surfaces import CUDA, HostSurfaces, NoDecoder

H264 = Video("h264", True, "yuv420p", (64, 48))
NO_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="NVDEC may open here")


def opened(
    path: Path,
    decoder: str = "auto",
    device: torch.device | None = CUDA,
    surfaces: Callable[[torch.device], Surfaces] = HostSurfaces,
    role: Side = "visible",
) -> VideoSource:
    settings = InputSettings.model_validate({"uri": str(path), "decoder": decoder})
    return VideoSource(settings, path, role, device, surfaces)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_video(tmp_path / "v.mp4", moving_pattern(6, colour=True))


@pytest.mark.parametrize(
    ("video", "words"),
    [
        (Video("ffv1", False, "yuv420p", (64, 48)), "this is ffv1"),
        (Video("mjpeg", True, "yuvj420p", (64, 48)), "this is mjpeg"),
        (Video("h264", False, "yuv420p", (64, 48)), "this is h264"),
        (Video("h264", True, "yuv422p", (64, 48)), "this is yuv422p"),
        (Video("hevc", True, "gray10le", (64, 48)), "this is gray10le"),
        (Video("h264", True, "yuv420p", (63, 48)), "this is 63x48"),
        (Video("h264", True, "yuv420p", (64, 47)), "this is 64x47"),
        (Video("h264", True, "yuv420p", (64, 48), matrix=8), "H.273 code 8"),
        (Video("h264", True, "yuv420p", (64, 48), is_woven=True), "interlaced video is converted by the CPU"),
        (Video("hevc", True, "yuv420p10le", (64, 48), is_hdr=True), "HDR is converted by the CPU"),
    ],
)
def test_every_obstacle_is_named(video: Video, words: str) -> None:
    phrase = obstacle(video)
    assert phrase is not None and words in phrase


def test_nothing_stands_in_the_way_of_ordinary_video() -> None:
    assert obstacle(H264) is None
    assert obstacle(Video("hevc", True, "yuv420p10le", (1920, 1080), matrix=9)) is None


def test_nvdec_is_tried_only_where_the_network_runs_on_a_gpu() -> None:
    assert why_cpu("auto", None, H264) == why_cpu("cuda", torch.device("cpu"), H264)
    assert "not run on a GPU" in str(why_cpu("auto", None, H264))
    assert why_cpu("cpu", CUDA, H264) == "as asked for"
    assert why_cpu("auto", CUDA, H264) is None


def test_the_source_says_what_decodes_it(clip: Path) -> None:
    with opened(clip) as source:
        assert (source.info.decoder, source.info.codec) == ("cuda (NVDEC h264)", "h264")
        assert isinstance(next(iter(source)).pixels, torch.Tensor)
    with opened(clip, device=None) as source:
        assert source.info.decoder == "cpu (libav h264)"
        assert "not run on a GPU" in source.info.decoder_why
    with opened(clip, "cpu") as source:
        assert source.info.decoder_why == "as asked for"


def test_the_cpu_takes_over_what_nvdec_refuses(clip: Path) -> None:
    with opened(clip, surfaces=lambda device: HostSurfaces(device, gone_after=0)) as source:
        assert source.info.decoder == "cpu (libav h264)"
        assert "profile or size" in source.info.decoder_why
        assert len(list(source)) == 6


@NO_GPU
def test_without_a_gpu_libav_refuses_nvdec_and_the_cpu_decodes(clip: Path) -> None:
    with opened(clip, surfaces=NoDecoder) as source:
        assert source.info.decoder == "cpu (libav h264)"
        assert source.info.decoder_why.startswith("NVDEC cannot be opened here (")
        assert len(list(source)) == 6


@NO_GPU
def test_nvdec_that_was_asked_for_and_cannot_be_had_is_an_error(clip: Path) -> None:
    with pytest.raises(SourceError, match=r"by NVDEC: NVDEC cannot be opened.*--visible-decoder auto or cpu"):
        opened(clip, "cuda", surfaces=NoDecoder)
    with pytest.raises(SourceError, match="the network does not run on a GPU; take --thermal-decoder"):
        opened(clip, "cuda", device=None, role="thermal")


def test_pictures_are_not_decoded_by_nvdec(tmp_path: Path) -> None:
    for uri in ("synthetic://street?seed=1", f"images://{tmp_path}"):
        with pytest.raises(SourceError, match="holds no video that NVDEC decodes"):
            open_source(InputSettings(uri=uri, decoder="cuda"), "visible", CUDA)


def test_pictures_that_leave_the_device_end_the_run_with_a_sentence(clip: Path) -> None:
    with (
        opened(clip, surfaces=lambda device: HostSurfaces(device, gone_after=3)) as source,
        pytest.raises(SourceError, match=r"format yuv420p at frame 3.*cuda \(NVDEC h264\)"),
    ):
        list(source)


def test_hardware_that_keeps_failing_is_given_up() -> None:
    watch = HardwareWatch()
    broken = av.error.ExternalError(1, "Generic error in an external library")
    damaged = av.error.InvalidDataError(1, "Invalid data found when processing input")
    assert not any(watch.gives_up(damaged) for _ in range(100))
    assert not any(watch.gives_up(broken) for _ in range(HARDWARE_FAILURES - 1))
    watch.saw_picture()
    assert not any(watch.gives_up(broken) for _ in range(HARDWARE_FAILURES - 1))
    assert watch.gives_up(broken)
