from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stream.config import InputSettings
from stream.errors import SourceError
from stream.frame import Frame, Side
from stream.sources import Source, open_source
from tests.helpers.media import Pixels, _write_tone, damage_packet, moving_pattern, write_video

LOSSLESS = {"preset": "veryfast", "qp": "0"}


def source_of(path: Path | str, role: Side = "visible", **settings: int) -> Source:
    return open_source(InputSettings(uri=str(path), **settings), role)


def read(path: Path | str, role: Side = "visible", **settings: int) -> list[Frame]:
    with source_of(path, role, **settings) as source:
        return list(source)


def noisy(count: int, size: tuple[int, int] = (160, 120)) -> list[Pixels]:
    rng = np.random.default_rng(3)
    return [
        np.clip(frame + rng.integers(-20, 20, frame.shape), 0, 255).astype(np.uint8)
        for frame in moving_pattern(count, size, colour=True)
    ]


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_thermal_counts_are_exact(tmp_path: Path, bits: int) -> None:
    frames = moving_pattern(4, depth=bits)
    path = write_video(tmp_path / "t.mkv", frames, pixel_format=f"gray{bits}le")
    found = read(path, "thermal")
    assert [frame.bits for frame in found] == [bits] * 4
    assert found[0].pixel_format == "gray16le"
    for frame, expected in zip(found, frames, strict=True):
        np.testing.assert_array_equal(frame.pixels, expected)


def test_stated_bits_hold_for_16_bit_counts(tmp_path: Path) -> None:
    path = write_video(tmp_path / "t.mkv", moving_pattern(2, depth=14))
    assert read(path, "thermal", bits=14)[0].bits == 14


def test_bits_that_cannot_be_are_refused(tmp_path: Path) -> None:
    path = write_video(tmp_path / "t.mp4", moving_pattern(2))
    with pytest.raises(SourceError, match="8-bit pixels, for which bits can be 8, got 14"):
        source_of(path, "thermal", bits=14)


def test_8_bit_grey_counts_are_exact(tmp_path: Path) -> None:
    frames = moving_pattern(3)
    path = write_video(tmp_path / "t.mkv", frames, codec="ffv1", pixel_format="gray")
    found = read(path, "thermal")
    assert found[0].pixel_format == "gray8"
    np.testing.assert_array_equal([frame.pixels for frame in found], frames)


def test_limited_range_thermal_becomes_full_range(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint8), (64, 1))
    path = write_video(tmp_path / "t.mp4", [ramp], options=LOSSLESS)
    with av.open(str(path)) as container:
        luma = next(container.decode(video=0)).to_ndarray()[:64]
    assert luma.max() == 235, "the file must be of limited range for this test to mean something"
    (frame,) = read(path, "thermal")
    expected = np.round((luma.astype(float) - 16) * 255 / 219)
    np.testing.assert_array_equal(frame.pixels, expected)


def test_10_bit_yuv_thermal_becomes_full_range_counts(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(1024, dtype=np.uint16), (16, 1))
    path = write_video(tmp_path / "t.mkv", [ramp << 6], pixel_format="yuv420p10le", full_range=True)
    (frame,) = read(path, "thermal")
    assert (frame.pixel_format, frame.bits) == ("gray16le", 10)
    assert np.abs(frame.pixels.astype(int) - ramp).max() <= 1


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
def test_range_and_matrix_are_honoured(tmp_path: Path, matrix: str, full_range: bool) -> None:
    colour = np.full((32, 32, 3), (200, 60, 30), np.uint8)
    path = write_video(tmp_path / "v.mp4", [colour], options=LOSSLESS, matrix=matrix, full_range=full_range)
    with source_of(path) as source:
        (frame,) = source
        tags = source.info.colour
    assert np.abs(frame.pixels.astype(int) - (200, 60, 30)).max() <= 4
    assert (tags.matrix, tags.full_range) == ({"bt601": 6, "bt709": 1}[matrix], full_range)


