"""Cameras that send a picture above their counts, as YUYV; no such camera here, but the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stream.errors import SourceError
from stream.radiometry import Linear
from tests.helpers.two_pictures import two_pictures, write
from tests.unit.sources.test_thermal_files import read, source_of


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [
        ("a.avi", "rawvideo", "yuyv422"),
        ("a.mkv", "ffv1", "yuv422p"),
        ("b.mkv", "rawvideo", "yuyv422"),
    ],
)
@pytest.mark.parametrize("form", ["{}", "live://{}", "thermal://{}?camera=p2pro"])
def test_counts_below_a_picture(tmp_path: Path, name: str, codec: str, pixel_format: str, form: str) -> None:
    frames, counts = two_pictures()
    path = write(tmp_path / name, frames, codec, pixel_format)
    settings = {} if "camera" in form else {"camera": "p2pro"}
    with source_of(form.format(path), **settings) as source:
        assert (source.info.width, source.info.height, source.info.bits) == (256, 192, 16)
        found = [next(iter(source))] if "live" in form else list(source)
    for frame, expected in zip(found, counts, strict="live" not in form):
        np.testing.assert_array_equal(frame.pixels, expected)
        assert frame.radiometry == Linear(1 / 64, -273.15)


def test_a_raw_dump_of_such_a_camera(tmp_path: Path) -> None:
    frames, counts = two_pictures()
    path = tmp_path / "clip.yuyv"
    path.write_bytes(np.stack(frames).tobytes())
    found = read(f"thermal://{path}?size=256x384&camera=tc001")
    np.testing.assert_array_equal([frame.pixels for frame in found], counts)


def test_big_endian_counts_with_a_sign(tmp_path: Path) -> None:
    frames, counts = two_pictures(1, ">u2")
    path = write(tmp_path / "a.mkv", frames, "ffv1", "yuv422p")
    (frame,) = read(path, layout="yuyv lower big int16 C*100")
    np.testing.assert_array_equal(frame.pixels, counts[0] ^ 0x8000)
    assert frame.radiometry is not None
    assert float(frame.radiometry.celsius(31000 ^ 0x8000)) == pytest.approx(310.0)


def test_the_picture_above(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", two_pictures(1)[0], "ffv1", "yuv422p")
    (frame,) = read(path, layout="upper")
    assert (frame.pixel_format, frame.size) == ("gray8", (256, 192))


@pytest.mark.parametrize(
    ("codec", "pixel_format", "settings", "problem"),
    [
        ("ffv1", "yuv422p", {}, "name the camera, as in --thermal-camera p2pro"),
        ("ffv1", "yuv422p", {"cut_top": 192}, "name the camera"),
        ("mjpeg", "yuvj422p", {"camera": "p2pro"}, "compressed by mjpeg, which changes the bytes"),
        ("mjpeg", "yuvj422p", {}, "mjpeg or yuvj422p did not keep the counts"),
        ("ffv1", "yuv420p", {}, "did not keep the counts; record without loss"),
        ("ffv1", "yuv422p", {"layout": "lower"}, "name the camera"),
        ("ffv1", "yuv420p", {"camera": "p2pro"}, "comes as yuv420p, and counts in the bytes of YUYV need"),
        ("ffv1", "yuv422p", {"layout": "float32 whole"}, "its layout of counts says float32"),
        ("ffv1", "yuv422p", {"layout": "uint12 whole"}, "8-bit pixels, for which bits can be 8, got 12"),
    ],
)
def test_what_is_refused(
    tmp_path: Path, codec: str, pixel_format: str, settings: dict[str, Any], problem: str
) -> None:
    frames = two_pictures(1)[0]
    path = tmp_path / "a.mkv"
    if pixel_format == "yuv420p":
        from tests.helpers.media import write_video

        write_video(path, [np.full((384, 256), 90, np.uint8)], pixel_format="yuv420p")
    else:
        write(path, frames, codec, pixel_format)
    with pytest.raises(SourceError, match=problem):
        read(path, **settings)


def test_one_picture_alone_has_no_halves(tmp_path: Path) -> None:
    path = tmp_path / "a.y16"
    path.write_bytes(two_pictures(1)[1][0].tobytes())
    with pytest.raises(SourceError, match="not two pictures one above the other"):
        read(f"thermal://{path}?size=256x192&camera=p2pro")
    path.write_bytes(np.stack(two_pictures(1)[0]).tobytes())
    with pytest.raises(SourceError, match="name the camera"):
        read(f"thermal://{path}?size=256x384")
