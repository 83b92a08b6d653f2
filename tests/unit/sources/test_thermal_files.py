"""Files of thermal cameras: stacks of pages, raw counts, radiometric JPEGs, FFV1; whole and damaged."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from stream.config import InputSettings, ThermalInputSettings
from stream.errors import SourceError
from stream.frame import Frame, Side
from stream.radiometry import Linear, Planck
from stream.sources import Source, open_source
from tests.helpers.flir import CAMERA, flir_jpeg
from tests.helpers.media import moving_pattern, write_video
from tests.helpers.tiff import tiff

COUNTS = moving_pattern(4, depth=14)


def source_of(uri: Path | str, role: Side = "thermal", **settings: Any) -> Source:
    model = ThermalInputSettings if role == "thermal" else InputSettings
    return open_source(model.model_validate({"uri": str(uri), **settings}), role)


def read(uri: Path | str, role: Side = "thermal", **settings: Any) -> list[Frame]:
    with source_of(uri, role, **settings) as source:
        return list(source)


def lost(uri: Path | str) -> tuple[list[int], dict[str, int]]:
    with source_of(uri) as source:
        return [frame.index for frame in source], dict(source.lost)


def put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("form", ["{}", "thermal://{}", "images://{}"])
def test_pages_of_a_tiff_are_frames(tmp_path: Path, order: str, big: bool, form: str) -> None:
    path = put(tmp_path / "a.tiff", tiff(COUNTS, order=order, big=big))
    frames = read(form.format(path), bits=14)
    np.testing.assert_array_equal([frame.pixels for frame in frames], COUNTS)
    assert [frame.time_s for frame in frames] == [Fraction(n, 25) for n in range(4)]
    assert {(frame.pixel_format, frame.bits, frame.clock) for frame in frames} == {("gray16le", 14, "pts")}


@pytest.mark.parametrize("compression", [5, 8, 32773])
def test_compressed_pages(tmp_path: Path, compression: int) -> None:
    path = tmp_path / "a.tif"
    assert cv2.imwritemulti(str(path), COUNTS, [cv2.IMWRITE_TIFF_COMPRESSION, compression])
    np.testing.assert_array_equal([frame.pixels for frame in read(path)], COUNTS)


def test_pages_in_colour_are_visible_frames(tmp_path: Path) -> None:
    colour = moving_pattern(3, colour=True)
    cv2.imwritemulti(str(tmp_path / "a.tif"), [each[..., ::-1] for each in colour])
    np.testing.assert_array_equal([each.pixels for each in read(tmp_path / "a.tif", "visible")], colour)


def test_the_rate_of_pages_can_be_given(tmp_path: Path) -> None:
    path = put(tmp_path / "a.tiff", tiff(COUNTS))
    with source_of(f"thermal://{path}?rate=9&bits=14") as source:
        assert (source.info.rate, source.info.frames, source.info.bits) == (9, 4, 14)
    assert read(path, rate=29.97)[1].time_s == Fraction(100, 2997)


def test_a_small_copy_is_no_frame(tmp_path: Path) -> None:
    small = COUNTS[1][::2, ::2]
    flagged = put(tmp_path / "flagged.tiff", tiff([COUNTS[0], COUNTS[1], small], kinds=[0, 0, 1]))
    assert len(read(flagged)) == 2
    single = put(tmp_path / "single.tiff", tiff([COUNTS[0], small]))
    assert len(read(single)) == 1


def test_a_chain_that_leads_out_of_the_file_ends_there(tmp_path: Path) -> None:
    whole = tiff(COUNTS)
    path = put(tmp_path / "a.tiff", whole[: len(whole) * 5 // 8])
    found, counted = lost(path)
    assert found == [0, 1] and counted["corrupt"] >= 1


def test_a_chain_that_leads_back_into_itself_ends(tmp_path: Path) -> None:
    whole = bytearray(tiff(COUNTS[:3]))
    second_at = 8
    for _ in range(2):
        following = second_at + 2 + 12 * 11
        (second_at,) = struct.unpack_from("<I", whole, following)
    struct.pack_into("<I", whole, second_at + 2 + 12 * 11, 8)  # after the third comes the first
    assert lost(put(tmp_path / "a.tiff", bytes(whole))) == ([0, 1, 2], {"corrupt": 1})


def test_a_page_whose_pixels_are_missing_keeps_its_place(tmp_path: Path) -> None:
    whole = bytearray(tiff(COUNTS))
    (second_at,) = struct.unpack_from("<I", whole, 8 + 2 + 12 * 11)
    entry = second_at + 2 + 12 * 7
    assert struct.unpack_from("<H", whole, entry) == (273,)
    (strips_at,) = struct.unpack_from("<I", whole, entry + 8)
    struct.pack_into("<I", whole, strips_at, 2**31)
    assert lost(put(tmp_path / "a.tiff", bytes(whole))) == ([0, 2, 3], {"corrupt": 1})


def test_any_wrong_byte_of_a_tiff_is_an_answer_or_a_sentence(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    good = np.frombuffer(tiff([counts[:4, :4] for counts in COUNTS[:3]]), np.uint8)
    for _ in range(200):
        broken = good.copy()
        broken[random.integers(0, len(good), 2)] = random.integers(0, 256, 2)
        try:
            read(put(tmp_path / "a.tiff", broken.tobytes()))
        except SourceError:
            continue


def test_a_folder_of_stacks_is_refused(tmp_path: Path) -> None:
    for name in ("a.tiff", "b.tiff"):
        put(tmp_path / name, tiff(COUNTS))
    with pytest.raises(SourceError, match=r"a\.tiff holds several pictures"):
        source_of(tmp_path)


def test_an_imagej_stack_without_directories_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path / "a.tiff", tiff(COUNTS[:1], description="ImageJ=1.53\nimages=900\nslices=900\n"))
    with pytest.raises(SourceError, match="where 899 of its pictures are"):
        source_of(path)
    whole = put(tmp_path / "b.tiff", tiff(COUNTS, description="ImageJ=1.53\nimages=4\n"))
    assert len(read(whole)) == 4


def raw(path: Path, endian: str = "<") -> Path:
    return put(path, np.stack(COUNTS).astype(endian + "u2").tobytes())


@pytest.mark.parametrize(("endian", "option"), [("<", ""), ("<", "&endian=little"), (">", "&endian=big")])
def test_raw_counts(tmp_path: Path, endian: str, option: str) -> None:
    path = raw(tmp_path / "clip.y16", endian)
    with source_of(f"thermal://{path}?size=64x48&rate=30&bits=14{option}") as source:
        assert (source.info.frames, source.info.rate, source.info.bits) == (4, 30, 14)
        frames = list(source)
    np.testing.assert_array_equal([frame.pixels for frame in frames], COUNTS)
    assert frames[0].pixels.dtype == np.uint16
    assert [frame.time_s for frame in frames] == [Fraction(n, 30) for n in range(4)]


def test_raw_counts_that_break_off(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = raw(tmp_path / "clip.raw")
    path.write_bytes(path.read_bytes()[:-1])
    assert lost(f"thermal://{path}?size=64x48") == ([0, 1, 2], {"corrupt": 1})
    assert "breaks off after 3 pictures" in caplog.text


def test_a_size_makes_any_file_raw(tmp_path: Path) -> None:
    assert len(read(f"thermal://{raw(tmp_path / 'dump.bin')}?size=64x48")) == 4


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("{}/clip.y16", "whose size nothing tells; write thermal://FILE"),
        ("thermal://{}/clip.y16", "whose size nothing tells"),
        ("thermal://{}/clip.y16?size=64", "size must be WIDTHxHEIGHT in pixels, as in 640x512, got '64'"),
        ("thermal://{}/clip.y16?size=0x48", "size must be WIDTHxHEIGHT"),
        ("thermal://{}/clip.y16?size=99999x48", "size must be WIDTHxHEIGHT"),
        ("thermal://{}/clip.y16?size=640x480", "shorter than one picture of 640x480"),
        ("thermal://{}/clip.y16?size=64x48&endian=middle", "endian must be little or big, got 'middle'"),
        ("thermal://{}/clip.y16?size=64x48&bits=14&endian=big", "where 14 bits reach 16383; check bits"),
        ("thermal://{}/clip.y16?size=64x48&bits=20", "bits must be from 8 to 16, got 20"),
        ("thermal://{}/clip.y16?size=64x48&bits=8", "for which bits can be 9 to 16, got 8"),
        (
            "thermal://{}/clip.y16?size=64x48&fps=9",
            "unknown option fps; known are bits, camera, endian, layout, palette, rate, size",
        ),
        ("thermal://{}/none.y16?size=64x48", "does not exist"),
        ("thermal://{}?size=60x80", "64x48 pixels and cannot be 60x80"),
        ("thermal://{}/none", "none does not exist"),
        ("thermal://{}/empty.tiff", "can be read"),
    ],
)
def test_wrong_files_and_options(tmp_path: Path, uri: str, problem: str) -> None:
    raw(tmp_path / "clip.y16")
    put(tmp_path / "empty.tiff", b"")
    cv2.imwrite(str(tmp_path / "0.png"), COUNTS[0])
    with pytest.raises(SourceError, match=problem):
        source_of(uri.format(tmp_path))


@pytest.mark.parametrize(("suffix", "maker"), [("is2", "Fluke"), ("BMT", "Testo"), ("irb", "InfraTec")])
def test_files_of_other_makers_are_refused_by_name(tmp_path: Path, suffix: str, maker: str) -> None:
    path = put(tmp_path / f"a.{suffix}", b"PK" + bytes(5000))
    for form in ("{}", "thermal://{}"):
        with pytest.raises(SourceError, match=f"a thermal file of {maker}, .* export 16-bit TIFF"):
            source_of(form.format(path))


def test_pictures_that_were_saved_with_their_sides_swapped(tmp_path: Path) -> None:
    for index, counts in enumerate(COUNTS):
        cv2.imwrite(str(tmp_path / f"{index}.tiff"), counts.reshape(64, 48))
    with source_of(f"thermal://{tmp_path}?size=64x48&rate=9") as source:
        frames = list(source)
        assert (source.info.width, source.info.height) == (64, 48)
    np.testing.assert_array_equal([each.pixels for each in frames], COUNTS)


def test_a_folder_of_radiometric_jpegs(tmp_path: Path) -> None:
    for index, counts in enumerate(COUNTS):
        put(tmp_path / f"{index}.jpg", flir_jpeg(counts, png=index % 2 == 0))
    put(tmp_path / "2.jpg", flir_jpeg(COUNTS[2])[:4000])
    with source_of(f"thermal://{tmp_path}") as source:
        frames = list(source)
        assert (source.info.width, source.info.height, source.lost) == (64, 48, {"corrupt": 1})
    assert [frame.index for frame in frames] == [0, 1, 3]
    np.testing.assert_array_equal([each.pixels for each in frames], [COUNTS[n] for n in (0, 1, 3)])
    assert all(isinstance(frame.radiometry, Planck) for frame in frames)
    assert frames[0].radiometry is not None
    assert float(frames[0].radiometry.celsius(CAMERA.counts(20))) == pytest.approx(20, abs=0.01)


def test_the_visible_side_of_a_radiometric_jpeg_is_its_picture(tmp_path: Path) -> None:
    put(tmp_path / "0.jpg", flir_jpeg(COUNTS[0]))
    (frame,) = read(tmp_path, "visible")
    assert (frame.size, frame.pixel_format, frame.radiometry) == ((96, 64), "rgb24", None)


def test_an_ordinary_jpeg_is_8_bit_thermal(tmp_path: Path) -> None:
    put(tmp_path / "0.jpg", cv2.imencode(".jpg", np.full((48, 64), 80, np.uint8))[1].tobytes())
    assert read(f"thermal://{tmp_path}")[0].pixel_format == "gray8"


@pytest.mark.parametrize("form", ["{}", "thermal://{}", "thermal://{}?bits=14"])
def test_lossless_video(tmp_path: Path, form: str) -> None:
    path = write_video(tmp_path / "t.mkv", COUNTS, pixel_format="gray16le")
    frames = read(form.format(path))
    np.testing.assert_array_equal([frame.pixels for frame in frames], COUNTS)
    assert frames[0].bits == (14 if "bits" in form else 16)


def test_video_takes_no_rate(tmp_path: Path) -> None:
    path = write_video(tmp_path / "t.mkv", COUNTS)
    with pytest.raises(SourceError, match="unknown option rate; known are bits, camera, layout"):
        source_of(f"thermal://{path}?rate=9")


@pytest.mark.parametrize("kind", ["t.mkv", "t.tiff", "t.y16", "t"])
def test_stated_radiometry_is_on_every_frame(tmp_path: Path, kind: str) -> None:
    path, query = tmp_path / kind, ""
    if kind == "t.mkv":
        write_video(path, COUNTS)
    elif kind == "t.tiff":
        put(path, tiff(COUNTS))
    elif kind == "t.y16":
        raw(path)
        query = "?size=64x48"
    else:
        path.mkdir()
        put(path / "0.jpg", flir_jpeg(COUNTS[0]))
    frames = read(f"thermal://{path}{query}", celsius_per_count=0.01, celsius_at_zero=-273.15)
    assert frames and all(frame.radiometry == Linear(0.01, -273.15) for frame in frames)


@pytest.mark.refdata
def test_a_real_recording(refdata: Path) -> None:
    frames = read(f"thermal://{refdata / 'data/flirone/thermal'}?bits=14")
    assert len(frames) == 85
    assert (frames[0].bits, frames[0].pixel_format, frames[0].clock) == (14, "gray16le", "device")
