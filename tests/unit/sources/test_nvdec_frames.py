"""Frames of surfaces are those of the CPU's decoder; surfaces of the host stand for those of a GPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from stream.errors import SourceError
from stream.frame import Frame, Side
from stream.sources.video import pixels as host
from stream.sources.video.file import VideoSource
from stream.sources.video.nvdec import full_range, upright
from stream.sources.video.yuv import WEIGHTS, Yuv
from tests.helpers.media import Pixels, damage_packet, moving_pattern, write_video
from tests.unit.sources.test_nvdec_choice import opened
from tests.unit.sources.test_video import noisy

BLOCK_PX = 16
LOSSLESS = {"preset": "veryfast", "qp": "0"}


def both(path: Path, role: Side = "visible") -> tuple[list[Frame], list[Frame]]:
    """Frames by surfaces and by the CPU, which must agree in everything but the pixels."""
    with opened(path, "cuda", role=role) as source:
        on_device = list(source)
    with opened(path, "cpu", role=role) as source:
        on_host = list(source)
    assert [facts(frame) for frame in on_device] == [facts(frame) for frame in on_host]
    return on_device, on_host


def facts(frame: Frame) -> tuple[object, ...]:
    return frame.time_s, frame.index, frame.size, frame.pixel_format, frame.bits, frame.clock


def apart(on_device: list[Frame], on_host: list[Frame]) -> Pixels:
    pairs = zip(on_device, on_host, strict=True)
    return np.stack([np.asarray(a.pixels).astype(int) - np.asarray(b.pixels) for a, b in pairs])


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", ["bt601", "bt709", None])
def test_colours_are_those_of_the_cpu(tmp_path: Path, matrix: str | None, full: bool) -> None:
    colours = np.random.default_rng(0).integers(20, 236, (3, 4, 3)).astype(np.uint8)
    blocks = colours.repeat(BLOCK_PX, 0).repeat(BLOCK_PX, 1)
    path = write_video(tmp_path / "v.mp4", [blocks] * 2, options=LOSSLESS, matrix=matrix, full_range=full)
    # Chroma may be spread in another way where blocks meet.
    middles = apart(*both(path))[:, BLOCK_PX // 2 :: BLOCK_PX, BLOCK_PX // 2 :: BLOCK_PX]
    assert np.abs(middles).max() <= 1


def test_8_bit_thermal_is_exactly_that_of_the_cpu(tmp_path: Path) -> None:
    for name, full in (("limited.mp4", False), ("full.mp4", True)):
        frames = [frame[..., 0] for frame in noisy(3)]
        path = write_video(tmp_path / name, frames, options=LOSSLESS, full_range=full)
        assert not apart(*both(path, "thermal")).any()


@pytest.mark.parametrize("full", [False, True])
def test_10_bit_thermal_is_that_of_the_cpu(tmp_path: Path, full: bool) -> None:
    ramp = np.tile(np.arange(1024, dtype=np.uint16), (16, 1))
    path = write_video(
        tmp_path / "t.mp4", [ramp << 6] * 2, codec="libx265", pixel_format="yuv420p10le",
        options={"x265-params": "log-level=none:lossless=1"}, full_range=full,
    )  # fmt: skip
    on_device, on_host = both(path, "thermal")
    assert on_device[0].pixel_format == "gray16le" and on_device[0].bits == 10
    assert np.abs(apart(on_device, on_host)).max() <= 1


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_rotated_video_stands_upright(tmp_path: Path, turn: int) -> None:
    frames = [frame[..., 0] for frame in noisy(2, (64, 32))]
    path = write_video(tmp_path / "v.mp4", frames, options=LOSSLESS, rotation=turn)
    assert not apart(*both(path, "thermal")).any()


def test_a_damaged_frame_is_lost_in_the_same_way(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", noisy(40))
    damage_packet(path, 20)
    with opened(path, "cuda") as source:
        frames = list(source)
    assert source.lost == {"corrupt": 1}
    assert (len(frames), frames[-1].index) == (39, 39)


def test_a_change_of_size_and_a_cut_are_told_as_ever(tmp_path: Path) -> None:
    first = write_video(tmp_path / "a.ts", moving_pattern(5, (64, 48), colour=True))
    second = write_video(tmp_path / "b.ts", moving_pattern(5, (80, 48), colour=True))
    joined = tmp_path / "v.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    with (
        opened(joined, "cuda") as source,
        pytest.raises(SourceError, match="at frame 5: from 64x48 to 80x48"),
    ):
        list(source)


def test_closing_early_and_twice_lets_go_of_everything(tmp_path: Path) -> None:
    source: VideoSource = opened(write_video(tmp_path / "v.mp4", moving_pattern(4, colour=True)), "cuda")
    frame = next(iter(source))
    source.close()
    source.close()
    assert list(source) == []
    assert frame.size == (64, 48), "a frame outlives its source"


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", sorted(WEIGHTS))
def test_white_black_and_grey_have_no_tint(matrix: int, full: bool) -> None:
    for bits, shift in ((8, 0), (10, 6)):
        yuv = Yuv(matrix, full, bits, shift)
        scale = 1 << (bits - 8)
        top = (1 << bits) - 1
        black, white = (0, top) if full else (16 * scale, 235 * scale)
        stored = np.array([[black, white], [128 * scale] * 2, [128 * scale] * 2]) << shift
        rgb = yuv.rgb_matrix() @ np.vstack([stored, [1, 1]])
        np.testing.assert_allclose(rgb, [[0, 255]] * 3, atol=1e-2)
        gain, dark, highest = yuv.luma_scale()
        assert highest == top
        np.testing.assert_allclose((stored[0] - dark) * gain, [0, top], atol=1e-6)


def test_red_is_red() -> None:
    """ITU-R BT.709: red has luma 0.2126, Cb -0.1146 and Cr 0.5."""
    stored = [16 + 219 * 0.2126, 128 - 224 * 0.2126 / 1.8556, 128 + 224 * 0.5, 1]
    np.testing.assert_allclose(Yuv(1, False).rgb_matrix() @ stored, [255, 0, 0], atol=1e-2)


def test_counts_are_rounded_and_stay_in_their_range() -> None:
    luma = torch.tensor([[0, 16, 17, 235, 255]], dtype=torch.uint8)
    assert full_range(luma, 255 / 219, 16, 255).tolist() == [[0, 0, 1, 255, 255]]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16])
def test_tensors_turn_as_arrays_do(dtype: torch.dtype) -> None:
    pixels = torch.arange(3 * 5).reshape(3, 5).to(dtype)
    for matrix in ((a, 0, 0, d) for a in (1, -1) for d in (1, -1)):
        assert np.array_equal(upright(pixels, matrix).numpy(), host.upright(pixels.numpy(), matrix))
    for matrix in ((0, b, c, 0) for b in (1, -1) for c in (1, -1)):
        assert np.array_equal(upright(pixels, matrix).numpy(), host.upright(pixels.numpy(), matrix))
