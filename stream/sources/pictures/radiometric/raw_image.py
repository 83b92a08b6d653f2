"""The raw image of FLIR's files: a header, then counts of 16 bits, or a PNG or JPEG-LS file of them."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from stream.picture_size import LIBAV_BOUNDS, MOST_PIXELS, is_bounded

_RAW_HEAD = 32
_PNG, _PNG_HEAD = b"\x89PNG\r\n\x1a\n", 33
_JPEG_LS = b"\xff\xd8\xff\xf7"
_GREY_16 = b"\x10\x00"  # bit depth 16, colour type 0
# A count of neighbours differs little; in the wrong byte order it differs by multiples of 256.
_CLEARLY_SMOOTHER = 0.5


class FlirError(ValueError):
    """A radiometric JPEG whose thermal part is damaged."""


class Record(NamedTuple):
    """A record of an FFF file: its bytes, and the byte order of its numbers, `<` or `>`."""

    data: bytes
    order: str  # of its numbers, `<` or `>`


def raw_size(record: Record) -> tuple[int, int] | None:
    """Width and height that the record of the raw image states; None where it is too short."""
    if len(record.data) < _RAW_HEAD:
        return None
    width, height = struct.unpack_from(record.order + "HH", record.data, 2)
    return (width, height) if width * height else None


def raw_counts(record: Record) -> NDArray[np.uint16]:
    """Counts of a raw image, [H, W].

    Raises:
        FlirError: it is damaged.
    """
    if len(record.data) < _RAW_HEAD:
        raise FlirError("the raw image has no header")
    width, height = struct.unpack_from(record.order + "HH", record.data, 2)
    pixels = record.data[_RAW_HEAD:]
    if pixels.startswith(_PNG):
        return _png_counts(pixels)
    if pixels.startswith(_JPEG_LS):
        return _jpeg_ls_counts(pixels, width, height)
    if not 0 < width * height <= MOST_PIXELS or len(pixels) < 2 * width * height:
        raise FlirError(f"the raw image says {width}x{height} pixels and has {len(pixels)} bytes")
    stored = np.frombuffer(pixels, record.order + "u2", width * height)
    return stored.astype(np.uint16).reshape(height, width)


def _png_counts(data: bytes) -> NDArray[np.uint16]:
    """Counts of a PNG; most cameras write the two bytes of each count in the wrong order."""
    if len(data) < _PNG_HEAD or data[24:26] != _GREY_16:
        raise FlirError("the raw image is a PNG, but not of 16-bit grey")
    width, height = struct.unpack_from(">II", data, 16)
    if not is_bounded(data):
        raise FlirError(f"the raw image says {width}x{height} pixels")
    try:
        stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        stored = None
    if stored is None or stored.shape != (height, width):
        raise FlirError("the raw image is a damaged PNG")
    swapped: NDArray[np.uint16] = stored.byteswap()
    return stored if _roughness(stored) < _CLEARLY_SMOOTHER * _roughness(swapped) else swapped


def _jpeg_ls_counts(data: bytes, width: int, height: int) -> NDArray[np.uint16]:
    """Counts of a picture compressed without loss, as in a `.csq`."""
    size = struct.unpack_from(">HH", data, 7) if len(data) >= 11 else None
    if size != (height, width) or width * height > MOST_PIXELS:
        raise FlirError(f"the raw image says {width}x{height} pixels and is of another size")
    try:
        decoder: Any = av.CodecContext.create("jpegls", "r")
        decoder.options = dict(LIBAV_BOUNDS)
        pictures = decoder.decode(av.Packet(data))
        counts = pictures[0].to_ndarray() if pictures else None
    except (av.error.FFmpegError, ValueError):
        counts = None
    if counts is None or counts.shape != (height, width) or counts.dtype != np.uint16:
        raise FlirError("the raw image is damaged JPEG-LS, or not of 16 bits")
    return np.ascontiguousarray(counts)


def _roughness(counts: NDArray[np.uint16]) -> float:
    """Mean difference of neighbours in a row."""
    return float(np.abs(np.diff(counts.astype(np.int32), axis=1)).mean()) if counts.shape[1] > 1 else 0.0
