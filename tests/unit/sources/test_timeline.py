"""Times of pictures in files whose time stamps are of decoding, begin again, or are missing."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from stream.config import InputSettings
from stream.frame import Frame
from stream.sources import open_source
from tests.helpers.media import Pixels, write_video

REORDERED = {"preset": "veryfast", "crf": "12", "bf": "2", "b_strategy": "0"}
BIT_PX = 16
FRAME_S = Fraction(1, 25)


def numbered(count: int, first: int = 0) -> list[Pixels]:
    """Pictures that hold their number as blocks of black and white, on noise that costs the encoder bytes."""
    rng = np.random.default_rng(1)
    pictures = []
    for number in range(first, first + count):
        picture = rng.integers(60, 200, (64, 8 * BIT_PX, 3)).astype(np.uint8)
        bits = [255 * (number >> bit & 1) for bit in range(8)]
        picture[:BIT_PX] = np.repeat(np.array(bits, np.uint8), BIT_PX)[None, :, None]
        pictures.append(picture)
    return pictures


def number_of(frame: Frame) -> int:
    blocks = np.asarray(frame.pixels)[BIT_PX // 2, BIT_PX // 2 :: BIT_PX, 0][:8]
    return sum(int(value > 128) << bit for bit, value in enumerate(blocks))


def read(path: Path) -> tuple[list[int], list[Fraction], dict[str, int]]:
    """Numbers and times of all frames, and what was lost."""
    with open_source(InputSettings(uri=str(path)), "visible") as source:
        frames = list(source)
        return [number_of(each) for each in frames], [each.time_s for each in frames], dict(source.lost)


def steps(times_s: list[Fraction]) -> set[Fraction]:
    return {second - first for first, second in pairwise(times_s)}


@pytest.mark.parametrize(
    ("name", "codec"), [("v.avi", "libx264"), ("v.asf", "libx264"), ("v.avi", "mpeg4"), ("v.mkv", "libx264")]
)
def test_reordered_pictures_keep_their_order_and_begin_at_zero(tmp_path: Path, name: str, codec: str) -> None:
    options = REORDERED if codec == "libx264" else {"bf": "2", "qscale": "2"}
    path = write_video(tmp_path / name, numbered(50), codec=codec, options=options)
    numbers, times_s, lost = read(path)
    assert numbers == list(range(50)) and not lost
    assert times_s == [index * FRAME_S for index in range(50)]


def without_composition_times(path: Path, target: Path) -> Path:
    """The same packets, each shown when it is decoded, as copying out of AVI leaves them."""
    with av.open(str(path)) as source, av.open(str(target), "w") as copy:
        stream = copy.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(packet for packet in source.demux(video=0) if packet.size):
            packet.pts = packet.dts = int(number * FRAME_S / packet.time_base)
            packet.stream = stream
            copy.mux(packet)
    return target


@pytest.mark.parametrize("count", [4, 50])
def test_an_mp4_that_lost_its_composition_times(tmp_path: Path, count: int) -> None:
    path = write_video(tmp_path / "v.mp4", numbered(count), options=REORDERED)
    numbers, times_s, lost = read(without_composition_times(path, tmp_path / "copy.mp4"))
    assert numbers == list(range(count)) and not lost
    assert times_s == [index * FRAME_S for index in range(count)]


def test_a_late_start_of_an_mp4_without_reordering_is_kept(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", numbered(40), options=REORDERED | {"bf": "0"}, start_pts=3)
    assert read(path)[1][0] == 3 * FRAME_S


def test_a_damaged_picture_among_reordered_ones_costs_one_frame(tmp_path: Path) -> None:
    path = write_video(
        tmp_path / "v.avi", numbered(50), codec="mpeg4", options={"bf": "2", "qscale": "2", "g": "6"}
    )
    with av.open(str(path)) as container:
        packet = [each for each in container.demux(video=0) if each.size][20]
        place, size = packet.pos, packet.size
    data = bytearray(path.read_bytes())
    data[place : place + size] = bytes(size)
    path.write_bytes(data)
    numbers, times_s, lost = read(path)
    assert sum(lost.values()) >= 1 and len(numbers) + sum(lost.values()) == 50
    assert numbers[-10:] == list(range(40, 50))
    assert times_s[-10:] == [index * FRAME_S for index in range(40, 50)]


@pytest.mark.parametrize("bf", ["0", "2"])
@pytest.mark.parametrize("lengths", [(12, 12), (5, 30), (60, 8)])
def test_stamps_that_begin_again_go_on_behind(tmp_path: Path, lengths: tuple[int, int], bf: str) -> None:
    options = REORDERED | {"bf": bf}
    first = write_video(tmp_path / "a.ts", numbered(lengths[0]), options=options)
    second = write_video(tmp_path / "b.ts", numbered(lengths[1], lengths[0]), options=REORDERED)
    joined = tmp_path / "v.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    numbers, times_s, lost = read(joined)
    assert numbers == list(range(sum(lengths))) and not lost
    assert steps(times_s) == {FRAME_S}


@pytest.mark.parametrize(("suffix", "codec"), [("mpg", "mpeg2video"), ("mkv", "libx264")])
def test_other_containers_joined(tmp_path: Path, suffix: str, codec: str) -> None:
    options = REORDERED if codec == "libx264" else {"bf": "2", "qscale": "2"}
    parts = [
        write_video(tmp_path / f"{part}.{suffix}", numbered(20, 20 * part), codec=codec, options=options)
        for part in range(2)
    ]
    joined = tmp_path / f"v.{suffix}"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    numbers, times_s, lost = read(joined)
    assert numbers == list(range(40)) and not lost
    assert steps(times_s) == {FRAME_S}


def test_a_clock_that_begins_again_an_hour_before_is_no_wrap(tmp_path: Path) -> None:
    first = write_video(tmp_path / "a.ts", numbered(20), options=REORDERED, start_pts=3600 * 25)
    second = write_video(tmp_path / "b.ts", numbered(20, 20), options=REORDERED)
    joined = tmp_path / "v.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    numbers, times_s, lost = read(joined)
    assert numbers == list(range(40)) and not lost
    assert steps(times_s) == {FRAME_S}


def test_a_gap_forward_is_kept(tmp_path: Path) -> None:
    first = write_video(tmp_path / "a.ts", numbered(20), options=REORDERED)
    second = write_video(tmp_path / "b.ts", numbered(20, 20), options=REORDERED, start_pts=25 * 60)
    joined = tmp_path / "v.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    numbers, times_s, _ = read(joined)
    assert numbers == list(range(40))
    assert 59 < max(steps(times_s)) < 60


def test_uneven_times_with_a_long_gap_among_reordered_pictures_are_kept(tmp_path: Path) -> None:
    times_ms = [*range(0, 400, 40), *range(10_400, 10_800, 40)]
    path = write_video(
        tmp_path / "v.mkv", numbered(20), options=REORDERED, times=times_ms, time_base=Fraction(1, 1000)
    )
    numbers, times_s, lost = read(path)
    assert numbers == list(range(20)) and not lost
    assert times_s == [Fraction(time, 1000) for time in times_ms]


def test_a_stream_without_times_goes_by_the_rate_it_states(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.h264", numbered(5), rate=20, options=REORDERED)
    assert read(path)[1] == [Fraction(index, 20) for index in range(5)]


def without_stamps(path: Path, pictures: set[int]) -> None:
    """Take the stamps of some pictures out of a transport stream (ISO/IEC 13818-1, section 2.4.3.6)."""
    data, seen = bytearray(path.read_bytes()), 0
    for start in range(0, len(data), 188):
        begins, has_field = data[start + 1] & 0x40, data[start + 3] & 0x20
        pes = start + 4 + (1 + data[start + 4] if has_field else 0)
        if not begins or data[pes : pes + 4] != b"\0\0\x01\xe0":
            continue
        if seen in pictures:
            length = data[pes + 8]
            data[pes + 7] &= 0x3F
            data[pes + 9 : pes + 9 + length] = b"\xff" * length
        seen += 1
    path.write_bytes(data)


def test_missing_stamps_are_filled_in(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.ts", numbered(30), options=REORDERED | {"bf": "0"})
    whole_s = read(path)[1]
    without_stamps(path, {3, 4, 5, 11, 29})
    numbers, times_s, lost = read(path)
    assert numbers == list(range(30)) and not lost
    assert times_s == whole_s


@pytest.mark.refdata
@pytest.mark.parametrize(
    ("name", "count"), [("01-avi-b-frames/visible_bframes.avi", 50), ("03-ts-joined/joined.ts", 24)]
)
def test_reported_files(refdata: Path, name: str, count: int) -> None:
    with open_source(InputSettings(uri=str(refdata / "cases/files" / name)), "visible") as source:
        frames = list(source)
    width = frames[0].pixels.shape[1] // 8
    blocks = [np.asarray(frame.pixels)[6, width // 2 :: width, 0] > 128 for frame in frames]
    assert [sum(int(on) << bit for bit, on in enumerate(each)) for each in blocks] == list(range(count))
    assert steps([frame.time_s for frame in frames]) == {FRAME_S}
    assert not source.lost
