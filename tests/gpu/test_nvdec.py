"""NVDEC against the CPU's decoder on a GPU that has it: same frames within a band, same times and count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from stream.config import InputSettings
from stream.frame import Frame, Side
from stream.runtime.prefetch import prefetch
from stream.sources import Source, open_source
from tests.helpers.media import damage_packet, moving_pattern, write_video

pytestmark = pytest.mark.gpu

SIZE = (320, 240)
KINDS = {
    "h264": ("v.mp4", "libx264", "yuv420p"),
    "hevc": ("v.mp4", "libx265", "yuv420p"),
    "hevc 10 bit": ("v.mp4", "libx265", "yuv420p10le"),
    "vp9": ("v.mkv", "libvpx-vp9", "yuv420p"),
}
QUIET = {"libx265": {"x265-params": "log-level=none:crf=12"}}


@pytest.fixture
def device(cuda: str) -> torch.device:
    return torch.device(cuda, 0)


def source(path: Path, role: Side, decoder: str, device: torch.device) -> Source:
    settings = InputSettings.model_validate({"uri": str(path), "decoder": decoder})
    return open_source(settings, role, device)


def both(path: Path, role: Side, device: torch.device) -> tuple[list[Frame], list[Frame]]:
    with source(path, role, "cuda", device) as by_nvdec:
        frames = list(by_nvdec)
    with source(path, role, "cpu", device) as by_cpu:
        return frames, list(by_cpu)


def on_host(frame: Frame) -> np.ndarray:
    assert isinstance(frame.pixels, torch.Tensor) and frame.pixels.is_cuda
    return frame.pixels.cpu().numpy().astype(int)


@pytest.mark.parametrize("role", ["visible", "thermal"])
@pytest.mark.parametrize("kind", KINDS)
def test_frames_are_those_of_the_cpu(tmp_path: Path, device: torch.device, kind: str, role: Side) -> None:
    name, codec, pixel_format = KINDS[kind]
    frames = moving_pattern(30, SIZE, colour=True)
    path = write_video(
        tmp_path / name, frames, codec=codec, pixel_format=pixel_format, options=QUIET.get(codec, {})
    )
    by_nvdec, by_cpu = both(path, role, device)
    assert len(by_nvdec) == len(by_cpu) == 30
    for mine, theirs in zip(by_nvdec, by_cpu, strict=True):
        assert (mine.time_s, mine.index, mine.size) == (theirs.time_s, theirs.index, theirs.size)
        assert (mine.pixel_format, mine.bits) == (theirs.pixel_format, theirs.bits)
        apart = np.abs(on_host(mine) - np.asarray(theirs.pixels).astype(int))
        if role == "thermal":
            assert apart.max() <= 1
        else:
            # Chroma may be spread in another way at edges.
            assert np.quantile(apart, 0.95) <= 2 and apart.mean() < 1


def test_many_frames_may_be_kept(tmp_path: Path, device: torch.device) -> None:
    """Frames are copies: NVDEC has a dozen surfaces, and none is held."""
    path = write_video(tmp_path / "v.mp4", moving_pattern(100, SIZE, colour=True))
    by_nvdec, by_cpu = both(path, "thermal", device)
    apart = [np.abs(on_host(a) - np.asarray(b.pixels)).max() for a, b in zip(by_nvdec, by_cpu, strict=True)]
    assert max(apart) <= 1


def test_it_works_on_a_thread_after_torch_has_opened_the_device(tmp_path: Path, device: torch.device) -> None:
    torch.zeros(1, device=device)
    path = write_video(tmp_path / "v.mp4", moving_pattern(20, SIZE, colour=True))
    with prefetch(lambda: source(path, "visible", "cuda", device), 4) as frames:
        assert len(list(frames)) == 20
    # The context is torch's own, and it outlives the decoder.
    assert torch.ones(3, device=device).sum().item() == 3


def test_two_streams_at_once(tmp_path: Path, device: torch.device) -> None:
    path = write_video(tmp_path / "v.mp4", moving_pattern(40, SIZE, colour=True))
    with (
        prefetch(lambda: source(path, "visible", "cuda", device), 4) as first,
        prefetch(lambda: source(path, "thermal", "cuda", device), 4) as second,
    ):
        assert [a.time_s for a in first] == [b.time_s for b in second]


def test_a_damaged_packet_does_not_end_the_stream(tmp_path: Path, device: torch.device) -> None:
    path = write_video(tmp_path / "v.mp4", moving_pattern(40, SIZE, colour=True))
    damage_packet(path, 20)
    with source(path, "visible", "cuda", device) as frames:
        assert len(list(frames)) + frames.lost.total() == 40


def test_rotation_is_done_on_the_device(tmp_path: Path, device: torch.device) -> None:
    path = write_video(tmp_path / "v.mp4", moving_pattern(3, SIZE, colour=True), rotation=90)
    by_nvdec, by_cpu = both(path, "thermal", device)
    assert np.abs(on_host(by_nvdec[0]) - np.asarray(by_cpu[0].pixels)).max() <= 1


def test_what_nvdec_does_not_decode_goes_to_the_cpu(tmp_path: Path, device: torch.device) -> None:
    path = write_video(tmp_path / "v.mp4", moving_pattern(3, (63, 47), colour=True), pixel_format="yuv444p")
    with source(path, "visible", "auto", device) as frames:
        assert frames.info.decoder == "cpu (libav h264)"
        assert len(list(frames)) == 3
