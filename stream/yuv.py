"""Luma and chroma of decoded frames as they are, and their conversion to RGB on demand."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from stream.picture import LumaRange, Pixels, YuvPlanes

UNSPECIFIED = 2
# Players take video without a matrix tag for BT.601 up to this height (standard definition), else for BT.709.
BT601_MAX_HEIGHT_PX = 576
# The scaler's default cuts fractions off, which darkens the picture by one to two levels.
ROUNDED = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
# H.273 matrix -> the scaler's name for it.
SCALER_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
}
_BT709, _BT601 = 1, 6
# PQ and HLG, H.273 transfer characteristics: they become SDR by way of RGB.
_HIGH_DYNAMIC_RANGE = 16, 18
# 8 bits, chroma of half the width and height.
_PLANAR = ("yuv420p", "yuvj420p")


def luma_range(frame: VideoFrame) -> LumaRange | None:
    """Range of the luma of a frame that can travel as planes; None for one that cannot.

    Other than 8 bits and 4:2:0, matrices that are none, and high dynamic range go by way of RGB.
    """
    if frame.format.name not in _PLANAR or frame.color_trc in _HIGH_DYNAMIC_RANGE:
        return None
    if matrix_of(frame) not in SCALER_MATRICES:
        return None
    is_full = frame.format.name == "yuvj420p" or frame.color_range == ColorRange.JPEG
    return "full" if is_full else "limited"


def matrix_of(frame: VideoFrame) -> int:
    """H.273 code point of the matrix as tagged, else the one that players assume."""
    if frame.colorspace != UNSPECIFIED:
        return int(frame.colorspace)
    return _BT601 if frame.height <= BT601_MAX_HEIGHT_PX else _BT709


def planes_of(frame: VideoFrame, to_rgb: PlanesToRgb) -> YuvPlanes:
    """The planes of a frame that `luma_range` lets through, in the decoder's own memory."""
    found = luma_range(frame)
    assert found is not None
    y, u, v = (_plane(plane) for plane in frame.planes)
    return YuvPlanes(y, u, v, matrix_of(frame), found, to_rgb)


class PlanesToRgb:
    """Makes RGB by libav's scaler; one scaler, which any thread may use."""

    def __init__(self, alike: VideoFrame | None = None) -> None:
        """Nothing is converted yet.

        Args:
            alike: a decoded frame of the stream. Where chroma lies between the pixels only frames tell,
                and cannot be set.
        """
        self._scaler, self._lock = VideoReformatter(), threading.Lock()
        # There and back, so that the memory is another one.
        self._frame = alike and alike.reformat(format="yuv444p").reformat(format="yuv420p")

    def __call__(self, planes: YuvPlanes) -> Pixels:
        """[H, W, 3] uint8 full-range RGB."""
        with self._lock:
            frame = self._filled(planes)
            rgb = self._scaler.reformat(
                frame,
                format="rgb24",
                src_colorspace=SCALER_MATRICES[planes.matrix],
                src_color_range=range_of(planes),
                dst_color_range=ColorRange.JPEG,
                interpolation=ROUNDED,
                threads=1,
            )
        return rgb.to_ndarray()

    def _filled(self, planes: YuvPlanes) -> VideoFrame:
        frame = self._frame
        if frame is None or (frame.width, frame.height) != planes.size:
            return frame_of(planes)
        frame.make_writable()
        _fill(frame, planes)
        return frame


def frame_of(planes: YuvPlanes) -> VideoFrame:
    """The planes as a frame for encoders and scalers; copied."""
    width, height = planes.size
    frame = VideoFrame(width, height, "yuv420p")
    _fill(frame, planes)
    frame.color_range = range_of(planes)
    return frame


def range_of(planes: YuvPlanes) -> ColorRange:
    """Libav's name for the range."""
    return ColorRange.JPEG if planes.luma_range == "full" else ColorRange.MPEG


def _fill(frame: VideoFrame, planes: YuvPlanes) -> None:
    for plane, values in zip(frame.planes, (planes.y, planes.u, planes.v), strict=True):
        _plane(plane)[:] = values


def _plane(plane: Any) -> Pixels:
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]
