"""From decoded video frames to the pixels that travel: format, range, matrix, rotation.

    role     stored as                 becomes
    visible  anything                  rgb24, HDR as SDR of the same brightness
    thermal  gray                      gray8, counts as stored
    thermal  gray9 .. gray16           gray16le, counts as stored
    thermal  8-bit YUV or RGB          gray8, 0..255
    thermal  deeper YUV or RGB         gray16le, 0 .. 2^bits - 1

Counts of grey formats are taken as stored whatever their range tag says, since encoders tag them at random.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from av import VideoFormat, VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from stream.errors import SourceError
from stream.frame import Colour, PixelFormat, Pixels, Side
from stream.sources.video import hdr
from stream.yuv import BT601_MAX_HEIGHT_PX, ROUNDED, UNSPECIFIED

_BT2020, _BT709 = 9, 1


@dataclass(frozen=True, slots=True)
class Target:
    """Target format of a stream's frames.

    Attributes:
        pixel_format: of the frames that travel.
        bits: their significant bits.
        scaler_format: pixel format in libav's words that they are converted to; None takes them as stored.
    """

    pixel_format: PixelFormat
    bits: int
    scaler_format: str | None


def choose_target(stored: VideoFormat, role: Side, bits: int | None, name: str) -> Target:
    """Choose what frames of a stored pixel format become; see the table above.

    Args:
        stored: pixel format of the decoded frames.
        role: which camera they are of.
        bits: significant bits that the user states for thermal counts, or None.
        name: of the source, for messages.

    Raises:
        SourceError: when `bits` cannot hold for the format.
    """
    if role == "visible":
        return Target("rgb24", 8, "rgb24")
    depth = stored.components[0].bits
    if stored.name.startswith("grayf"):
        raise SourceError(f"{name} has floating-point pixels ({stored.name}); 8 to 16 bit integers are read")
    is_grey = stored.name.startswith("gray")
    if depth <= 8:
        check_bits(bits, 8, name)
        return Target("gray8", 8, None if stored.name == "gray" else "gray")
    check_bits(bits, depth, name)
    if is_grey:
        return Target("gray16le", bits or depth, None)
    depth = next(step for step in (10, 12, 14, 16) if depth <= step)
    return Target("gray16le", depth, f"gray{depth}le")


def check_bits(bits: int | None, depth: int, name: str) -> None:
    """Refuse stated bits that stored pixels cannot have.

    Raises:
        SourceError: unless `bits` is None, 8 for `depth` 8, or 9 to `depth` for deeper pixels.
    """
    low, high = (8, 8) if depth == 8 else (9, depth)
    if bits is not None and not low <= bits <= high:
        allowed = "8" if depth == 8 else f"9 to {depth}"
        raise SourceError(f"{name} stores {depth}-bit pixels, for which bits can be {allowed}, got {bits}")


def colour_of(context: Any) -> Colour:
    """Colour tags of a decoder as H.273 code points, which libav numbers in the same way."""
    if context.color_trc in hdr.NAMES:  # what `FrameToPixels` makes of it
        return Colour(_BT709, _BT709, _BT709)
    return stored_colour(context)


def stored_colour(context: Any) -> Colour:
    """Colour tags of a decoder, before HDR becomes SDR."""
    full_range = context.color_range == ColorRange.JPEG or str(context.pix_fmt).startswith("yuvj")
    return Colour(context.colorspace, context.color_primaries, context.color_trc, full_range)


class FrameToPixels:
    """Turns decoded frames of one stream into upright arrays; keeps one scaler."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._scaler = VideoReformatter()
        self._hdr: hdr.HdrToSdr | None = None
        # Asked of the first frame only: PyAV's side data and its frame hold each other, and a few hundred
        # pictures would wait for Python's collector of circles.
        self._matrix: tuple[int, int, int, int] | None = None

    def __call__(self, frame: VideoFrame) -> Pixels:
        """Convert one frame.

        Args:
            frame: as decoded.

        Returns:
            `rgb24` [H, W, 3] uint8, `gray8` [H, W] uint8 or `gray16le` [H, W] uint16, contiguous and upright.
        """
        if self._matrix is None:
            self._matrix = display_matrix(frame)
        return np.ascontiguousarray(upright(self._pixels(frame), self._matrix))

    def _pixels(self, frame: VideoFrame) -> Pixels:
        if not self._target.scaler_format:
            return frame.to_ndarray()
        if self._target.pixel_format != "rgb24" or frame.color_trc not in hdr.NAMES:
            return self._scaled(frame, self._target.scaler_format)
        self._hdr = self._hdr or hdr.HdrToSdr(frame.color_trc, frame.color_primaries)
        return self._hdr(self._scaled(frame, "gbrp16le"))

    def _scaled(self, frame: VideoFrame, pixel_format: str) -> Pixels:
        return self._scaler.reformat(
            frame,
            format=pixel_format,
            src_colorspace=_assumed_matrix(frame),
            dst_color_range=ColorRange.JPEG,
            interpolation=ROUNDED,
            threads=1,
        ).to_ndarray()


def _assumed_matrix(frame: VideoFrame) -> Colorspace | None:
    if frame.colorspace != UNSPECIFIED or frame.format.is_rgb:
        return None
    if frame.color_trc in hdr.NAMES:
        return Colorspace.BT2020
    return Colorspace.ITU601 if frame.height <= BT601_MAX_HEIGHT_PX else Colorspace.ITU709


def display_matrix(frame: VideoFrame) -> tuple[int, int, int, int]:
    """Signs of the display matrix (a, b, c, d): a pixel at (x, y) is shown at (ax + cy, bx + dy).

    Rotations that are no multiple of 90 degrees are rounded to the nearest.
    """
    data: Any = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return 1, 0, 0, 1
    a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].tolist()
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return _sign(a), 0, 0, _sign(d)
    return 0, _sign(b), _sign(c), 0


def upright(pixels: Pixels, matrix: tuple[int, int, int, int]) -> Pixels:
    """Apply the signs of a display matrix to pixels.

    Args:
        pixels: [H, W] or [H, W, C].
        matrix: as `display_matrix` returns it.

    Returns:
        A view, [W, H] or [W, H, C] where the matrix turns the picture by a quarter.
    """
    a, b, c, d = matrix
    if a == 0:
        pixels = pixels.swapaxes(0, 1)
        return pixels[:: _sign(b), :: _sign(c)]
    return pixels[:: _sign(d), :: _sign(a)]


def rotation_degrees(matrix: tuple[int, int, int, int]) -> int:
    """Angle counter-clockwise by which the stored picture is turned: 0, 90, 180 or 270."""
    a, b, _, _ = matrix
    if a:
        return 0 if a > 0 else 180
    return 90 if b < 0 else 270


def _sign(value: int) -> int:
    return -1 if value < 0 else 1
