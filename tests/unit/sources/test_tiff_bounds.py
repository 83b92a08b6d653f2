"""TIFF files whose parts lie over each other, so that little is read again and again."""

from __future__ import annotations

import struct
from contextlib import closing
from pathlib import Path

import pytest

from stream.sources.pictures.geotiff import read_tags
from stream.sources.pictures.tiff import TiffPages

ENTRIES = 4096
DIRECTORY = 2 + 12 * ENTRIES
HEAD = b"II*\0"


class Counting(TiffPages):
    """Counts the bytes that it reads."""

    read_bytes = 0

    def _at(self, offset: int, length: int) -> bytes:
        self.read_bytes += length
        return super()._at(offset, length)


def overlapping(path: Path, count: int) -> Path:
    """Directories of thousands of entries, each four bytes behind the one before: 50 kB of file for each."""
    data = bytearray(HEAD + struct.pack("<I", 8) + bytes(DIRECTORY + 4 * count + 8))
    for index in range(count):
        at = 8 + 4 * index
        struct.pack_into("<H", data, at, ENTRIES)
        struct.pack_into("<I", data, at + DIRECTORY, at + 4 if index < count - 1 else 0)
    path.write_bytes(data)
    return path


def test_directories_that_overlap_are_not_followed(tmp_path: Path) -> None:
    path = overlapping(tmp_path / "a.tif", 12_000)
    with closing(Counting(path)) as pages:
        assert pages.broken
        assert pages.count < 5
        assert pages.read_bytes < 4 * path.stat().st_size


def test_a_tag_that_is_there_a_thousand_times_is_read_once(tmp_path: Path) -> None:
    text = 4 << 20
    entry = struct.pack("<HHII", 270, 2, text, 8 + DIRECTORY + 4)
    path = tmp_path / "a.tif"
    path.write_bytes(HEAD + struct.pack("<IH", 8, ENTRIES) + entry * ENTRIES + bytes(4) + b"x" * text)
    with closing(Counting(path)) as pages:
        assert len(pages.tags(0, (270,))[270].data) == text
        assert pages.read_bytes < 2 * path.stat().st_size
    assert len(read_tags(path)[270].data) == text


@pytest.mark.parametrize("strips", [2, 1000])
def test_strips_that_share_their_bytes_are_refused(tmp_path: Path, strips: int) -> None:
    size = 8 + 2 + 12 * 10 + 4 + 8 * strips + 20_000
    table = 8 + 2 + 12 * 7 + 4
    tags = [(256, 3, 1, 100), (257, 3, 1, 100), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
            (273, 4, strips, table), (279, 4, strips, table + 4 * strips)]  # fmt: skip
    data = HEAD + struct.pack("<IH", 8, len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    data += bytes(4) + struct.pack(f"<{2 * strips}I", *[8] * strips, *[size - 100] * strips)
    path = tmp_path / "a.tif"
    path.write_bytes(data.ljust(size, b"\0"))
    with closing(Counting(path)) as pages:
        assert pages.count == 1
        assert pages.read(0) is None
        assert pages.read_bytes < size
