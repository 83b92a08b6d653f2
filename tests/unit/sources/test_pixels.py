"""Pixel formats of the reference against libav's scaler, which decides elsewhere what a colour is."""

from __future__ import annotations

import io

import av
import cv2
import numpy as np
import pytest
import torch
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from cuda_kernels import reference
from stream.sources.video.yuv import Yuv
from stream.yuv import ROUNDED

MATRICES = {1: Colorspace.ITU709, 6: Colorspace.ITU601, 9: Colorspace.BT2020}


def scene(height: int = 96, width: int = 128) -> np.ndarray:
    """[H, W, 3] uint8: smooth colours with a few soft shapes."""
    random = np.random.default_rng(4)
    coarse = random.integers(20, 235, (6, 8, 3)).astype(np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def decoded(rgb: np.ndarray, pixel_format: str, matrix: int, full: bool) -> av.VideoFrame:
    """The picture after H.264, whose decoder says where the samples of chroma lie."""
    frame = VideoReformatter().reformat(
        av.VideoFrame.from_ndarray(rgb, "rgb24"),
        format=pixel_format,
        dst_colorspace=MATRICES[matrix],
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
        interpolation=ROUNDED,
    )
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "4"})
        stream.height, stream.width, stream.pix_fmt = *rgb.shape[:2], pixel_format
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    file.seek(0)
    with av.open(file) as container:
        return next(container.decode(video=0))


def by_libav(frame: av.VideoFrame, matrix: int, full: bool) -> np.ndarray:
    frame.colorspace, frame.color_range = matrix, (ColorRange.JPEG if full else ColorRange.MPEG)
    back = VideoReformatter().reformat(
        frame,
        format="rgb24",
        src_colorspace=MATRICES[matrix],
        dst_color_range=ColorRange.JPEG,
        interpolation=ROUNDED,
    )
    return back.to_ndarray()


def planes(frame: av.VideoFrame, dtype: type) -> list[torch.Tensor]:
    whole = [np.frombuffer(bytes(each), dtype).reshape(each.height, -1) for each in frame.planes]
    return [
        torch.from_numpy(rows[:, : each.width].copy()) for rows, each in zip(whole, frame.planes, strict=True)
    ]


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le"])
def test_rgb_is_what_libav_makes_of_it(pixel_format: str, matrix: int, full: bool) -> None:
    frame = decoded(scene(), pixel_format, matrix, full)
    deep = pixel_format == "yuv420p10le"
    y, u, v = planes(frame, np.uint16 if deep else np.uint8)
    colours = torch.from_numpy(Yuv(matrix, full, 10 if deep else 8).rgb_matrix())
    rgb = reference.rgb_from_yuv420p(y, u, v, colours)
    difference = np.abs(rgb.numpy().astype(int) - by_libav(frame, matrix, full))[2:-2, 2:-2]
    assert difference.max() <= 2
    assert difference.mean() < 0.6


def test_semi_planar_formats_show_the_same_picture() -> None:
    """NV12 as NVDEC gives 8 bits, P010 as it gives 10: in the upper bits of 16."""
    frame = decoded(scene(), "yuv420p10le", 1, full=False)
    y, u, v = (plane.to(torch.int32) for plane in planes(frame, np.uint16))
    uv = torch.stack((u, v), dim=-1)
    planar = reference.rgb_from_yuv420p(y, u, v, torch.from_numpy(Yuv(1, False, 10).rgb_matrix()))
    p010 = (y << 6).to(torch.uint16), (uv << 6).to(torch.uint16)
    matrix = torch.from_numpy(Yuv(1, False, 10, shift=6).rgb_matrix())
    assert (reference.rgb_from_nv12(*p010, matrix).int() - planar.int()).abs().max() <= 1
    nv12 = (y >> 2).to(torch.uint8), (uv >> 2).to(torch.uint8)
    matrix = torch.from_numpy(Yuv(1, False, 8).rgb_matrix())
    assert (reference.rgb_from_nv12(*nv12, matrix).int() - planar.int()).abs().max() <= 4


def test_bgr_and_gray() -> None:
    rgb = torch.from_numpy(scene())
    assert torch.equal(reference.rgb_from_bgr(rgb.flip(-1)), rgb)
    left_aligned = torch.tensor([[0, 64, 65472]], dtype=torch.int32).to(torch.uint16)
    assert reference.counts_from_gray(left_aligned, 6).tolist() == [[0, 1, 1023]]


@pytest.mark.parametrize("size", [(96, 128), (33, 47), (1, 1)])
def test_merging_into_yuv_shows_the_merged_picture(size: tuple[int, int]) -> None:
    """There and back again: brightness to rounding, colour to what half its resolution keeps."""
    rgb = torch.from_numpy(scene(*size))
    planes = reference.luma(rgb), *reference.chroma(rgb)
    to_rgb = Yuv(6, full_range=True).rgb_matrix()
    to_yuv = np.linalg.inv(to_rgb[:, :3])
    colours = np.column_stack((to_yuv, -to_yuv @ to_rgb[:, 3])).astype(np.float32)
    y, uv = reference.merge_nv12(*planes, torch.from_numpy(colours))
    back = reference.rgb_from_nv12(y, uv, torch.from_numpy(to_rgb))
    merged = reference.merge(*planes)
    difference = (back.int() - merged.int()).abs()
    assert difference.float().mean() < 4
    assert (reference.luma(back) - reference.luma(merged)).abs().max() <= 2
    yuv = reference.merge_yuv420p(*planes, torch.from_numpy(colours))
    assert torch.equal(y, yuv[0]) and torch.equal(uv[..., 0], yuv[1]) and torch.equal(uv[..., 1], yuv[2])
