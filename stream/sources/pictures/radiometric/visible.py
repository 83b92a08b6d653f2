"""The visible picture that FLIR's cameras with two eyes put into a radiometric JPEG, and how it lies.

    record 14   visible picture: 32 bytes of header, then JPEG, PNG (YCbCr in its channels) or bare YCbCr
    record 42   Real2IR, OffsetX, OffsetY: the thermal picture covers 1/Real2IR of the visible one, around its
                middle, moved by the offsets in visible pixels

The layout is the one that ExifTool documents in its list of FLIR tags.
"""

from __future__ import annotations

import datetime
import math
import struct
from dataclasses import dataclass

import cv2
import numpy as np

from stream.frame import Pixels
from stream.picture_size import MOST_PIXELS, is_bounded
from stream.registration.calibration import Calibration, PinholeCamera, PlaneHomography, Size
from stream.sources.pictures.radiometric.fff import RAW_IMAGE, fff_of, find_records
from stream.sources.pictures.radiometric.raw_image import FlirError, Record, raw_size

_VISIBLE, _OVERLAY = 0x0E, 0x2A
_HEAD = 32
_PNG = b"\x89PNG\r\n\x1a\n"
# Real2IR of cameras is 1 to 3 or so; offsets are some pixels.
_LEAST_RATIO, _MOST_RATIO = 0.2, 10.0
# The distance is that of the last focus or a fixed one; files do not tell.
_DISTANCE_M = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class FlirVisible:
    """The visible picture of a radiometric JPEG.

    Attributes:
        pixels: [H, W, 3] BGR uint8.
        alignment: a first alignment of the counts in the same file; None where the file does not tell.
    """

    pixels: Pixels
    alignment: Calibration | None


def read_flir_visible(data: bytes) -> FlirVisible | None:
    """The visible picture in a JPEG.

    Args:
        data: a JPEG file.

    Returns:
        None for a file without one.

    Raises:
        FlirError: there is one, but it is damaged.
    """
    block = fff_of(data)
    if block is None:
        return None
    records = find_records(block, (RAW_IMAGE, _VISIBLE, _OVERLAY))
    if _VISIBLE not in records:
        return None
    pixels = _picture(records[_VISIBLE])
    size = pixels.shape[1], pixels.shape[0]
    both = RAW_IMAGE in records and _OVERLAY in records
    return FlirVisible(
        pixels, _alignment(records[_OVERLAY], size, raw_size(records[RAW_IMAGE])) if both else None
    )


def _picture(record: Record) -> Pixels:
    if len(record.data) < _HEAD:
        raise FlirError("the visible picture has no header")
    width, height = struct.unpack_from(record.order + "HH", record.data, 2)
    stored = record.data[_HEAD:]
    if not 0 < width * height <= MOST_PIXELS:
        raise FlirError(f"the visible picture says {width}x{height} pixels")
    if stored[:2] != b"\xff\xd8" and not stored.startswith(_PNG):
        if len(stored) < 3 * width * height:
            raise FlirError(f"the visible picture says {width}x{height} pixels and has {len(stored)} bytes")
        return _of_ycbcr(np.frombuffer(stored, np.uint8, 3 * width * height).reshape(height, width, 3))
    if not is_bounded(stored):
        raise FlirError("the visible picture is of too many pixels, or damaged")
    try:
        decoded = cv2.imdecode(np.frombuffer(stored, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        decoded = None
    if decoded is None or decoded.shape[:2] != (height, width):
        raise FlirError("the visible picture is damaged")
    # OpenCV gives the channels of a PNG turned round.
    return _of_ycbcr(decoded[..., ::-1]) if stored.startswith(_PNG) else decoded


def _of_ycbcr(stored: Pixels) -> Pixels:
    luma_cr_cb = np.ascontiguousarray(stored[..., [0, 2, 1]])
    return np.asarray(cv2.cvtColor(luma_cr_cb, cv2.COLOR_YCrCb2BGR))


def _alignment(record: Record, visible: Size, thermal: Size | None) -> Calibration | None:
    if thermal is None or len(record.data) < 8:
        return None
    for order in (record.order, "<", ">"):
        ratio, right_px, down_px = struct.unpack_from(order + "fhh", record.data)
        plausible = math.isfinite(ratio) and _LEAST_RATIO <= ratio <= _MOST_RATIO
        if plausible and abs(right_px) < visible[0] and abs(down_px) < visible[1]:
            return first_alignment(visible, thermal, ratio, (right_px, down_px))
    return None


def first_alignment(
    visible: Size, thermal: Size, ratio: float, offset_px: tuple[float, float]
) -> Calibration:
    """The calibration by which counts lie on the visible picture of the same file.

    Args:
        visible: width and height.
        thermal: width and height.
        ratio: width of the visible picture over the width that the thermal one covers in it (Real2IR).
        offset_px: visible pixels by which the middle of the thermal picture lies to the right and below.
    """
    scale = visible[0] / ratio / thermal[0]
    right, down = (
        (visible[axis] - 1) / 2 + offset_px[axis] - scale * (thermal[axis] - 1) / 2 for axis in (0, 1)
    )
    matrix = ((scale, 0.0, right), (0.0, scale, down), (0.0, 0.0, 1.0))
    return Calibration(
        visible=_camera(visible),
        thermal=_camera(thermal),
        homography=PlaneHomography(matrix=matrix, distance_m=_DISTANCE_M),
        rms_px=0.0,
        date=datetime.date(1970, 1, 1),
        made_by="Real2IR and offsets in the camera's file",
    )


def _camera(size: Size) -> PinholeCamera:
    focal_px = float(max(size))
    matrix = ((focal_px, 0.0, size[0] / 2), (0.0, focal_px, size[1] / 2), (0.0, 0.0, 1.0))
    return PinholeCamera(size=size, camera_matrix=matrix)
