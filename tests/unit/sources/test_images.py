from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from stream.config import InputSettings
from stream.errors import SourceError
from stream.frame import Frame, Side
from stream.sources import Source, open_source
from tests.helpers.media import Pixels, moving_pattern


def source_of(uri: Path | str, role: Side = "visible", **settings: float) -> Source:
    return open_source(InputSettings.model_validate({"uri": str(uri), **settings}), role)


def read(uri: Path | str, role: Side = "visible", **settings: float) -> list[Frame]:
    with source_of(uri, role, **settings) as source:
        return list(source)


def write(path: Path, pixels: Pixels) -> Path:
    """RGB or grey pixels to a picture file."""
    bgr = pixels[..., ::-1] if pixels.ndim == 3 else pixels
    path.write_bytes(cv2.imencode(path.suffix, bgr)[1].tobytes())
    return path


def fill(folder: Path, names: list[str]) -> Path:
    for name, pixels in zip(names, moving_pattern(len(names), colour=True), strict=True):
        write(folder / name, pixels)
    return folder


def test_a_folder_is_read_in_natural_order(tmp_path: Path) -> None:
    names = [f"{n}.png" for n in range(12)]
    fill(tmp_path, names)
    (tmp_path / "notes.txt").write_text("no picture")
    frames = read(tmp_path)
    np.testing.assert_array_equal([frame.pixels for frame in frames], moving_pattern(12, colour=True))


def test_frame_numbers_follow_the_rate(tmp_path: Path) -> None:
    fill(tmp_path, [f"{n:06d}.png" for n in range(100, 104)])
    with source_of(tmp_path) as source:
        assert (source.info.rate, source.info.frames) == (25, 4)
        assert [(frame.time_s, frame.clock) for frame in source] == [
            (Fraction(n, 25), "pts") for n in range(4)
        ]


@pytest.mark.parametrize(
    ("uri", "settings", "rate"),
    [
        ("images://{}?rate=10", {}, Fraction(10)),
        ("images://{}?rate=30000/1001", {}, Fraction(30000, 1001)),
        ("{}", {"rate": 29.97}, Fraction(2997, 100)),
    ],
)
def test_the_rate_can_be_given(tmp_path: Path, uri: str, settings: dict[str, float], rate: Fraction) -> None:
    fill(tmp_path, ["a.png", "b.png"])
    assert [frame.time_s for frame in read(uri.format(tmp_path), **settings)] == [0, 1 / rate]


def test_names_that_are_milliseconds_since_1970_are_times(tmp_path: Path) -> None:
    fill(tmp_path, ["cam_1669129851640.png", "cam_1669129851720.png", "cam_1669129851850.png"])
    with source_of(tmp_path) as source:
        assert source.info.time_base == Fraction(1, 1000)
        frames = list(source)
    assert [frame.time_s for frame in frames] == [Fraction(1669129851640 + n, 1000) for n in (0, 80, 210)]
    assert frames[0].clock == "device"


def test_a_stated_rate_or_choice_goes_before_names(tmp_path: Path) -> None:
    fill(tmp_path, ["1669129851640.png", "1669129851720.png"])
    assert read(f"images://{tmp_path}?times=rate")[1].time_s == Fraction(1, 25)
    assert read(tmp_path, rate=5)[1].time_s == Fraction(1, 5)


def test_any_numbers_can_be_milliseconds_on_request(tmp_path: Path) -> None:
    fill(tmp_path, ["0.png", "40.png", "95.png"])
    frames = read(f"images://{tmp_path}?times=name_ms")
    assert [frame.time_s * 1000 for frame in frames] == [0, 40, 95]


def test_names_without_numbers_cannot_be_times(tmp_path: Path) -> None:
    fill(tmp_path, ["a.png", "b.png"])
    with pytest.raises(SourceError, match="times=name_ms needs a number in every file name"):
        source_of(f"images://{tmp_path}?times=name_ms")


