"""Video of thermal cameras to the pixels that travel: counts by their stated layout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from av import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from stream.config import InputSettings
from stream.config.thermal_layout import SIGN_OFFSET, Half, PaletteName
from stream.errors import RefusedError
from stream.frame import Pixels, Side
from stream.picture import YuvPlanes
from stream.sources.number_format import TWO_PICTURES, check_one_picture
from stream.sources.palette.undo import Warmth
from stream.sources.video.pixels import (
    FrameToPixels,
    Target,
    check_bits,
    choose_target,
    display_matrix,
    upright,
)
from stream.sources.video.to_picture import FrameToPicture

# First frames that are checked for colours; after them, every frame of this interval.
LOOKED_AT = 50
# Size of the copy that is looked at, width and height.
SMALL = 96, 72

Convert = Callable[[VideoFrame], Pixels | YuvPlanes]

# Formats of two bytes a pixel in the order in which a camera sent them, and the planes of the first.
PACKED = ("yuyv422", "uyvy422", "yvyu422")
PLANAR = ("yuv422p", "yuvj422p")
# Codecs that give every byte back.
_LOSSLESS = ("rawvideo", "ffv1", "huffyuv", "ffvhuff", "utvideo", "magicyuv")


def choose_conversion(
    first: VideoFrame,
    role: Side,
    settings: InputSettings,
    codec: str,
    name: str,
    keeps_planes: bool = True,
) -> tuple[Target, Convert]:
    """Choose what frames of a video become.

    Args:
        first: a frame as decoded.
        role: which camera it is of.
        settings: of the input: bits and layout of counts.
        codec: libav's name of the decoder.
        name: of the source, for messages.
        keeps_planes: visible luma and chroma may travel as they are.

    Returns:
        What frames become, and what converts them.

    Raises:
        SourceError: the settings cannot hold for the format.
    """
    layout, bits = settings.count_layout, settings.count_bits
    if role == "visible":
        target = choose_target(first.format, role, bits, name)
        return target, FrameToPicture(target) if keeps_planes else FrameToPixels(target)
    if layout.in_yuyv:
        _check_bytes(first, codec, name)
        check_bits(bits, 16, name)
        return Target("gray16le", bits or 16, None), YuyvCounts(layout.big_endian, layout.is_signed)
    if not layout.whole and layout.half != "upper":
        _check_one_picture(first, layout.half, codec, name)
    if layout.is_float or (layout.is_signed and not first.format.name.startswith("gray16")):
        raise RefusedError(
            f"{name} holds {first.format.name}, and its layout of counts says {layout.numbers}"
        )
    target = choose_target(first.format, role, bits, name)
    if target.pixel_format == "gray8":
        return target, WarmthOfVideo(target, settings.colours, name)
    if settings.colours != "auto":
        raise RefusedError(f"{name} holds counts, which have no palette; leave out --thermal-palette")
    convert = FrameToPixels(target)
    if layout.is_signed:
        return target, lambda frame: convert(frame) ^ np.uint16(SIGN_OFFSET)
    return target, convert


class WarmthOfVideo:
    """Warmth in the frames of an 8-bit thermal video, in any known palette.

    As long as no palette is found, brightness is taken as it is stored.
    """

    def __init__(self, target: Target, palette: PaletteName, name: str) -> None:
        self._warmth = Warmth(palette, name)
        self._grey, self._rgb = FrameToPixels(target), FrameToPixels(Target("rgb24", 8, "rgb24"))
        self._small, self._seen = VideoReformatter(), 0

    @property
    def needs_colours(self) -> bool:
        """True when brightness is not enough, so that frames must be here as they were decoded."""
        return bool(self._warmth.palette) or self._warmth.is_inverted

    def look_at(self, frame: VideoFrame) -> None:
        """Decide by a frame, if it has colours."""
        if self._warmth.decided or frame.format.name.startswith("gray"):
            return
        self._seen += 1
        if self._seen <= LOOKED_AT or self._seen % LOOKED_AT == 0:
            width, height = SMALL
            small = self._small.reformat(
                frame, width, height, "rgb24", interpolation=Interpolation.POINT, threads=1
            )
            self._warmth.look_at(small.to_ndarray())

    def __call__(self, frame: VideoFrame) -> Pixels:
        """Warmth [H, W] uint8 of a decoded frame."""
        self.look_at(frame)
        if self._warmth.palette:
            return self._warmth(self._rgb(frame))
        return self._warmth.of_grey(self._grey(frame))


def needs_colours(convert: object, first: VideoFrame) -> bool:
    """True when a conversion of `choose_conversion` is by the colours of frames, judged by the first one."""
    if not isinstance(convert, WarmthOfVideo):
        return False
    convert.look_at(first)
    return convert.needs_colours


class YuyvCounts:
    """Counts of 16 bits in the bytes of a YUYV picture."""

    def __init__(self, big_endian: bool, signed: bool) -> None:
        self._dtype = ">u2" if big_endian else "<u2"
        self._flip = np.uint16(SIGN_OFFSET if signed else 0)

    def __call__(self, frame: VideoFrame) -> Pixels:
        """Counts [H, W] uint16, upright, of a decoded frame."""
        counts = stored_bytes(frame).view(self._dtype)[..., 0].astype(np.uint16) ^ self._flip
        return np.ascontiguousarray(upright(counts, display_matrix(frame)))


def stored_bytes(frame: VideoFrame) -> NDArray[np.uint8]:
    """The bytes of a frame in the order of its camera, [H, W, 2] uint8."""
    width, height = frame.width, frame.height
    if frame.format.name in PACKED:
        return np.ascontiguousarray(_plane(frame, 0)[:, : 2 * width]).reshape(height, width, 2)
    packed = np.empty((height, width, 2), np.uint8)
    packed[..., 0] = _plane(frame, 0)[:, :width]
    packed[:, 0::2, 1] = _plane(frame, 1)[:, : (width + 1) // 2]
    packed[:, 1::2, 1] = _plane(frame, 2)[:, : width // 2]
    return packed


def _plane(frame: VideoFrame, index: int) -> NDArray[np.uint8]:
    plane: Any = frame.planes[index]
    stored: NDArray[np.uint8] = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return stored[: frame.height]


def _check_bytes(first: VideoFrame, codec: str, name: str) -> None:
    if first.format.name not in PACKED + PLANAR:
        raise RefusedError(
            f"{name} comes as {first.format.name}, and counts in the bytes of YUYV need {PACKED[0]} or "
            f"{PLANAR[0]} as the camera sent it; record without conversion, as with ffmpeg -c:v ffv1"
        )
    if codec not in _LOSSLESS:
        raise RefusedError(
            f"{name} is compressed by {codec}, which changes the bytes that counts are in; record without "
            "loss, as with ffmpeg -c:v ffv1"
        )


def _check_one_picture(first: VideoFrame, half: Half, codec: str, name: str) -> None:
    """Refuse a double picture whose lower half holds the bytes of counts."""
    size, stored = (first.width, first.height), first.format.name
    if size not in TWO_PICTURES or (half and stored.startswith("gray1")):
        return
    if (stored in PACKED + PLANAR and codec not in _LOSSLESS) or stored not in (*PACKED, *PLANAR, "gray16le"):
        raise RefusedError(
            f"{name} has pictures of {size[0]}x{size[1]} pixels, as cameras send that put a picture above "
            f"its counts, and {codec} or {stored} did not keep the counts; record without loss, as with "
            "ffmpeg -c:v ffv1, or say --thermal-layout upper (the picture above) or whole (it is one picture)"
        )
    check_one_picture(size, name)
