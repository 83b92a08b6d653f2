"""From RGB pixels to what a video encoder takes."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from stream.frame import Colour, Pixels
from stream.sinks.video.encoders import SUBSAMPLED
from stream.sources.video.pixels import BT601_MAX_HEIGHT_PX

# H.273 matrix -> the scaler's name for it.
_SCALER_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
}
# The scaler's default cuts fractions off, which darkens and tints the picture by up to one level.
_ROUNDED = Interpolation.BILINEAR | Interpolation.ACCURATE_RND
_RGB_MATRIX = 0
_BT709, _BT601 = 1, 6


def written_colour(source: Colour, height_px: int, pixel_format: str) -> Colour:
    """Colour tags of the output: those of the source, with a matrix where that has none of use.

    Args:
        source: tags of the visible source.
        height_px: of the output.
        pixel_format: of the encoder; RGB formats have no matrix and full range.
    """
    if pixel_format not in SUBSAMPLED:
        return Colour(_RGB_MATRIX, source.primaries, source.transfer, full_range=True)
    by_height = _BT601 if height_px <= BT601_MAX_HEIGHT_PX else _BT709
    matrix = source.matrix if source.matrix in _SCALER_MATRICES else by_height
    return Colour(matrix, source.primaries, source.transfer, source.full_range)


class PixelsToFrame:
    """Turns RGB pixels into frames of one pixel format and colour; keeps one scaler."""

    def __init__(self, pixel_format: str, colour: Colour) -> None:
        self._pixel_format = pixel_format
        self._matrix = _SCALER_MATRICES.get(colour.matrix)
        self._range = ColorRange.JPEG if colour.full_range else ColorRange.MPEG
        self._scaler = VideoReformatter()

    def __call__(self, pixels: Pixels, stamp: int, time_base: Fraction) -> VideoFrame:
        """Convert one picture.

        Args:
            pixels: [H, W, 3] uint8 RGB.
            stamp: its time in ticks.
            time_base: seconds of one tick.

        Returns:
            A frame of the pixel format. For 4:2:0, which needs even sides, an odd width or height grows by
            one pixel that repeats the last column or row.
        """
        if self._pixel_format in SUBSAMPLED:
            pixels = even(pixels)
        picture = self._scaler.reformat(
            VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24"),
            format=self._pixel_format,
            dst_colorspace=self._matrix,
            interpolation=_ROUNDED,
            src_color_range=ColorRange.JPEG,
            dst_color_range=self._range,
            threads=1,
        )
        picture.pts, picture.time_base = stamp, time_base
        return picture


def even(pixels: Pixels) -> Pixels:
    """Repeat the last row and column of [H, W, 3] pixels where a side is odd."""
    height, width = pixels.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return pixels
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