def test_a_glob_and_a_single_picture(tmp_path: Path) -> None:
    fill(tmp_path, ["a1.png", "a2.png", "b1.png"])
    assert len(read(tmp_path / "a*.png")) == 2
    assert len(read(tmp_path / "b1.png")) == 1
    assert len(read(f"images://{tmp_path}/%3F1.png")) == 2


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp", ".webp"])
def test_all_kinds_of_picture(tmp_path: Path, suffix: str) -> None:
    picture = np.full((32, 48, 3), (180, 90, 30), np.uint8)
    write(tmp_path / f"a{suffix}", picture)
    (frame,) = read(tmp_path)
    assert np.abs(frame.pixels.astype(int) - picture).max() <= 4
    (frame,) = read(tmp_path, "thermal")
    assert frame.pixel_format == "gray8"


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_thermal_counts_are_exact(tmp_path: Path, suffix: str) -> None:
    counts = moving_pattern(1, depth=14)[0]
    write(tmp_path / f"a{suffix}", counts)
    (frame,) = read(tmp_path, "thermal", bits=14)
    assert (frame.pixel_format, frame.bits) == ("gray16le", 14)
    np.testing.assert_array_equal(frame.pixels, counts)


def test_16_bit_visible_is_scaled_to_8(tmp_path: Path) -> None:
    write(tmp_path / "a.png", np.array([[0, 257, 65535]], np.uint16))
    assert read(tmp_path)[0].pixels[0, :, 0].tolist() == [0, 1, 255]
    write(tmp_path / "a.png", np.array([[0, 2048, 4095]], np.uint16))
    assert read(tmp_path, bits=12)[0].pixels[0, :, 0].tolist() == [0, 128, 255]


def test_alpha_is_dropped(tmp_path: Path) -> None:
    picture = np.zeros((8, 8, 4), np.uint8)
    picture[..., 2] = 200
    (tmp_path / "a.png").write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    assert read(tmp_path)[0].pixels[0, 0].tolist() == [200, 0, 0]


def test_exif_orientation_stands_the_picture_upright(tmp_path: Path) -> None:
    picture = np.zeros((32, 64, 3), np.uint8)
    picture[:8, :16] = 255
    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    # One EXIF tag, 0x0112 orientation, of value 6: turn by 90 degrees clockwise.
    tag = b"\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00"
    exif = b"Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01" + tag + bytes(4)
    (tmp_path / "a.jpg").write_bytes(data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2) + exif + data[2:])
    (frame,) = read(tmp_path)
    assert np.abs(frame.pixels.astype(int) - np.rot90(picture, -1)).max() <= 4


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_cut_off_picture_is_counted_and_keeps_its_place(tmp_path: Path, suffix: str) -> None:
    fill(tmp_path, [f"{n}{suffix}" for n in range(4)])
    broken = tmp_path / f"1{suffix}"
    broken.write_bytes(broken.read_bytes()[:-200])
    with source_of(tmp_path) as source:
        assert [(frame.index, frame.time_s * 25) for frame in source] == [(0, 0), (2, 2), (3, 3)]
    assert source.lost == {"corrupt": 1}


def test_a_change_of_size_names_the_file_and_both_sizes(tmp_path: Path) -> None:
    fill(tmp_path, ["0.png", "1.png"])
    write(tmp_path / "2.png", np.zeros((10, 20, 3), np.uint8))
    with source_of(tmp_path) as source, pytest.raises(SourceError, match=r"2\.png has 20x10 .* have 64x48"):
        list(source)


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("images://{}/none", "does not exist"),
        ("{}/none/*.png", "holds no pictures"),
        ("images://{}?rate=0", "rate must be from"),
        ("images://{}?rate=fast", "rate must be a number, got 'fast'"),
        ("images://{}?times=utc", "times must be name_s, name_ms"),
        ("images://{}?fps=5", "unknown option fps; known are pair, rate, times"),
    ],
)
def test_wrong_folders_and_options(tmp_path: Path, uri: str, problem: str) -> None:
    fill(tmp_path, ["0.png"])
    with pytest.raises(SourceError, match=problem):
        source_of(uri.format(tmp_path))


def test_a_folder_of_damaged_pictures(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(b"nothing")
    with pytest.raises(SourceError, match="none of the 1 pictures"):
        source_of(tmp_path)


def test_floating_point_pictures_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "0.tif", np.zeros((8, 8), np.float32))
    with pytest.raises(SourceError, match="pixels of float32; pictures of 8 or 16 bits"):
        source_of(tmp_path, "visible")


@pytest.mark.refdata
def test_capture_times_of_a_real_recording(refdata: Path) -> None:
    with source_of(refdata / "data/flirone/thermal", "thermal") as source:
        frames = list(source)
    assert len(frames) == 85
    assert frames[0].time_s == Fraction(1669129851640, 1000)
    assert 3000 < frames[0].pixels.min() < frames[0].pixels.max() < 5500
