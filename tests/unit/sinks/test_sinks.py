"""Sinks: which one a URI opens, what is refused before the first frame, pictures, and times."""

from __future__ import annotations

import os
from fractions import Fraction

import cv2
import numpy as np
import pytest

from stream.config import OutputSettings
from stream.errors import SinkError
from stream.files.output_path import check_place
from stream.frame import Colour
from stream.sinks import SinkOptions, open_sink
from stream.sinks.images import ImageSink
from stream.sinks.null import NullSink
from stream.sinks.video.conversion import PixelsToFrame, even, written_colour
from stream.sinks.video.encoders import ENCODERS, choose_encoder
from stream.sinks.video.sink import VideoSink
from stream.sinks.video.timeline import Timeline, tick
from tests.helpers.fused import fused_frame


def opened(uri: str, **options):
    common = {key: options.pop(key) for key in set(options) & set(OutputSettings.model_fields)}
    return open_sink(OutputSettings(uri=str(uri), **common), SinkOptions(**options))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.mp4", VideoSink),
        ("a.MKV", VideoSink),
        ("a.mov", VideoSink),
        ("pictures/", ImageSink),
        (".", ImageSink),
    ],
)
def test_a_path_chooses_the_sink(tmp_path, name, kind):
    with opened(f"{tmp_path}/{name}") as sink:
        assert isinstance(sink, kind)


def test_nothing_is_made_without_a_frame(tmp_path):
    for name in ("a.mp4", "b.mkv", "pictures/"):
        opened(f"{tmp_path}/{name}").close()
    assert list(tmp_path.iterdir()) == []


def test_an_older_file_stays_until_the_first_frame(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"old")
    opened(path).close()
    assert path.read_bytes() == b"old"


def test_null_counts():
    with opened("null://", view="side-by-side") as sink:
        assert isinstance(sink, NullSink)
        sink.write(fused_frame(0))
        assert sink.written == 1


@pytest.mark.parametrize(
    ("uri", "options", "words"),
    [
        ("a.avi", {}, r"\.avi.*\*\.mp4.*null://"),
        ("smb://there/x", {}, "smb.*supported are"),
        ("images://", {}, "names no folder"),
        ("images://{}/p?format=bmp", {}, "png, jpg, tif, got 'bmp'"),
        ("images://{}/p?size=3", {}, "unknown option size; known are format"),
        ("images://{}/p", {"quality": 3}, "takes no quality, only colour_map, view; leave it out"),
        ("null://?a=1", {}, "unknown option a"),
        ("{}/no/a.mp4", {}, "no of the output a.mp4 does not exist"),
        ("{}/no/pictures/", {}, "does not exist"),
        ("{}/a.mp4", {"encoder": "h266"}, "no video encoder h266.*libx264"),
        ("{}/a.mp4", {"quality": 52}, "from 0 .* to 51, got 52"),
        ("{}/a.mkv", {"encoder": "ffv1", "quality": 1}, "has no quality"),
        ("{}/a.mov", {"encoder": "libvpx-vp9"}, r"cannot write \.mov"),
        ("{}/a.mov", {"encoder": "ffv1"}, r"cannot write \.mov"),
    ],
)
def test_a_wrong_output_is_one_sentence_before_any_frame(tmp_path, uri, options, words):
    with pytest.raises(SinkError, match=words):
        opened(uri.format(tmp_path), **options)
    assert list(tmp_path.iterdir()) == []


def test_nvenc_without_its_hardware_is_one_sentence(tmp_path):
    try:
        opened(tmp_path / "a.mp4", encoder="h264_nvenc").close()
    except SinkError as error:
        assert "no NVIDIA video encoder" in str(error) and "libx264" in str(error)


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path):
    (tmp_path / "a.mp4").mkdir()
    with pytest.raises(SinkError, match="is a folder"):
        check_place(tmp_path / "a.mp4")


def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path):
    (tmp_path / "p").write_text("")
    with pytest.raises(SinkError, match="is a file; name a folder"):
        opened(f"images://{tmp_path}/p")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(SinkError, match="no permission"):
        check_place(tmp_path / "a.mp4")


@pytest.mark.parametrize("name", ENCODERS)
def test_quality_reaches_the_encoder(name):
    encoder = ENCODERS[name]
    if encoder.best is not None:
        assert str(encoder.worst) in choose_encoder(name, encoder.worst)[1].values()
        with pytest.raises(SinkError, match="the quality of"):
            choose_encoder(name, encoder.worst + 1)


@pytest.mark.parametrize(("suffix", "tolerance"), [("png", 0), ("tif", 0), ("jpg", 12)])
def test_pictures_come_back(tmp_path, suffix, tolerance):
    frames = [fused_frame(index) for index in range(3)]
    with opened(f"images://{tmp_path}/p?format={suffix}") as sink:
        for frame in frames:
            sink.write(frame)
    names = sorted(path.name for path in (tmp_path / "p").iterdir())
    assert names == [f"00000{index}.{suffix}" for index in range(3)] + ["times.csv"]
    last = cv2.cvtColor(cv2.imread(str(tmp_path / "p" / f"000002.{suffix}")), cv2.COLOR_BGR2RGB)
    assert np.abs(last.astype(int) - frames[2].pixels).max() <= tolerance


