"""From pictures to what a video encoder takes."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from stream.frame import Colour, Pixels
from stream.picture import YuvPlanes, rgb_of
from stream.sinks.video.encoders import SUBSAMPLED
from stream.yuv import BT601_MAX_HEIGHT_PX, SCALER_MATRICES, frame_of

# The scaler's default cuts fractions off, which darkens and tints the picture by up to one level.
_ROUNDED = Interpolation.BILINEAR | Interpolation.ACCURATE_RND
_RGB_MATRIX = 0
_BT709, _BT601 = 1, 6


def written_colour(source: Colour, height_px: int, pixel_format: str) -> Colour:
    """Colour tags of the output: those of the source, with a matrix if that has no usable one.

    Args:
        source: tags of the visible source.
        height_px: of the output.
        pixel_format: of the encoder; RGB formats have no matrix and full range.
    """
    if pixel_format not in SUBSAMPLED:
        return Colour(_RGB_MATRIX, source.primaries, source.transfer, full_range=True)
    by_height = _BT601 if height_px <= BT601_MAX_HEIGHT_PX else _BT709
    matrix = source.matrix if source.matrix in SCALER_MATRICES else by_height
    return Colour(matrix, source.primaries, source.transfer, source.full_range)


class PixelsToFrame:
    """Turns pictures into frames of one pixel format and colour; keeps one scaler.

    Planes of that colour pass through as they are.
    """

    def __init__(self, pixel_format: str, colour: Colour) -> None:
        self._pixel_format = pixel_format
        self._matrix = SCALER_MATRICES.get(colour.matrix)
        self._full_range = colour.full_range
        self._range = ColorRange.JPEG if colour.full_range else ColorRange.MPEG
        self._scaler = VideoReformatter()

    def __call__(self, kept: Pixels | YuvPlanes, stamp: int, time_base: Fraction) -> VideoFrame:
        """Convert one picture.

        Args:
            kept: [H, W, 3] uint8 RGB, or planes.
            stamp: its time in ticks.
            time_base: seconds of one tick.

        Returns:
            A frame of the pixel format. For 4:2:0, which needs even sides, an odd width or height grows by
            one pixel that repeats the last column or row.
        """
        if isinstance(kept, YuvPlanes) and self._passes(kept):
            picture = frame_of(kept)
            picture.colorspace = SCALER_MATRICES[kept.matrix]
        else:
            picture = self._from_rgb(rgb_of(kept))
        picture.pts, picture.time_base = stamp, time_base
        return picture

    def _passes(self, planes: YuvPlanes) -> bool:
        """True for planes that the encoder would be given in the same numbers by way of RGB."""
        width, height = planes.size
        alike = SCALER_MATRICES[planes.matrix] == self._matrix
        alike = alike and (planes.luma_range == "full") == self._full_range
        return alike and self._pixel_format == "yuv420p" and width % 2 == height % 2 == 0

    def _from_rgb(self, pixels: Pixels) -> VideoFrame:
        if self._pixel_format in SUBSAMPLED:
            pixels = even(pixels)
        return self._scaler.reformat(
            VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24"),
            format=self._pixel_format,
            dst_colorspace=self._matrix,
            interpolation=_ROUNDED,
            src_color_range=ColorRange.JPEG,
            dst_color_range=self._range,
            threads=1,
        )


def even(pixels: Pixels) -> Pixels:
    """Repeat the last row and column of [H, W, 3] pixels where a side is odd."""
    height, width = pixels.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return pixels
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
