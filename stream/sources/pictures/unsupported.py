"""Kinds of whole picture files that cannot be read."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from stream.sources.pictures.tiff import TiffPages

_BITS, _COMPRESSION, _SAMPLE_FORMAT = 258, 259, 339
# TIFF 6.0 and the registered compressions of libtiff; those that OpenCV always reads are left out.
_COMPRESSIONS = {
    2: "CCITT RLE",
    3: "CCITT fax 3",
    4: "CCITT fax 4",
    6: "old JPEG",
    9: "JBIG",
    10: "JBIG",
    32766: "NeXT",
    32809: "ThunderScan",
    32908: "Pixar",
    32909: "Pixar log",
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34661: "JBIG",
    34676: "SGI LogLuv",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG of DNG",
    34925: "LZMA",
    50000: "ZSTD",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
_PLAIN_COMPRESSIONS = frozenset({1, 5, 7, 8, 32773, 32946})
_KINDS = {1: "uint", 2: "int", 3: "float", 5: "complex int", 6: "complex"}
# Start of a JPEG frame -> its process (ITU-T T.81, table B.1); baseline and progressive ones are read.
_JPEG_FRAMES = {
    0xC3: "lossless",
    0xC5: "hierarchical",
    0xC6: "hierarchical",
    0xC7: "hierarchical lossless",
    0xC9: "arithmetic-coded",
    0xCA: "arithmetic-coded",
    0xCB: "arithmetic-coded lossless",
    0xF7: "JPEG-LS",
}
_OTHERS = (
    (0, b"GIF8", "GIF"),
    (0, b"8BPS", "a Photoshop file"),
    (0, b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (4, b"ftypheic", "HEIC"),
    (4, b"ftypheix", "HEIC"),
    (4, b"ftypmif1", "HEIF"),
    (4, b"ftypavif", "AVIF"),
    (0, b"\x00\x00\x01\x00", "an icon file"),
    (0, b"%PDF", "PDF"),
    (0, b"<svg", "SVG"),
    (0, b"version https://git-lfs", "a pointer of Git LFS, whose picture was not fetched"),
)
_MOST_HEAD = 1 << 20
CONVERT = "save it as PNG, JPEG or TIFF of 8 or 16 bits, uncompressed or by LZW or Deflate"
_BITS_READ = {"uint": (8, 16), "int": (8, 16), "float": (32, 64)}


def describe_unsupported(path: Path) -> str:
    """Kind of an unsupported picture, as text; empty if it is damaged or supported.

    Args:
        path: a picture that cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_MOST_HEAD)
        if head[:2] in (b"II", b"MM"):
            return _of_tiff(path)
    except OSError:
        return ""
    if head.startswith(b"\xff\xd8"):
        return _of_jpeg(head)
    return next((name for at, magic, name in _OTHERS if head[at:].startswith(magic)), "")


def _of_tiff(path: Path) -> str:
    with closing(TiffPages(path, most=1)) as pages:
        if not pages.count:
            return ""
        compression = pages.whole_number(_COMPRESSION, 1)
        bits, form = pages.whole_number(_BITS, 1), pages.whole_number(_SAMPLE_FORMAT, 1)
    if compression in _COMPRESSIONS:
        return f"TIFF compressed by {_COMPRESSIONS[compression]}"
    if compression not in _PLAIN_COMPRESSIONS:
        return f"TIFF of compression {compression}"
    kind = _KINDS.get(form, "uint")
    if bits not in _BITS_READ.get(kind, ()):
        return f"TIFF of {kind}{bits} values"
    return ""


def _of_jpeg(head: bytes) -> str:
    at = 2
    while at + 9 < len(head) and head[at] == 0xFF:
        marker, length = head[at + 1], int.from_bytes(head[at + 2 : at + 4])
        if marker in _JPEG_FRAMES:
            return f"{_JPEG_FRAMES[marker]} JPEG"
        if 0xC0 <= marker <= 0xC2:
            bits = head[at + 4]
            return f"JPEG of {bits} bits" if bits != 8 else ""
        at += 2 + length if marker != 0xFF else 1
    return ""