def test_pictures_keep_their_times(tmp_path):
    with opened(f"{tmp_path}/p/") as sink:
        for index in range(3):
            sink.write(fused_frame(index, Fraction(1001 * index, 30000) + 1_700_000_000))
    assert (tmp_path / "p/times.csv").read_text().splitlines() == [
        "file,time_s",
        "000000.png,1700000000.000000000",
        "000001.png,1700000000.033366667",
        "000002.png,1700000000.066733333",
    ]


def test_a_second_run_leaves_no_pictures_of_the_first_but_those_of_others(tmp_path):
    (tmp_path / "holiday.png").write_bytes(b"mine")
    for count in (3, 1):
        with opened(f"images://{tmp_path}") as sink:
            for index in range(count):
                sink.write(fused_frame(index))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000000.png", "holiday.png", "times.csv"]


def test_a_picture_that_cannot_be_written_is_one_sentence(tmp_path):
    with opened(f"images://{tmp_path}/p") as sink:
        sink.write(fused_frame(0))
        (tmp_path / "p/000001.png").mkdir()
        with pytest.raises(SinkError, match=r"000001\.png cannot be written"):
            sink.write(fused_frame(1))
    assert not list(tmp_path.glob("p/*.part"))


def test_stamps_are_exact_multiples_of_the_time_base():
    line = Timeline(Fraction(1, 90_000), Fraction(7, 90_000))
    assert [line.stamp(Fraction(ticks, 90_000)) for ticks in (7, 3010, 9_000_000)] == [7, 3010, 9_000_000]


def test_equal_times_become_neighbouring_ticks():
    line = Timeline(Fraction(1, 1000), Fraction(0))
    assert [line.stamp(Fraction(time, 10_000)) for time in (0, 1, 2)] == [0, 1, 2]


@pytest.mark.parametrize("first_s", [Fraction(-1, 5), Fraction(1_700_000_000)])
def test_starts_that_no_player_shows_become_zero(first_s):
    line = Timeline(Fraction(1, 1000), first_s)
    assert [line.stamp(first_s), line.stamp(first_s + 2)] == [0, 2000]
    assert line.origin_s == first_s


@pytest.mark.parametrize(
    ("time_base", "finest", "expected"),
    [
        (Fraction(1001, 30_000), 2**31 - 1, Fraction(1, 30_000)),
        (Fraction(1, 90_000), 65_535, Fraction(1, 60_000)),
        (Fraction(1, 10**9), 10**6, Fraction(1, 10**6)),
    ],
)
def test_ticks_are_as_fine_as_the_source_where_possible(time_base, finest, expected):
    assert tick(time_base, finest) == expected


@pytest.mark.parametrize(("height", "matrix"), [(480, 6), (576, 6), (577, 1), (1080, 1)])
def test_a_missing_matrix_is_that_of_the_height(height, matrix):
    tags = SinkOptions().colour
    assert written_colour(tags, height, "yuv420p").matrix == matrix


def test_odd_sides_grow_by_their_last_row_and_column():
    pixels = fused_frame(0, size=(5, 3)).pixels
    grown = even(pixels)
    assert grown.shape == (4, 6, 3)
    np.testing.assert_array_equal(grown[:3, :5], pixels)
    np.testing.assert_array_equal(grown[3], grown[2])
    np.testing.assert_array_equal(grown[:, 5], grown[:, 4])


@pytest.mark.parametrize(
    ("matrix", "red", "blue"), [(6, 0.299, 0.114), (1, 0.2126, 0.0722), (9, 0.2627, 0.0593)]
)
def test_rgb_becomes_yuv_by_the_formula_of_h273(matrix, red, blue):
    """H.273 equations for KR and KB, 8 bits, limited range: rounded to the nearest, without bias."""
    colours = np.random.default_rng(0).integers(0, 256, (30, 40, 3)).astype(np.uint8)
    picture = PixelsToFrame("yuv420p", Colour(matrix))(colours.repeat(8, 0).repeat(8, 1), 7, Fraction(1, 25))
    rgb = colours / 255.0
    luma = rgb @ [red, 1 - red - blue, blue]
    expected = (
        16 + 219 * luma,
        128 + 224 * (rgb[..., 2] - luma) / (2 - 2 * blue),
        128 + 224 * (rgb[..., 0] - luma) / (2 - 2 * red),
    )
    assert (picture.pts, picture.time_base) == (7, Fraction(1, 25))
    for plane, values, step in zip(picture.planes, expected, (8, 4, 4), strict=True):
        stored = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
        error = stored[1::step, 1 : plane.width : step] - values
        assert np.abs(error).max() < 0.7
        assert abs(error.mean()) < 0.05
