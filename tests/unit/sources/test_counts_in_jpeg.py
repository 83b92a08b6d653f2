"""Raw counts beside the palette picture of a JPEG: of DJI and FLIR read, of others refused by name."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from stream.errors import SourceError
from stream.radiometry import Linear
from tests.helpers.dji import COUNTS, dji, jpeg
from tests.helpers.flir import fff, flir_jpeg, split, with_parts
from tests.unit.sources.test_thermal_files import put, read, source_of


def test_dji_counts(tmp_path: Path) -> None:
    put(tmp_path / "0_T.JPG", jpeg(dji(COUNTS)))
    (frame,) = read(tmp_path)
    np.testing.assert_array_equal(frame.pixels, COUNTS)
    assert (frame.pixel_format, frame.radiometry) == ("gray16le", None)
    (frame,) = read(tmp_path, layout="K*64")
    assert frame.radiometry == Linear(1 / 64, -273.15)


def test_dji_counts_of_half_the_size_of_the_picture(tmp_path: Path) -> None:
    put(tmp_path / "0.jpg", jpeg(dji(COUNTS[::2, ::2])))
    np.testing.assert_array_equal(read(tmp_path)[0].pixels, COUNTS[::2, ::2])


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_counts_are_turned_as_the_picture_is(tmp_path: Path, orientation: int) -> None:
    put(tmp_path / "0.jpg", jpeg(dji(COUNTS), orientation=orientation))
    turns = {1: 0, 3: 2, 6: -1, 8: 1}[orientation]
    counts = read(tmp_path)[0].pixels
    np.testing.assert_array_equal(counts, np.rot90(COUNTS, turns))
    (picture,) = read(tmp_path, "visible")
    assert picture.pixels.shape[:2] == counts.shape


@pytest.mark.parametrize(
    ("parts", "maker", "behind"),
    [
        (dji(np.random.default_rng(1).integers(0, 65536, (48, 64)).repeat(2, 0)), "DJI", b""),
        (dji(np.zeros((99, 99)) + 7), "DJI", b""),
        ([(0xE8, b"HIK" + b"\1\2\3" * 5000)], "HIKMICRO", b""),
        ([], "UNI-T", b"HDRI" + bytes(range(256)) * 100),
    ],
)
def test_counts_in_unknown_forms_are_refused_by_the_maker(
    tmp_path: Path, parts: list[tuple[int, bytes]], maker: str, behind: bytes
) -> None:
    path = put(tmp_path / "0.jpg", jpeg(parts, maker, behind))
    with pytest.raises(SourceError, match=f"0.jpg, a picture by {maker}, has .* look like raw counts"):
        read(tmp_path)
    assert read(path, palette="hot")[0].pixel_format == "gray8"
    assert read(path, "visible")[0].pixel_format == "rgb24"


@pytest.mark.parametrize(
    ("parts", "behind"),
    [
        ([], b""),
        ([(0xE2, b"ICC_PROFILE\0" + b"x" * 20_000)], b""),
        ([(0xED, b"Photoshop 3.0\0" + b"x" * 20_000)], b""),
        ([], b"\0" * 30_000),
        ([], jpeg([]) * 9),
        ([], b"\0\0\0\x18ftypmp42" + b"x" * 20_000),
    ],
)
def test_what_is_no_counts_is_left_alone(
    tmp_path: Path, parts: list[tuple[int, bytes]], behind: bytes
) -> None:
    put(tmp_path / "0.jpg", jpeg(parts, "Canon", behind))
    with source_of(tmp_path) as source:
        assert next(iter(source)).pixel_format == "gray8"


def test_flir_counts_are_turned_too(tmp_path: Path) -> None:
    data = flir_jpeg(COUNTS)
    exif = b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 274, 3, 1, 6, 0, 0)
    put(tmp_path / "0.jpg", data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2) + exif + data[2:])
    np.testing.assert_array_equal(read(tmp_path)[0].pixels, np.rot90(COUNTS, -1))


def test_flir_pictures_without_counts_are_pictures(tmp_path: Path) -> None:
    put(tmp_path / "0.jpg", with_parts(split(fff([(0x20, bytes(0x400))]), 60_000)))
    assert read(tmp_path)[0].pixel_format == "gray8"


@pytest.mark.refdata
def test_the_case_of_dji(refdata: Path) -> None:
    folder = refdata / "cases/files/08-dji-r-jpeg"
    frames = read(folder)
    assert len(frames) == 3
    for index, frame in enumerate(frames):
        np.testing.assert_array_equal(frame.pixels, np.load(folder / f"truth/truth_{index:04d}.npy"))
