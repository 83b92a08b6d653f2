"""Pictures that are whole but not supported are not called damaged; orientation turns picture and counts."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from stream.errors import SourceError
from stream.sources.pictures.orientation import turned
from stream.sources.pictures.unsupported import describe_unsupported
from stream.stills.picture import read_counts
from tests.helpers.flir import flir_jpeg
from tests.helpers.media import moving_pattern
from tests.unit.sources.test_images import read, source_of, write


def tiff(
    counts: np.ndarray, compression: int = 1, bits: int | None = None, form: int = 1, turn: int = 1
) -> bytes:
    """A TIFF of one strip whose bytes are those of the counts, whatever it says that they are."""
    height, width = counts.shape
    entries = {256: width, 257: height, 258: bits or 8 * counts.itemsize, 259: compression, 262: 1, 273: 8}
    entries |= {274: turn, 277: 1, 278: height, 279: counts.nbytes, 339: form}
    head = (
        b"II*\0" + struct.pack("<I", 8 + counts.nbytes) + counts.tobytes() + struct.pack("<H", len(entries))
    )
    lines = [
        struct.pack("<HHII", tag, 4 if tag in (273, 279) else 3, 1, entries[tag]) for tag in sorted(entries)
    ]
    return head + b"".join(lines) + bytes(4)


def exif(orientation: int) -> bytes:
    tag = struct.pack(">HHIHH", 0x112, 3, 1, orientation, 0)
    return b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + tag + bytes(4)


def with_exif(jpeg: bytes, orientation: int) -> bytes:
    block = exif(orientation)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + jpeg[2:]


COUNTS = moving_pattern(1, depth=14)[0]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (tiff(COUNTS, compression=50000), "TIFF compressed by ZSTD"),
        (tiff(COUNTS, compression=34887), "TIFF compressed by LERC"),
        (tiff(COUNTS, compression=34712), "TIFF compressed by JPEG 2000"),
        (tiff(COUNTS, compression=61234), "TIFF of compression 61234"),
        (tiff(COUNTS.astype(np.float16), form=3), "TIFF of float16 values"),
        (tiff(COUNTS.astype(np.complex64), form=6), "TIFF of complex64 values"),
        (b"GIF89a" + bytes(50), "GIF"),
        (b"\0\0\0\x18ftypheic" + bytes(50), "HEIC"),
        (b"\xff\xd8\xff\xc3\0\x0b\x10" + bytes(50), "lossless JPEG"),
        (b"\xff\xd8\xff\xc1\0\x0b\x0c" + bytes(50), "JPEG of 12 bits"),
    ],
)
def test_what_is_not_supported_is_named(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / ("0.tif" if data[:2] == b"II" else "0.png")
    path.write_bytes(data)
    with pytest.raises(SourceError, match=f"{path.name} is {says}, which is not supported; save it as"):
        source_of(tmp_path, "thermal")
    with pytest.raises(SourceError, match="not supported"):
        read_counts(path)


def test_a_later_one_is_counted_by_that_name(tmp_path: Path) -> None:
    write(tmp_path / "0.tif", COUNTS)
    (tmp_path / "1.tif").write_bytes(tiff(COUNTS, compression=50000))
    (tmp_path / "2.tif").write_bytes(tiff(COUNTS)[:200])
    with source_of(tmp_path, "thermal") as source:
        assert len(list(source)) == 1
    assert source.lost == {"unsupported": 1, "corrupt": 1}


def test_damaged_pictures_are_not_called_unsupported(tmp_path: Path) -> None:
    for name, data in (
        ("a.tif", tiff(COUNTS)[:-30]),
        ("a.jpg", b"\xff\xd8\xff\xe0"),
        ("a.png", b"x"),
        ("b.tif", b""),
    ):
        (tmp_path / name).write_bytes(data)
        assert describe_unsupported(tmp_path / name) == ""
    assert describe_unsupported(tmp_path / "none.png") == ""


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_turns_counts_as_it_turns_the_picture(tmp_path: Path, orientation: int) -> None:
    """Of 16-bit TIFF and PNG, and of a radiometric JPEG."""
    (tmp_path / "a.tif").write_bytes(tiff(COUNTS, turn=orientation))
    png = cv2.imencode(".png", COUNTS)[1].tobytes()
    block = exif(orientation)[6:]

    eight = struct.pack(">I", len(block)) + b"eXIf" + block + struct.pack(">I", zlib.crc32(b"eXIf" + block))
    (tmp_path / "a.png").write_bytes(png[:33] + eight + png[33:])
    (tmp_path / "a.jpg").write_bytes(with_exif(flir_jpeg(COUNTS), orientation))
    for name in ("a.tif", "a.png", "a.jpg"):
        (frame,) = read(tmp_path / name, "thermal")
        np.testing.assert_array_equal(frame.pixels, turned(COUNTS, orientation), err_msg=name)
    visible = {1: (96, 64), 2: (96, 64), 3: (96, 64), 4: (96, 64)}.get(orientation, (64, 96))
    assert read(tmp_path / "a.jpg")[0].size == visible
