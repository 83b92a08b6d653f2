"""Thermal pictures as numbers: TIFF of any format, NPY, CSV, PGM, raw dumps; folders that mix depths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from stream.errors import SourceError
from stream.frame import Frame
from stream.radiometry import Linear
from tests.unit.sources.test_thermal_files import put, read, source_of

DEGREES = np.linspace(-5, 36, 48 * 64).reshape(48, 64).round(1)


def celsius(frame: Frame) -> Any:
    assert frame.pixel_format == "gray16le" and frame.radiometry is not None
    return frame.radiometry.celsius(frame.pixels)


def csv(separator: str, decimal: str = ".", head: str = "") -> bytes:
    rows = [separator.join(f"{cell:.1f}".replace(".", decimal) for cell in row) for row in DEGREES]
    return (head + "\n".join(rows) + "\n").encode()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
@pytest.mark.parametrize("kind", ["tiff", "npy"])
def test_degrees_in_files(tmp_path: Path, dtype: Any, kind: str) -> None:
    factor = 10 if dtype is np.int16 else 1
    stored = np.rint(DEGREES * factor).astype(dtype) if factor > 1 else DEGREES.astype(dtype)
    for index in range(2):
        if kind == "npy":
            np.save(tmp_path / f"{index}.npy", stored)
        else:
            cv2.imwrite(str(tmp_path / f"{index}.tiff"), stored)
    frames = read(tmp_path, layout=f"C*{factor}")
    assert len(frames) == 2
    np.testing.assert_allclose(celsius(frames[0]), DEGREES, atol=0.006)


@pytest.mark.parametrize(
    "data",
    [
        csv(","),
        csv(";", ","),
        csv("\t", ","),
        csv(" "),
        csv(",", head="File: a.jpg\nEmissivity,0.95\n\n"),
        b"\xef\xbb\xbf" + csv(";", ",", "Frame 1\n"),
        csv(",").replace(b"\n", b",\n"),
        csv(";", ",", head="x;0;1;2;3;4;5;6;7;8\n").replace(b"\n", b"\n;"),
    ],
)
def test_csv_as_programs_write_it(tmp_path: Path, data: bytes) -> None:
    put(tmp_path / "0.csv", data)
    (frame,) = read(tmp_path)
    np.testing.assert_allclose(celsius(frame), DEGREES, atol=0.006)


def test_csv_of_counts(tmp_path: Path) -> None:
    put(tmp_path / "0.csv", "\n".join(",".join("29315" for _ in range(16)) for _ in range(16)).encode())
    (frame,) = read(tmp_path, layout="uint16 K*100")
    assert frame.pixels.max() == 29315 and frame.radiometry == Linear(0.01, -273.15)


@pytest.mark.parametrize(
    "data", [b"", b"a,b\n", b"1,2\n3,4\n", csv(",") + b"1,2,3,4,5,6,7,8,9\n", b"\0" * 99]
)
def test_csv_that_is_no_picture(tmp_path: Path, data: bytes) -> None:
    put(tmp_path / "0.csv", data)
    with pytest.raises(SourceError, match="can be read"):
        read(tmp_path)


def test_tables_beside_pictures_are_no_pictures(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "0.png"), np.full((48, 64), 7000, np.uint16))
    put(tmp_path / "list.csv", csv(","))
    assert len(read(tmp_path)) == 1


def test_many_pictures_in_one_npy(tmp_path: Path) -> None:
    stack = np.arange(5 * 48 * 64).reshape(5, 48, 64).astype(">u2")
    np.save(tmp_path / "clip.npy", stack)
    frames = read(f"thermal://{tmp_path / 'clip.npy'}?rate=9")
    np.testing.assert_array_equal([frame.pixels for frame in frames], stack)
    assert frames[1].time_s * 9 == 1


def test_npy_that_is_no_picture(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(SourceError, match="no NumPy file of pictures"):
        read(tmp_path / "a.npy")
    np.save(tmp_path / "b.npy", np.zeros((4, 4)))
    whole = (tmp_path / "b.npy").read_bytes()
    for damaged in (b"(9, 9)", b"(4, 4,", b"(4, ((", b"'4' 4)"):
        (tmp_path / "b.npy").write_bytes(whole.replace(b"(4, 4)", damaged))
        with pytest.raises(SourceError, match="or is damaged"):
            read(tmp_path / "b.npy")


def test_pgm_of_16_bits(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "0.pgm"), np.full((48, 64), 7000, np.uint16))
    (frame,) = read(tmp_path)
    assert frame.pixels.max() == 7000


@pytest.mark.parametrize(
    ("dtype", "layout", "factor"),
    [
        ("<f4", "float32 C", 1),
        (">f4", "float32 big C", 1),
        ("<i2", "int16 C*10", 10),
        (">i2", "int16,big,C*10", 10),
    ],
)
def test_raw_dumps_of_any_number_format(tmp_path: Path, dtype: str, layout: str, factor: int) -> None:
    path = put(tmp_path / "a.raw", np.rint(DEGREES * factor).astype(dtype).tobytes() * 3)
    frames = read(f"thermal://{path}?size=64x48", layout=layout)
    assert len(frames) == 3
    np.testing.assert_allclose(celsius(frames[2]), np.rint(DEGREES * factor) / factor, atol=0.006)


@pytest.mark.parametrize(
    ("dtype", "words"),
    [("<f4", "float32"), ("<i2", "int16"), (">f4", "float32 big"), (">i2", "int16 big"), (">u2", "big")],
)
def test_raw_dumps_of_another_format_are_noticed(tmp_path: Path, dtype: str, words: str) -> None:
    noise = np.random.default_rng(1).normal(0, 3, DEGREES.shape)
    scene = DEGREES * 10 + noise + (7000 if dtype == ">u2" else 0)
    path = put(tmp_path / "a.raw", scene.astype(dtype).tobytes() * 2)
    with pytest.raises(SourceError, match=f"--thermal-layout '{words} C'"):
        read(f"thermal://{path}?size=64x48")


@pytest.mark.parametrize("suffix", ["tiff", "png"])
@pytest.mark.parametrize("odd", [0, 2, 4])
def test_pictures_of_another_depth_are_left_out_and_counted(tmp_path: Path, suffix: str, odd: int) -> None:
    for index in range(6):
        dtype = np.uint8 if index == odd else np.uint16
        cv2.imwrite(str(tmp_path / f"{index}.{suffix}"), np.full((48, 64), 100 + index, dtype))
    with source_of(tmp_path) as source:
        frames = list(source)
        assert source.lost == {"other_depth": 1}
    assert [frame.index for frame in frames] == [index for index in range(6) if index != odd]


@pytest.mark.refdata
def test_the_cases_of_thermal_files(refdata: Path) -> None:
    folder = refdata / "cases/files/12-thermal-files-refused"
    for name, layout in (("celsius_f32_tiff", "C"), ("csv", "C"), ("tenths_i16_tiff", "C*10")):
        found = celsius(read(folder / name, layout=layout)[0])
        assert (found.min(), found.max()) == pytest.approx((-5, 36), abs=0.01)
    for name in ("npy", "pgm16"):
        counts = read(folder / name)[0].pixels
        assert (counts.min(), counts.max()) == (7000, 9000)


@pytest.mark.refdata
def test_the_cases_of_raw_dumps(refdata: Path) -> None:
    folder = refdata / "cases/files/11-raw-dump-types"
    for name, layout in (("celsius_f32", "float32 C"), ("tenths_celsius_i16", "int16 C*10")):
        frames = read(f"thermal://{folder / name}.raw?size=80x60", layout=layout)
        assert len(frames) == 4
        found = celsius(frames[0])
        assert (found.min(), found.max()) == pytest.approx((-5, 36), abs=0.01)
        with pytest.raises(SourceError, match="say so by --thermal-layout"):
            read(f"thermal://{folder / name}.raw?size=80x60")


@pytest.mark.refdata
def test_the_case_of_mixed_depth(refdata: Path) -> None:
    with source_of(refdata / "cases/files/17-mixed-depth/thermal") as source:
        assert (len(list(source)), source.lost) == (11, {"other_depth": 1})
