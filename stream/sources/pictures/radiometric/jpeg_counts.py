"""Raw counts that thermal cameras put beside the palette picture of a JPEG.

FLIR    APP1 segments that make an FFF file, see `fff.py`
DJI     APP3 segments that make the counts, 16 bits little-endian, row by row (R-JPEG); ExifTool lists them
as ThermalData. What a count means in degrees is DJI's secret, so that it is not known here.
others  in segments of their own, or behind the picture, in forms that are not public: refused by name
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream.errors import SourceError
from stream.frame import Pixels
from stream.radiometry import Radiometry
from stream.sources.number_format import roughness
from stream.sources.pictures.orientation import jpeg_orientation, turned
from stream.sources.pictures.radiometric.fff import read_flir
from stream.sources.pictures.radiometric.jpeg import (
    APP0,
    APP3,
    APP15,
    behind_picture,
    jpeg_size,
    maker_of,
    segments,
)

# Counts of the smallest sensor of which radiometric pictures are known, 80x60; of a smaller picture, its own.
FEWEST_BYTES = 2 * 80 * 60
# Neighbours of noise, or of something encrypted, differ by a third of the span.
_NOISE = 0.25
# Beginnings of the data that cameras and phones store in segments and behind pictures, other than thermal.
_KNOWN_PARTS = (
    *(b"JFIF\0", b"JFXX\0", b"Exif\0", b"http:", b"FLIR\0", b"ICC_PROFILE", b"MPF\0", b"FPXR\0"),
    *(b"JP", b"Photoshop", b"Adobe", b"Ducky"),
)


@dataclass(frozen=True, slots=True, eq=False)
class JpegCounts:
    """The counts of a radiometric JPEG.

    Attributes:
        counts: [H, W] uint16, upright.
        radiometry: degrees Celsius of a count; None where it is not known.
    """

    counts: Pixels
    radiometry: Radiometry | None


def read_jpeg_counts(data: bytes, name: str) -> JpegCounts | None:
    """The counts beside the picture of a JPEG.

    Args:
        data: the file.
        name: of the file, for messages.

    Returns:
        None for other files, and for pictures without counts.

    Raises:
        FlirError: counts of FLIR's that are damaged.
        SourceError: there are counts, in a form that is not read.
    """
    if not data.startswith(b"\xff\xd8"):
        return None
    flir = read_flir(data)
    if flir is not None:
        return JpegCounts(turned(flir.counts, jpeg_orientation(data)), flir.radiometry)
    maker = maker_of(data)
    counts = _dji_counts(data) if maker.upper().startswith("DJI") or not maker else None
    if counts is not None:
        return JpegCounts(turned(counts, jpeg_orientation(data)), None)
    _refuse_unknown(data, maker, name)
    return None


def _dji_counts(data: bytes) -> Pixels | None:
    """Counts of DJI's R-JPEG; None where the parts do not fit the picture, or are no counts."""
    stored = b"".join(part for marker, part in segments(data) if marker == APP3)
    size = jpeg_size(data)
    if size is None or not stored or len(stored) % 2:
        return None
    width, height = size
    # The picture may be twice as large as the sensor's.
    for columns, rows in ((width, height), (width // 2, height // 2)):
        if len(stored) == 2 * columns * rows:
            counts = np.frombuffer(stored, "<u2").astype(np.uint16).reshape(rows, columns)
            return counts if roughness(counts) < _NOISE and counts.any() else None
    return None


def _refuse_unknown(data: bytes, maker: str, name: str) -> None:
    """Refuse a picture with much beside it that may be its counts.

    Raises:
        SourceError: it has.
    """
    beside: dict[int, int] = {}
    for marker, part in segments(data):
        if APP0 <= marker <= APP15 and not part.startswith(_KNOWN_PARTS) and part.strip(b"\0"):
            beside[marker] = beside.get(marker, 0) + len(part)
    whole = behind_picture(data)
    behind = whole.lstrip(b"\0")
    is_media = behind.startswith(b"\xff\xd8") or b"ftyp" in whole[:16]
    most = max([*beside.values(), 0 if is_media else len(behind)])
    width, height = jpeg_size(data) or (0, 0)
    if most >= min(FEWEST_BYTES, 2 * width * height) > 0:
        raise SourceError(
            f"{name}, a picture by {maker or 'an unknown maker'}, has {most} bytes beside it that look like "
            "raw counts in a form that is not read; export 16-bit TIFF or CSV with the maker's software, or "
            "take its palette picture by --thermal-palette"
        )
