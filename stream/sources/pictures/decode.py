"""Read one picture file and bring it to the pixels that travel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from stream.errors import SourceError
from stream.frame import Pixels, Side
from stream.picture_size import is_bounded
from stream.radiometry import Radiometry
from stream.registration.calibration import Calibration
from stream.sources.base import SourceInfo
from stream.sources.pictures.numbers import read_numbers
from stream.sources.pictures.orientation import jpeg_orientation, turned
from stream.sources.pictures.radiometric.fff import read_flir
from stream.sources.pictures.radiometric.jpeg_counts import read_jpeg_counts
from stream.sources.pictures.radiometric.raw_image import FlirError
from stream.sources.pictures.radiometric.visible import read_flir_visible
from stream.sources.video.pixels import Target, check_bits

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".pgm"})
JPEG_SUFFIXES = frozenset({".jpg", ".jpeg"})
# Numbers of a thermal picture; taken for pictures where a folder has no others.
COUNT_SUFFIXES = frozenset({".npy", ".csv"})
# Depth as stored, grey stays grey, alpha dropped, EXIF orientation applied.
_AS_STORED = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR
_END_OF_JPEG, _START_OF_SCAN = b"\xff\xd9", b"\xff\xda"


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """A picture as it is stored.

    Attributes:
        pixels: [H, W] or [H, W, 3] (BGR), of any number format, upright, without alpha.
        radiometry: what its counts mean in degrees Celsius, if the file tells.
        alignment: how counts in the same file lie on this visible picture, if the file tells.
        is_embedded: a visible picture that lies beside counts.
    """

    pixels: Pixels
    radiometry: Radiometry | None = None
    alignment: Calibration | None = None
    is_embedded: bool = False


def read_stored(path: Path, role: Side, picture_alone: bool = False) -> Stored | None:
    """Read a picture of a camera.

    Of a radiometric JPEG, whose own picture is in the colours of a palette, these are the raw counts for the
    thermal camera, and the visible picture beside them, where there is one, for the visible one.

    Args:
        path: a file of one of `PICTURE_SUFFIXES` or `COUNT_SUFFIXES`.
        role: which camera it is of.
        picture_alone: leave what lies beside the picture alone.

    Returns:
        The picture, or None when it cannot be read or is cut off.

    Raises:
        SourceError: it has counts in a form that is not read.
    """
    if path.suffix.lower() in COUNT_SUFFIXES:
        numbers = read_numbers(path)
        return None if numbers is None else Stored(numbers)
    try:
        data = path.read_bytes()
        beside = None if picture_alone else _beside(data, role, str(path))
    except (OSError, FlirError):
        return None
    if beside is not None:
        return beside
    pixels = _decode(data)
    return None if pixels is None else Stored(pixels)


def holds_both_sides(path: Path) -> bool:
    """True for a radiometric JPEG with a visible picture beside its counts."""
    if path.suffix.lower() not in JPEG_SUFFIXES:
        return False
    try:
        data = path.read_bytes()
        return read_flir_visible(data) is not None and read_flir(data) is not None
    except (OSError, FlirError):
        return False


def _beside(data: bytes, role: Side, name: str) -> Stored | None:
    """Counts or a visible picture beside the picture of a JPEG."""
    if role == "thermal":
        counts = read_jpeg_counts(data, name)
        return Stored(counts.counts, counts.radiometry) if counts else None
    visible = read_flir_visible(data)
    if visible is None:
        return None
    orientation = jpeg_orientation(data)
    # The alignment of the counts is known for pictures as they are stored.
    alignment = visible.alignment if orientation == 1 else None
    return Stored(turned(visible.pixels, orientation), None, alignment, is_embedded=True)


def read_picture(path: Path) -> Pixels | None:
    """Read a picture as it is stored.

    Args:
        path: a file of one of `PICTURE_SUFFIXES`.

    Returns:
        [H, W] or [H, W, 3] (BGR), uint8, uint16 or float32, upright, without alpha; None when it cannot be
        read or is cut off.
    """
    try:
        return _decode(path.read_bytes())
    except OSError:
        return None


def _decode(data: bytes) -> Pixels | None:
    if not is_bounded(data) or _is_cut_jpeg(data):
        return None
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), _AS_STORED)
    except cv2.error:
        return None


def _is_cut_jpeg(data: bytes) -> bool:
    # libjpeg fills what is missing with grey and calls it a success.
    return data.startswith(b"\xff\xd8") and data.rfind(_END_OF_JPEG) < data.rfind(_START_OF_SCAN)


def choose_picture_target(pixels: Pixels, role: Side, bits: int | None, name: str) -> Target:
    """Choose what pictures become: `rgb24` for visible, `gray8` or `gray16le` by depth for thermal.

    Args:
        pixels: the first picture, as `read_picture` returns it.
        role: which camera it is of.
        bits: significant bits that the user states, or None for all that are stored.
        name: of the picture, for messages.

    Raises:
        SourceError: when the picture is neither of 8 nor of 16 bits, or `bits` cannot hold for it.
    """
    if pixels.dtype not in (np.uint8, np.uint16):
        raise SourceError(f"{name} has pixels of {pixels.dtype}; pictures of 8 or 16 bits are read")
    depth = 8 * pixels.dtype.itemsize
    check_bits(bits, depth, name)
    if role == "visible":
        return Target("rgb24", 8, None)
    return Target("gray8" if depth == 8 else "gray16le", bits or depth, None)


def convert_picture(pixels: Pixels, role: Side, bits: int | None) -> Pixels:
    """Bring a picture to the pixels that travel.

    Args:
        pixels: [H, W] or [H, W, 3] BGR, uint8 or uint16.
        role: `visible` gives [H, W, 3] uint8 RGB, `thermal` gives [H, W] of the depth as stored.
        bits: significant bits of uint16 values, None for all; visible ones are scaled to 8.

    Returns:
        A contiguous array; colour of a thermal picture becomes BT.601 luma.
    """
    if role == "thermal":
        return pixels if pixels.ndim == 2 else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY))
    if pixels.dtype == np.uint16:
        pixels = _to_8_bits(pixels, 2 ** (bits or 16) - 1)
    code = cv2.COLOR_GRAY2RGB if pixels.ndim == 2 else cv2.COLOR_BGR2RGB
    return np.asarray(cv2.cvtColor(pixels, code))


def _to_8_bits(pixels: Pixels, top: int) -> Pixels:
    scaled: Pixels = (pixels.astype(np.uint32) * 255 + top // 2) // top
    return scaled.clip(0, 255).astype(np.uint8)


def stored_format(pixels: Pixels) -> str:
    """Format of a picture as it is stored, for people: `gray16`, `rgb8`, `grayf32`, `grays16`."""
    kind = {"f": "f", "i": "s"}.get(pixels.dtype.kind, "")
    return f"{'gray' if pixels.ndim == 2 else 'rgb'}{kind}{8 * pixels.dtype.itemsize}"


def check_alike(name: str, pixels: Pixels, info: SourceInfo, stored_dtype: np.dtype[Any]) -> None:
    """Refuse a picture that is not as the first of its stream.

    Args:
        name: of the picture, for messages.
        pixels: as stored.
        info: of the stream.
        stored_dtype: of the first picture, as stored.

    Raises:
        SourceError: names both sizes or depths.
    """
    height, width = pixels.shape[:2]
    if (width, height) != (info.width, info.height):
        raise SourceError(
            f"{name} has {width}x{height} pixels where the pictures before it have "
            f"{info.width}x{info.height}; all of a stream must have one size"
        )
    if pixels.dtype != stored_dtype:
        raise SourceError(
            f"{name} has pixels of {pixels.dtype} where the pictures before it have {stored_dtype}; "
            f"all of a stream must have one depth"
        )
