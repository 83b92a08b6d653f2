"""The size that a picture file states, for every kind, and what is refused before it is decoded."""

from __future__ import annotations

import resource
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from stream.errors import CalibrationError, ConfigError, SourceError
from stream.picture_size import MOST_PIXELS, check_size, is_bounded, picture_size
from stream.sources.pictures.decode import read_picture, read_stored
from stream.sources.pictures.metadata import read_alpha, read_metadata
from stream.stills.picture import read_counts
from stream.thermal.bad_pixels import load_bad_pixels

SIZE = (52, 38)
KINDS = ("png", "jpg", "bmp", "webp", "tif", "pgm")


def encoded(suffix: str, channels: int = 3) -> bytes:
    picture = np.random.default_rng(1).integers(0, 255, (38, 52, channels), np.uint8)
    return bytes(cv2.imencode(f".{suffix}", picture)[1])


def png(width: int, height: int, depth: int = 16, colour: int = 6) -> bytes:
    """A PNG with hardly any data that states a size."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))]
    chunks += [(b"IDAT", zlib.compress(bytes(64))), (b"IEND", b"")]
    packed = (struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
              for kind, data in chunks)  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def jpeg(width: int, height: int, before: bytes = b"") -> bytes:
    """A JPEG of 52x38 that states another size, with bytes before its start of frame."""
    data = encoded("jpg")
    at = data.index(b"\xff\xc0")
    return data[:at] + before + data[at : at + 5] + struct.pack(">HH", height, width) + data[at + 9 :]


def tiff(tags: dict[int, tuple[int, int]], order: str = "<", big: bool = False) -> bytes:
    """A TIFF of one directory; each tag with its type and number."""
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if big else 42)
    head += struct.pack(order + "HHQ", 8, 0, 16) if big else struct.pack(order + "I", 8)
    entry, value = ("HHQ", "8s") if big else ("HHI", "4s")
    data = head + struct.pack(order + ("Q" if big else "H"), len(tags))
    for tag, (kind, number) in sorted(tags.items()):
        packed = struct.pack(order + {3: "H", 4: "I"}[kind], number)
        data += struct.pack(order + entry + value, tag, kind, 1, packed)
    return data + bytes(8)


@pytest.mark.parametrize("suffix", KINDS)
def test_every_kind_states_its_size(suffix: str) -> None:
    data = encoded(suffix, 1 if suffix == "pgm" else 3)
    assert picture_size(data) == picture_size(memoryview(data)) == SIZE
    assert is_bounded(data)


def test_webp_with_transparency_and_without_loss() -> None:
    picture = np.random.default_rng(1).integers(0, 255, (38, 52, 4), np.uint8)
    for quality in (50, 101):
        data = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, quality])[1]
        assert picture_size(bytes(data)) == SIZE


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("big", [False, True])
def test_tiff_in_both_orders_and_lengths(order: str, big: bool) -> None:
    assert picture_size(tiff({256: (3, 52), 257: (4, 38)}, order, big)) == SIZE


@pytest.mark.parametrize("suffix", KINDS)
def test_a_header_that_is_cut_off_states_nothing(suffix: str) -> None:
    whole = encoded(suffix, 1 if suffix == "pgm" else 3)
    for end in range(8):
        assert picture_size(whole[:end]) is None
        assert not is_bounded(whole[:end])


@pytest.mark.parametrize("data", [b"", b"GIF89a" + bytes(50), b"12 7\n", b"\x00\x00\x00\x0cjP  " + bytes(90)])
def test_other_kinds_are_never_decoded(data: bytes) -> None:
    assert picture_size(data) is None
    assert not is_bounded(data)


def test_a_jpeg_is_read_as_its_decoder_reads_it() -> None:
    decoy = b"\xff\xc0" + struct.pack(">HBHHB", 8, 8, 1, 1, 0)
    assert picture_size(jpeg(65_000, 65_000, b"\xff\xff\xff")) == (65_000, 65_000)
    assert picture_size(jpeg(65_000, 65_000, b"\xff\xd0")) == (65_000, 65_000)
    hidden = b"\xff\xfe" + struct.pack(">H", 2 + len(decoy)) + decoy
    assert picture_size(jpeg(65_000, 65_000, hidden)) == (65_000, 65_000)
    assert picture_size(jpeg(65_000, 65_000, b"\x00")) is None


def test_what_takes_too_much() -> None:
    assert not is_bounded(png(65_535, 65_535))
    assert not is_bounded(jpeg(65_000, 65_000))
    assert not is_bounded(jpeg(0, 0))
    assert not is_bounded(jpeg(8000, 8000) + b"\xff\xda" * 200)
    sides = {256: (4, 52), 257: (4, 38)}
    assert is_bounded(tiff(sides))
    assert not is_bounded(tiff(sides | {277: (4, 1 << 30), 258: (4, 16)}))
    assert not is_bounded(tiff(sides | {322: (4, 1 << 20), 323: (4, 1 << 20)}))
    assert not is_bounded(tiff({256: (4, 1 << 20), 257: (4, 1 << 20)}))


def hostile() -> dict[str, bytes]:
    sides = {256: (4, 40_000), 257: (4, 40_000), 258: (3, 16), 277: (3, 1), 273: (4, 8), 279: (4, 8)}
    return {
        "a.png": png(65_535, 65_535),
        "b.jpg": jpeg(65_000, 65_000),
        "c.tif": tiff(sides),
        "d.png": tiff(sides),
        "g.png": png(64, 48)[:33] + b"\xff\xff\xff\x00IDAT" + bytes(90),
        "g_end.png": png(64, 48)[:33] + b"\xa5\x00\x00\x00IEND" + bytes(3),
        "g_wide.bmp": b"BM" + bytes(12) + struct.pack("<Iii", 40, 1 << 22, 4) + bytes(40),
        "e.bmp": b"BM" + bytes(12) + struct.pack("<Iii", 40, 60_000, -60_000) + bytes(40),
        "f.webp": b"RIFF" + bytes(4) + b"WEBPVP8L" + bytes(5) + b"\xff" * 40,
    }


@pytest.mark.parametrize("name", hostile())
def test_readers_allocate_nothing_for_a_small_file_that_states_much(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(hostile()[name])
    peak_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert read_picture(path) is None
    assert read_stored(path, "visible") is None and read_stored(path, "thermal") is None
    assert read_alpha(path) is None
    assert not read_metadata(path).exif
    with pytest.raises(SourceError, match="is not a whole picture" if name[0] == "g" else "67 million"):
        read_counts(path)
    for size in (SIZE, picture_size(path.read_bytes())):
        with pytest.raises((CalibrationError, ConfigError), match=r"take a map of the|is damaged"):
            load_bad_pixels(path, size or SIZE)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_before < 100_000  # kB


def test_the_refusal_names_size_and_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(65_535, 65_535))
    assert MOST_PIXELS // 10**6 == 67
    with pytest.raises(SourceError, match=r"65535x65535 pixels and has \d+ bytes; .* 67 million"):
        check_size(path)
    path.write_bytes(encoded("png"))
    check_size(path)


@pytest.mark.refdata
def test_the_case_of_143_bytes_is_refused_in_one_sentence(refdata: Path) -> None:
    peak_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SourceError, match="is not a whole picture"):
        read_counts(refdata / "cases" / "hostile" / "png_4gb.png")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_before < 100_000  # kB
