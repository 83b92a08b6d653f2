"""Conversion of YUV pictures to RGB and grey, as matrices and scales for the device.

Source of the formulae: ITU-T H.273, section 8.3 (quantisation, and luma and chroma from weights), table 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from stream.yuv import BT601_MAX_HEIGHT_PX, UNSPECIFIED

# H.273 matrix code -> weights of red and blue in luma.
WEIGHTS = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}
_BT709, _BT601 = 1, 6
_P010_SHIFT = 6


@dataclass(frozen=True, slots=True)
class Yuv:
    """Storage layout of a YUV picture.

    Attributes:
        matrix: H.273 code point, one of `WEIGHTS`.
        full_range: luma from 0 to the largest number, not 16/256 to 235/256 of it.
        bits: significant bits.
        shift: bits by which the numbers are moved up in memory.
    """

    matrix: int
    full_range: bool
    bits: int = 8
    shift: int = 0

    def rgb_matrix(self) -> NDArray[np.float32]:
        """[3, 4]: rows give red, green and blue in 0..255 from (luma, Cb, Cr, 1) as stored."""
        red, blue = WEIGHTS[self.matrix]
        green = 1 - red - blue
        luma, chroma = self._steps()
        from_chroma = np.array(
            [
                [0, 2 * (1 - red)],
                [-2 * blue * (1 - blue) / green, -2 * red * (1 - red) / green],
                [2 * (1 - blue), 0],
            ]
        )
        matrix = np.empty((3, 4))
        matrix[:, 0] = 255 / luma
        matrix[:, 1:3] = 255 / chroma * from_chroma
        middle = 1 << (self.bits - 1 + self.shift)
        matrix[:, 3] = -matrix[:, 0] * self.black - matrix[:, 1:3].sum(axis=1) * middle
        return matrix.astype(np.float32)

    def luma_scale(self) -> tuple[float, float, int]:
        """Counts for one step of luma as stored, the luma of count 0, and the largest count."""
        top = (1 << self.bits) - 1
        return top / self._steps()[0], self.black, top

    @property
    def black(self) -> float:
        """Luma of black, as stored."""
        return 0.0 if self.full_range else float(16 << (self.bits - 8 + self.shift))

    def _steps(self) -> tuple[float, float]:
        """Steps from black to white, and over the whole of Cb and Cr, as stored."""
        if self.full_range:
            whole = float(((1 << self.bits) - 1) << self.shift)
            return whole, whole
        scale = 1 << (self.bits - 8 + self.shift)
        return 219.0 * scale, 224.0 * scale


def yuv_of(first: VideoFrame, surface_format: str) -> Yuv:
    """The YUV layout of a stream's surfaces.

    Args:
        first: its first picture as the CPU decodes it, whose tags hold for all.
        surface_format: `nv12` or `p010le`.
    """
    matrix = first.colorspace
    if matrix == UNSPECIFIED:
        matrix = _BT601 if first.height <= BT601_MAX_HEIGHT_PX else _BT709
    full_range = first.color_range == ColorRange.JPEG or first.format.name.startswith("yuvj")
    deep = surface_format == "p010le"
    return Yuv(matrix, full_range, 10 if deep else 8, _P010_SHIFT if deep else 0)
