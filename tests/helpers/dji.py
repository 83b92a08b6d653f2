"""JPEGs with something beside their picture, as DJI and other makers of thermal cameras write them."""

from __future__ import annotations

import struct

import cv2
import numpy as np

from stream.frame import Pixels
from tests.helpers.media import moving_pattern

COUNTS = moving_pattern(1, depth=13)[0] + 9000


def jpeg(
    parts: list[tuple[int, bytes]], maker: str = "DJI", behind: bytes = b"", orientation: int = 1
) -> bytes:
    """A JPEG of 64x48 pixels in an inverted palette, with segments (marker and content) behind its start."""
    grey = 255 - cv2.normalize(COUNTS, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    picture = cv2.imencode(".jpg", cv2.applyColorMap(grey, cv2.COLORMAP_HOT))[1].tobytes()
    text = maker.encode() + b"\0"
    exif = b"MM\0*" + struct.pack(">IH", 8, 2)
    place = text.ljust(4, b"\0") if len(text) <= 4 else struct.pack(">I", 38)
    exif += struct.pack(">HHI", 271, 2, len(text)) + place + struct.pack(">HHIHH", 274, 3, 1, orientation, 0)
    exif += bytes(4) + text
    every = [*parts, (0xE1, b"Exif\0\0" + exif)]
    segments = b"".join(bytes([0xFF, kind]) + (len(part) + 2).to_bytes(2) + part for kind, part in every)
    return picture[:2] + segments + picture[2:] + behind


def dji(counts: Pixels) -> list[tuple[int, bytes]]:
    """Segments of an R-JPEG: counts in APP3, parameters and calibration in APP4 and APP5."""
    data = counts.astype("<u2").tobytes()
    parts = [(0xE3, data[at : at + 4000]) for at in range(0, len(data), 4000)]
    return [*parts, (0xE4, bytes(256)), (0xE5, bytes(64))]
