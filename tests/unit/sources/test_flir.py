"""Radiometric JPEGs: whole ones, and such as nobody should trust."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from stream.radiometry import Planck
from stream.sources.pictures.radiometric.fff import FlirPicture, read_flir
from stream.sources.pictures.radiometric.raw_image import FlirError
from tests.helpers import flir
from tests.helpers.media import moving_pattern

COUNTS = moving_pattern(1, depth=14)[0] + 3000


def whole(data: bytes) -> FlirPicture:
    found = read_flir(data)
    assert found is not None
    return found


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("part_bytes", [60_000, 999])
def test_raw_counts_are_exact(order: str, part_bytes: int) -> None:
    found = whole(flir.flir_jpeg(COUNTS, order=order, part_bytes=part_bytes))
    assert found.counts.dtype == np.uint16
    np.testing.assert_array_equal(found.counts, COUNTS)


@pytest.mark.parametrize("swapped", [True, False])
def test_counts_in_a_png_of_either_byte_order(swapped: bool) -> None:
    found = whole(flir.flir_jpeg(COUNTS, png=True, swapped=swapped))
    np.testing.assert_array_equal(found.counts, COUNTS)


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_camera_tells_its_constants(order: str) -> None:
    found = whole(flir.flir_jpeg(COUNTS, order=order)).radiometry
    assert isinstance(found, Planck)
    assert (found.o, found.b) == (flir.CAMERA.o, flir.CAMERA.b)
    count = flir.CAMERA.counts(36.6)
    assert float(found.celsius(count)) == pytest.approx(36.6, abs=0.01)


def test_a_file_in_the_other_byte_order() -> None:
    block = flir.fff([(1, struct.pack(">HHH", 2, 2, 1).ljust(32, b"\0") + b"\1\2\3\4")], ">")
    found = whole(flir.with_parts(flir.split(block, 1000)))
    assert found.counts.tolist() == [[0x0102, 0x0304]]
    assert found.radiometry is None


@pytest.mark.parametrize("camera", [None, bytes(0x400), b"\2\0" + bytes(30)])
def test_cameras_without_constants_do_not_measure(camera: bytes | None) -> None:
    raw = struct.pack("<HHH", 2, 1, 1).ljust(32, b"\0") + b"\1\0"
    records = [(1, raw)] if camera is None else [(0x20, camera), (1, raw)]
    assert whole(flir.with_parts(flir.split(flir.fff(records), 1000))).radiometry is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8",
        b"\x89PNG\r\n",
        flir.with_parts([]),
        flir.with_parts([b"Exif\0\0", b"FLIR"]),
        flir.with_parts(flir.split(flir.fff([(0x20, flir.camera_record(flir.CAMERA))]), 1000)),
        b"\xff\xd8\xff\xe1\x00\x01",
        b"\xff\xd8" + b"\xff" * 1000,
    ],
)
def test_pictures_without_a_thermal_part(data: bytes) -> None:
    assert read_flir(data) is None


def raw(width: int, height: int, pixels: bytes) -> list[tuple[int, bytes]]:
    return [(1, struct.pack("<HHH", 2, width, height).ljust(32, b"\0") + pixels)]


def png(width: int, height: int, kind: bytes = b"\x10\0") -> bytes:
    head = b"IHDR" + struct.pack(">II", width, height) + kind + bytes(3)
    body = struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    return b"\x89PNG\r\n\x1a\n" + body


def entry(block: bytes, at: int, **values: int) -> bytes:
    """A file with numbers of its first directory entry changed."""
    places = {"offset": 12, "length": 16}
    changed = bytearray(block)
    for name, value in values.items():
        struct.pack_into("<I", changed, 64 + 32 * at + places[name], value)
    return bytes(changed)


SMALL = flir.fff(raw(2, 2, bytes(8)))


@pytest.mark.parametrize(
    ("block", "words"),
    [
        (b"nothing", "no FFF file"),
        (b"FFF\0".ljust(64, b"\0"), "unknown version"),
        (SMALL[:0x1C] + struct.pack("<I", 2**32 - 1) + SMALL[0x20:], "before its directory"),
        (SMALL[:0x18] + struct.pack("<I", 2**32 - 1) + SMALL[0x1C:], "before its directory"),
        (entry(SMALL, 0, offset=2**32 - 1), "breaks off after 0"),
        (entry(SMALL, 0, length=2**32 - 1), "breaks off"),
        (entry(SMALL, 0, length=0), "breaks off"),
        (entry(SMALL, 0, length=20), "has no header"),
        (flir.fff(raw(0, 5, bytes(8))), "0x5 pixels"),
        (flir.fff(raw(65535, 65535, bytes(8))), "65535x65535 pixels"),
        (flir.fff(raw(2, 2, bytes(7))), "2x2 pixels and has 7 bytes"),
        (flir.fff(raw(2, 2, png(2, 2, b"\x08\2"))), "not of 16-bit grey"),
        (flir.fff(raw(2, 2, png(60_000, 60_000))), "60000x60000 pixels"),
        (flir.fff(raw(2, 2, png(8, 8))), "damaged PNG"),
        (flir.fff(raw(2, 2, png(8, 8)[:20])), "not of 16-bit grey"),
    ],
)
def test_damaged_thermal_parts(block: bytes, words: str) -> None:
    with pytest.raises(FlirError, match=words):
        read_flir(flir.with_parts(flir.split(block, 60_000)))


def test_a_record_that_is_its_own_directory_ends() -> None:
    looped = flir.with_parts(flir.split(entry(SMALL, 0, offset=64, length=32), 1000))
    with pytest.raises(FlirError):
        read_flir(looped)


def test_a_missing_part_is_noticed() -> None:
    parts = flir.split(flir.fff(raw(20, 20, bytes(800))), 300)
    with pytest.raises(FlirError, match="4 FLIR segments are announced and 3 are there"):
        read_flir(flir.with_parts(parts[:1] + parts[2:]))


def test_any_cut_is_an_answer_or_a_sentence() -> None:
    data = flir.flir_jpeg(COUNTS[:4, :4], part_bytes=150)
    for end in range(0, len(data), 7):
        try:
            found = read_flir(data[:end])
        except FlirError:
            continue
        assert found is None or found.counts.shape == (4, 4)


def test_any_wrong_byte_is_an_answer_or_a_sentence() -> None:
    random = np.random.default_rng(3)
    good = np.frombuffer(flir.flir_jpeg(COUNTS[:4, :4]), np.uint8)
    for _ in range(500):
        broken = good.copy()
        broken[random.integers(0, 160, 3)] = random.integers(0, 256, 3)
        try:
            read_flir(broken.tobytes())
        except FlirError:
            continue


@pytest.mark.skipif(
    shutil.which("exiftool") is None, reason="a second opinion, by ExifTool, which is not here"
)
@pytest.mark.parametrize("png", [False, True])
def test_exiftool_finds_the_same_in_our_files(tmp_path: Path, png: bool) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(flir.flir_jpeg(COUNTS, png=png, part_bytes=2000))
    done = subprocess.run(["exiftool", "-json", "-n", str(path)], check=True, capture_output=True)
    (told,) = json.loads(done.stdout)
    assert (told["RawThermalImageWidth"], told["RawThermalImageHeight"]) == (64, 48)
    names = {"r1": "PlanckR1", "r2": "PlanckR2", "b": "PlanckB", "f": "PlanckF", "o": "PlanckO"}
    for ours, theirs in names.items():
        assert told[theirs] == pytest.approx(getattr(flir.CAMERA, ours), rel=1e-6)
    raw_image = subprocess.run(
        ["exiftool", "-b", "-RawThermalImage", str(path)], check=True, capture_output=True
    )
    counts = cv2.imdecode(np.frombuffer(raw_image.stdout, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(counts.byteswap() if png else counts, COUNTS)
