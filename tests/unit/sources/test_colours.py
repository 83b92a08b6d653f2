"""Colours survive the way from YUV to RGB without a bias."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from stream.config import InputSettings
from stream.sources import open_source

BLOCK_PX = 16


def write_yuv(path: Path, yuv: np.ndarray, full_range: bool) -> None:
    """One lossless frame of 16x16 blocks; `yuv` is [rows, columns, 3] uint8."""
    luma = yuv[..., 0].repeat(BLOCK_PX, 0).repeat(BLOCK_PX, 1)
    chroma = [yuv[..., i].repeat(BLOCK_PX // 2, 0).repeat(BLOCK_PX // 2, 1) for i in (1, 2)]
    planes = np.concatenate([plane.reshape(-1, luma.shape[1]) for plane in (luma, *chroma)])
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = *luma.shape, "yuv420p"
        stream.codec_context.color_range = 2 if full_range else 1
        stream.codec_context.colorspace = 5
        container.mux(stream.encode(av.VideoFrame.from_ndarray(planes, "yuv420p")))
        container.mux(stream.encode())


def to_rgb(yuv: np.ndarray, full_range: bool) -> np.ndarray:
    """ITU-R BT.601 in floating point."""
    luma, cb, cr = np.moveaxis(yuv.astype(float), -1, 0)
    luma, scale = (luma, 1.0) if full_range else ((luma - 16) * 255 / 219, 255 / 224)
    cb, cr = (cb - 128) * scale, (cr - 128) * scale
    return np.stack([luma + 1.402 * cr, luma - 0.344136 * cb - 0.714136 * cr, luma + 1.772 * cb], axis=-1)


@pytest.mark.parametrize("full_range", [False, True])
def test_decoding_neither_darkens_nor_tints(tmp_path: Path, full_range: bool) -> None:
    yuv = np.random.default_rng(0).integers((90, 110, 110), (170, 146, 146), (6, 8, 3)).astype(np.uint8)
    write_yuv(tmp_path / "blocks.mkv", yuv, full_range)
    with open_source(InputSettings(uri=str(tmp_path / "blocks.mkv")), "visible") as source:
        seen = next(iter(source)).pixels
    middles = seen[BLOCK_PX // 2 :: BLOCK_PX, BLOCK_PX // 2 :: BLOCK_PX].astype(float)
    error = middles - to_rgb(yuv, full_range)
    assert np.abs(error.mean(axis=(0, 1))).max() < 0.5, error.mean(axis=(0, 1))
    assert np.abs(error).max() < 2