def test_an_untagged_matrix_goes_by_the_height(tmp_path: Path) -> None:
    colour = np.full((32, 32, 3), (200, 60, 30), np.uint8)
    path = write_video(tmp_path / "v.mp4", [colour], options=LOSSLESS)
    with source_of(path) as source:
        (frame,) = source
        assert source.info.colour.matrix == 2
    assert np.abs(frame.pixels.astype(int) - (200, 60, 30)).max() <= 4


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_rotation_stands_the_picture_upright(tmp_path: Path, turn: int) -> None:
    picture = np.zeros((32, 64, 3), np.uint8)
    picture[:8, :16] = 255
    path = write_video(tmp_path / "v.mp4", [picture], options=LOSSLESS, rotation=turn)
    with source_of(path) as source:
        (frame,) = source
        assert (source.info.width, source.info.height) == frame.size
    assert np.abs(frame.pixels.astype(int) - np.rot90(picture, turn // 90)).max() <= 4


def test_times_are_exact(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", moving_pattern(5, colour=True), rate=Fraction(30000, 1001))
    assert [frame.time_s for frame in read(path)] == [Fraction(1001 * n, 30000) for n in range(5)]


def test_times_are_not_shifted_to_zero(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", moving_pattern(3, colour=True), start_pts=250)
    assert [frame.time_s for frame in read(path)] == [10, Fraction(1004, 100), Fraction(1008, 100)]


def test_uneven_times_are_kept(tmp_path: Path) -> None:
    times_ms = [0, 40, 100, 900, 1000]
    base = Fraction(1, 1000)
    path = write_video(tmp_path / "v.mkv", moving_pattern(5, colour=True), times=times_ms, time_base=base)
    assert [frame.time_s for frame in read(path)] == [time * base for time in times_ms]


def test_frames_without_time_stamps_follow_the_rate(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.h264", moving_pattern(5, colour=True), rate=20)
    with source_of(path) as source:
        rate = source.info.rate
        assert rate
        assert [frame.time_s for frame in source] == [index / rate for index in range(5)]


def test_info_tells_what_the_file_says(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", moving_pattern(12, colour=True), audio=True)
    with source_of(path) as source:
        info = source.info
        assert (info.width, info.height, info.pixel_format) == (64, 48, "rgb24")
        assert (info.rate, info.frames, info.codec, info.audio, info.live) == (25, 12, "h264", True, False)
        assert [frame.index for frame in source] == list(range(12))
        assert not source.lost


def test_a_file_that_starts_late_knows_its_number_of_frames(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mkv", moving_pattern(12, colour=True), start_pts=250)
    with source_of(path) as source:
        assert source.info.frames == 12
        assert len(list(source)) == 12


def test_a_damaged_frame_is_counted_and_skipped(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", noisy(40))
    damage_packet(path, 20)
    with source_of(path) as source:
        frames = list(source)
    assert source.lost == {"corrupt": 1}
    assert len(frames) == 39
    assert frames[-1].index == 39


@pytest.mark.parametrize("name", ["v.mkv", "v.mp4", "v.avi"])
def test_a_truncated_file_gives_what_it_has_and_says_so(tmp_path: Path, name: str) -> None:
    kind = {"codec": "mjpeg", "pixel_format": "yuvj420p"} if name == "v.avi" else {}
    path = write_video(tmp_path / name, noisy(50), container_options={"movflags": "faststart"}, **kind)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.6)])
    frames = []
    with source_of(path) as source, pytest.raises(SourceError, match=r"ends early.* of 0:02\.000"):
        for frame in source:
            frames.append(frame)
    assert 20 < len(frames) < 32


def test_sound_that_outlasts_the_pictures_is_no_truncation(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mkv", moving_pattern(5, colour=True), rate=25)
    with av.open(str(tmp_path / "long.mkv"), "w") as long, av.open(str(path)) as short:
        pictures = long.add_stream_from_template(short.streams.video[0])
        sound = long.add_stream("aac", rate=48_000, layout="mono")
        for packet in short.demux(video=0):
            if packet.size:
                packet.stream = pictures
                long.mux(packet)
        _write_tone(long, sound, 3.0)
    assert len(read(tmp_path / "long.mkv")) == 5


def test_an_edit_list_that_shortens_is_no_truncation(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", moving_pattern(50, colour=True))
    data = bytearray(path.read_bytes())
    # elst: type, version and flags, count, then the duration in milliseconds.
    place = data.find(b"elst") + 12
    assert int.from_bytes(data[place : place + 4]) == 2000
    data[place : place + 4] = (1000).to_bytes(4)
    path.write_bytes(data)
    assert len(read(path)) == 25


def test_a_change_of_size_names_the_frame_and_both_sizes(tmp_path: Path) -> None:
    first = write_video(tmp_path / "a.ts", moving_pattern(5, (64, 48), colour=True))
    second = write_video(tmp_path / "b.ts", moving_pattern(5, (80, 48), colour=True))
    joined = tmp_path / "v.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    frames = []
    with (
        source_of(joined) as source,
        pytest.raises(SourceError, match="at frame 5: from 64x48 to 80x48 pixels"),
    ):
        for frame in source:
            frames.append(frame)
    assert len(frames) == 5


def test_reading_goes_on_where_it_stopped_and_closing_twice_is_fine(tmp_path: Path) -> None:
    source = source_of(write_video(tmp_path / "v.mp4", moving_pattern(4, colour=True)))
    assert next(iter(source)).index == 0
    assert [frame.index for frame in source] == [1, 2, 3]
    source.close()
    source.close()


@pytest.mark.parametrize("name", ["a:b.mp4", "a b.mp4", "100%.mp4", "what?.mp4", "[1].mp4", "#1.mp4"])
def test_odd_file_names(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write_video(tmp_path / "v.mp4", moving_pattern(2, colour=True)).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert len(read(name)) == 2


def refusal(path: Path | str) -> str:
    with pytest.raises(SourceError) as caught:
        source_of(path)
    return str(caught.value)


def test_files_that_are_no_video(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "notes.mp4").write_text("not a video at all\n" * 50)
    (tmp_path / "notes.txt").write_text("not a video at all\n" * 50)
    with av.open(str(tmp_path / "sound.m4a"), "w") as container:
        _write_tone(container, container.add_stream("aac", rate=48_000, layout="mono"), 0.2)
    assert refusal(tmp_path / "empty.mp4").endswith("empty.mp4 is empty")
    assert "not a video file" in refusal(tmp_path / "notes.mp4")
    assert "not a video file" in refusal(tmp_path / "notes.txt")
    assert refusal(tmp_path / "sound.m4a").endswith("holds sound but no video")
    assert refusal(tmp_path / "none.mp4").endswith("none.mp4 does not exist")
    assert "holds no pictures" in refusal(tmp_path)


@pytest.mark.parametrize("size", [2**63, 2**64 - 1, 2**40])
def test_a_box_beyond_the_end_of_a_file_is_no_error_of_the_system(tmp_path: Path, size: int) -> None:
    path = tmp_path / "box.mp4"
    path.write_bytes((8).to_bytes(4) + b"ftyp" + (1).to_bytes(4) + b"free" + size.to_bytes(8) + bytes(40))
    assert "has no index" in refusal(path)


def test_tags_that_are_not_utf_8_are_no_obstacle(tmp_path: Path) -> None:
    path = write_video(tmp_path / "tags.mkv", moving_pattern(3))
    data = path.read_bytes()
    path.write_bytes(data.replace(b"ENCODER", b"ENC\xff\xfeER"))
    with source_of(path) as source:
        assert len(list(source)) == 3


def test_a_file_without_index_is_named_so(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", noisy(20))
    path.write_bytes(path.read_bytes()[:-3000])
    assert "has no index" in refusal(path)


def test_unknown_schemes_list_what_is_supported_and_hide_the_password() -> None:
    message = refusal("sftp://eve:s3cret@cam/1")
    assert "no source is known for sftp://" in message
    assert "images://" in message and "synthetic://" in message
    assert "s3cret" not in message


@pytest.mark.refdata
def test_real_clips_are_read_to_their_last_frame(refdata: Path) -> None:
    path = refdata / "data/m3svd/clips/0111_1716_thermal.mp4"
    with source_of(path, "thermal") as source:
        frames = list(source)
        assert len(frames) == source.info.frames == 151
    assert frames[-1].time_s == 5
    assert not source.lost
