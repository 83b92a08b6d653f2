"""Tags of a TIFF that say where a picture lies on the ground and who made it, and files of several bands.

Sources of the tags: TIFF revision 6.0, Adobe 1992; OGC GeoTIFF standard 1.1 (OGC 19-008r4), annex on tags;
GDAL's documentation of its GTiff driver for tags 42112 and 42113.
"""

from __future__ import annotations

import struct
from contextlib import closing
from pathlib import Path

import numpy as np

from stream.errors import SourceError
from stream.frame import Pixels
from stream.sources.pictures.tiff import TIFF_SUFFIXES, TagValue, TiffPages, is_stack

Tags = dict[int, TagValue]

# Pixel scale, tie points, transformation, keys with numbers and texts; GDAL's metadata and no-data value.
GEO_TAGS = (33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113)
# Description, make, model, date and time, artist, copyright; the colour profile.
TEXT_TAGS = (270, 271, 272, 306, 315, 33432)
ICC_TAG = 34675
_PHOTOMETRIC, _SAMPLES, _GREY, _RGB = 262, 277, (0, 1), 2
_SHORT, _LONG, _UNDEFINED = 3, 4, 7
_ENTRY = "<HHI4s"


def check_readable(path: Path) -> None:
    """Refuse TIFF files of which only a part would be read: several pages, or bands without colour.

    Raises:
        SourceError: it is one.
    """
    if path.suffix.lower() not in TIFF_SUFFIXES:
        return
    with closing(TiffPages(path, most=2)) as pages:
        if is_stack(pages):
            raise SourceError(f"{path} holds several pages; split it into files of one picture or band each")
        tags = _first_page(pages, (_PHOTOMETRIC, _SAMPLES))
    samples, photometric = (_short(tags, tag) for tag in (_SAMPLES, _PHOTOMETRIC))
    if samples > 1 and photometric in _GREY:
        raise SourceError(
            f"{path} holds {samples} bands in one picture, and files of one band, RGB and RGBA are read; "
            "split it into one file a band (gdal_translate -b 1, -b 2, ...)"
        )


def read_page(path: Path, alpha: bool = False) -> Pixels | None:
    """The picture of a TIFF, read without its private tags, of which OpenCV would warn on standard error."""
    with closing(TiffPages(path, most=1)) as pages:
        return pages.read(0, alpha) if pages.count else None


def read_tags(path: Path) -> Tags:
    """Tags of `GEO_TAGS`, `TEXT_TAGS` and the colour profile of a TIFF; none for other files."""
    if path.suffix.lower() not in TIFF_SUFFIXES:
        return {}
    with closing(TiffPages(path, most=1)) as pages:
        return _first_page(pages, (*GEO_TAGS, *TEXT_TAGS, ICC_TAG))


def icc_tag(profile: bytes) -> TagValue:
    """The value of `ICC_TAG` for a colour profile."""
    return TagValue(_UNDEFINED, len(profile), profile)


def add_tags(content: bytes, tags: Tags) -> bytes:
    """A classic little-endian TIFF file of one page with more tags; those that it has are kept.

    Raises:
        ValueError: another kind of file.
    """
    if content[:4] != b"II*\0":
        raise ValueError("no classic little-endian TIFF")
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    entries = [content[at : at + 12] for at in range(start + 2, start + 2 + 12 * count, 12)]
    own = {struct.unpack_from("<H", entry)[0] for entry in entries}
    whole = bytearray(content) + bytes(len(content) % 2)
    for tag, value in tags.items():
        if tag not in own:
            entries.append(_entry(whole, tag, value))
    return _with_directory(whole, entries)


def encode_bands(bands: Pixels) -> bytes:
    """A TIFF file of several bands in one picture, uncompressed, the bands beyond the first as extra samples.

    Args:
        bands: [H, W, N] uint8 or uint16.
    """
    height, width, count = bands.shape
    pixels = np.ascontiguousarray(bands).astype(bands.dtype.newbyteorder("<"), copy=False).tobytes()
    whole = bytearray(b"II*\0") + bytes(4) + pixels + bytes(len(pixels) % 2)
    longs = {256: width, 257: height, 273: 8, 278: height, 279: len(pixels)}
    shorts = {258: [8 * bands.dtype.itemsize] * count, 259: [1], _PHOTOMETRIC: [1], _SAMPLES: [count]}
    shorts |= {284: [1], 339: [1] * count} | ({338: [0] * (count - 1)} if count > 1 else {})
    tags = {tag: TagValue(_LONG, 1, struct.pack("<I", number)) for tag, number in longs.items()}
    for tag, numbers in shorts.items():
        tags[tag] = TagValue(_SHORT, len(numbers), struct.pack(f"<{len(numbers)}H", *numbers))
    return _with_directory(whole, [_entry(whole, tag, value) for tag, value in tags.items()])


def _first_page(pages: TiffPages, wanted: tuple[int, ...]) -> Tags:
    try:
        return pages.tags(0, wanted) if pages.count else {}
    except (ValueError, OSError, struct.error):
        return {}


def _short(tags: Tags, tag: int) -> int:
    return int.from_bytes(tags[tag].data[:2], "little") if tag in tags else 1


def _entry(whole: bytearray, tag: int, value: TagValue) -> bytes:
    """The entry of a tag; a value of more than four bytes goes to the end of the file."""
    data = value.data.ljust(4, b"\0")
    if len(data) > 4:
        data = struct.pack("<I", len(whole))
        whole += value.data + bytes(len(value.data) % 2)
    return struct.pack(_ENTRY, tag, value.kind, value.number, data)


def _with_directory(whole: bytearray, entries: list[bytes]) -> bytes:
    struct.pack_into("<I", whole, 4, len(whole))
    ordered = sorted(entries, key=lambda entry: int(struct.unpack_from("<H", entry)[0]))
    return bytes(whole + struct.pack("<H", len(entries)) + b"".join(ordered) + bytes(4))
