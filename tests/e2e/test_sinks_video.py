"""Video files that are written and read back: times, colours, sound, and bad endings."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from stream.config import InputSettings, OutputSettings
from stream.errors import SinkError
from stream.frame import Colour
from stream.sinks import SinkOptions, open_sink
from stream.sources import open_source
from tests.helpers.fused import fused_frame
from tests.helpers.media import moving_pattern, write_video

RATE = Fraction(25)


def opened(path, **options):
    return open_sink(OutputSettings(uri=str(path)), SinkOptions(**{"rate": RATE, **options}))


def write(path, times_s, size=(64, 48), **options):
    with opened(path, **options) as sink:
        for index, time_s in enumerate(times_s):
            sink.write(fused_frame(index, Fraction(time_s), size))
    return path


def times_of(path):
    with av.open(str(path)) as container:
        return [frame.pts * frame.time_base for frame in container.decode(video=0)]


def sound_of(path):
    with av.open(str(path)) as container:
        return [
            (packet.pts * packet.time_base, bytes(packet))
            for packet in container.demux(audio=0)
            if packet.size
        ]


def first_picture(path):
    with av.open(str(path)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


SCHEDULES = {
    "25 a second": (Fraction(1, 25), range(40)),
    "29.97 from 5 s": (Fraction(1001, 30_000), range(150, 190)),
    "varying from one tick": (
        Fraction(1, 90_000),
        list(accumulate([1, *[90 * step for step in (4, 13, 47, 90, 21)] * 8])),
    ),
    "nanoseconds": (Fraction(1, 10**9), [10**9 + 33_366_701 * index for index in range(40)]),
}


@pytest.mark.parametrize("encoder", ["libx264", "libx265", "libvpx-vp9", "ffv1"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_mp4_keeps_times_exactly(tmp_path, encoder, schedule):
    time_base, ticks = SCHEDULES[schedule]
    if encoder == "libvpx-vp9" and time_base.denominator > 10**6:
        pytest.skip("libvpx counts microseconds")
    times = [count * time_base for count in ticks]
    path = write(tmp_path / "a.mp4", times, encoder=encoder, time_base=time_base)
    assert times_of(path) == times


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_mkv_keeps_times_to_its_millisecond(tmp_path, schedule):
    time_base, ticks = SCHEDULES[schedule]
    times = [count * time_base for count in ticks]
    read = times_of(write(tmp_path / "a.mkv", times, time_base=time_base))
    assert len(read) == len(times)
    assert max(abs(was - now) for was, now in zip(times, read, strict=True)) <= Fraction(1, 1000)


def test_the_last_frame_lasts_as_long_as_the_others(tmp_path):
    path = write(
        tmp_path / "a.mp4", [Fraction(index, 25) for index in range(30)], time_base=Fraction(1, 90_000)
    )
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.duration * stream.time_base == Fraction(30, 25)


@pytest.mark.parametrize("encoder", ["libx264", "libx265", "libvpx-vp9", "mpeg4"])
@pytest.mark.parametrize("count", [1, 2])
def test_very_short_files(tmp_path, encoder, count):
    path = write(tmp_path / "a.mp4", [Fraction(index, 25) for index in range(count)], encoder=encoder)
    assert times_of(path) == [Fraction(index, 25) for index in range(count)]


@pytest.mark.parametrize("first_s", [Fraction(-1, 5), Fraction(1_700_000_000)])
def test_starts_that_no_player_shows_become_zero(tmp_path, first_s):
    path = write(tmp_path / "a.mp4", [first_s + Fraction(index, 25) for index in range(10)])
    assert times_of(path) == [Fraction(index, 25) for index in range(10)]


def test_keyframes_come_every_second(tmp_path):
    path = write(tmp_path / "a.mp4", [Fraction(index, 25) for index in range(80)])
    with av.open(str(path)) as container:
        keys = [frame.time for frame in container.decode(video=0) if frame.key_frame]
    assert len(keys) >= 4
    assert max(later - earlier for earlier, later in pairwise(keys)) <= 1.0


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", [1, 6, 9])
def test_colours_and_their_tags_come_back(tmp_path, matrix, full_range):
    colour = Colour(matrix, primaries=1, transfer=13, full_range=full_range)
    path = write(tmp_path / "a.mp4", [0], colour=colour, quality=1)
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        tags = context.colorspace, context.color_primaries, context.color_trc, context.color_range
    assert tags == (matrix, 1, 13, 2 if full_range else 1)
    assert np.abs(first_picture(path).astype(int) - fused_frame(0).pixels).mean() < 2


@pytest.mark.parametrize("encoder", ["libx264", "libx265", "libsvtav1", "libvpx-vp9", "mpeg4"])
def test_every_encoder_writes_what_it_was_given(tmp_path, encoder):
    path = write(tmp_path / "a.mp4", [Fraction(index, 25) for index in range(5)], encoder=encoder)
    assert len(times_of(path)) == 5
    assert np.abs(first_picture(path).astype(int) - fused_frame(0).pixels).mean() < 3


def test_ffv1_loses_nothing(tmp_path):
    path = write(tmp_path / "a.mkv", [0], size=(63, 47), encoder="ffv1")
    np.testing.assert_array_equal(first_picture(path), fused_frame(0, size=(63, 47)).pixels)


def test_odd_sides_are_padded(tmp_path):
    picture = first_picture(write(tmp_path / "a.mp4", [0], size=(63, 47), quality=1))
    assert picture.shape == (48, 64, 3)
    assert np.abs(picture[:47, :63].astype(int) - fused_frame(0, size=(63, 47)).pixels).mean() < 2


def test_quality_changes_the_size(tmp_path):
    times = [Fraction(index, 25) for index in range(10)]
    good = write(tmp_path / "good.mp4", times, (320, 240), quality=5)
    poor = write(tmp_path / "poor.mp4", times, (320, 240), quality=45)
    assert good.stat().st_size > 1.5 * poor.stat().st_size


def test_a_picture_of_another_size_is_refused_and_the_file_stays_whole(tmp_path):
    with opened(tmp_path / "a.mp4") as sink:
        for index in range(10):
            sink.write(fused_frame(index))
        with pytest.raises(SinkError, match="64x48, got one of 32x48"):
            sink.write(fused_frame(10, size=(32, 48)))
    assert len(times_of(tmp_path / "a.mp4")) == 10


@pytest.mark.parametrize("older", [None, b"older"])
def test_a_size_that_the_encoder_refuses_is_one_sentence_and_touches_nothing(tmp_path, older):
    path = tmp_path / "a.mp4"
    if older:
        path.write_bytes(older)
    with opened(path, encoder="libx265") as sink, pytest.raises(SinkError, match="not take pictures of 8x8"):
        sink.write(fused_frame(0, size=(8, 8)))
    assert (path.read_bytes() if path.exists() else None) == older


def test_close_twice(tmp_path):
    sink = opened(tmp_path / "a.mp4")
    sink.write(fused_frame(0))
    sink.close()
    sink.close()
    assert len(times_of(tmp_path / "a.mp4")) == 1


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux")
@pytest.mark.parametrize("encoder", ["libx264", "libx265", "libsvtav1"])
def test_no_thread_of_an_encoder_and_no_file_stays(tmp_path, talkie, encoder):
    def held():
        return len(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd"))

    write(tmp_path / "warm-up.mp4", [0], encoder=encoder, audio_from=str(talkie))
    before = held()
    write(tmp_path / "a.mp4", [Fraction(i, 25) for i in range(9)], encoder=encoder, audio_from=str(talkie))
    with pytest.raises(ZeroDivisionError), opened(tmp_path / "b.mp4", encoder=encoder) as sink:
        sink.write(fused_frame(0))
        raise ZeroDivisionError
    assert held() == before


def test_a_finished_mp4_has_an_ordinary_index(tmp_path):
    content = write(tmp_path / "a.mp4", [Fraction(index, 25) for index in range(60)]).read_bytes()
    assert content[:8].endswith(b"ftyp")
    assert content.rindex(b"moov") > content.index(b"mdat")


@pytest.fixture(scope="module")
def talkie(tmp_path_factory):
    """Two seconds of video with a tone."""
    return write_video(
        tmp_path_factory.mktemp("audio") / "a.mp4", moving_pattern(50, colour=True), audio=True
    )


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_sound_is_copied_packet_by_packet(tmp_path, talkie, suffix):
    path = write(tmp_path / f"a.{suffix}", [Fraction(i, 25) for i in range(50)], audio_from=str(talkie))
    expected = sound_of(talkie)
    if suffix == "mkv":
        expected = [(time, content) for time, content in expected if time >= 0]
    copied = sound_of(path)
    assert [content for _, content in copied] == [content for _, content in expected]
    pairs = zip(expected, copied, strict=True)
    assert max(abs(was - now) for (was, _), (now, _) in pairs) <= Fraction(1, 1000)
    assert times_of(path)[0] == 0


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_sound_of_joined_transport_streams_goes_on_behind(tmp_path, suffix):
    part = write_video(tmp_path / "a.ts", moving_pattern(50, colour=True), audio=True)
    joined = tmp_path / "v.ts"
    joined.write_bytes(part.read_bytes() * 2)
    with open_source(InputSettings(uri=str(joined)), "visible") as source:
        times = [frame.time_s for frame in source]
    assert len(times) == 100
    copied = sound_of(write(tmp_path / f"a.{suffix}", times, audio_from=str(joined)))
    sound = [time for time, _ in copied]
    steps = [second - first for first, second in pairwise(sound)]
    assert min(steps) > 0.01 and max(steps) < 0.05
    assert abs(sound[-1] - sound[0] - 4) < Fraction(1, 10)


def test_sound_is_cut_to_the_pictures(tmp_path, talkie):
    times = [Fraction(index, 25) for index in range(10, 30)]
    sound = [time for time, _ in sound_of(write(tmp_path / "a.mp4", times, audio_from=str(talkie)))]
    assert abs(sound[0] - Fraction(10, 25)) < Fraction(1, 20)
    assert abs(sound[-1] - Fraction(30, 25)) < Fraction(1, 20)


def test_sound_moves_with_a_start_that_becomes_zero(tmp_path, talkie):
    path = write(tmp_path / "a.mp4", [Fraction(index - 5, 25) for index in range(20)], audio_from=str(talkie))
    assert times_of(path)[0] == 0
    assert abs(sound_of(path)[0][0] - Fraction(5, 25)) < Fraction(1, 20)


def test_pictures_go_on_after_the_sound_has_ended(tmp_path, talkie):
    path = write(tmp_path / "a.mp4", [Fraction(index, 25) for index in range(90)], audio_from=str(talkie))
    assert len(times_of(path)) == 90


def test_sound_that_the_container_cannot_hold_is_left_out_with_a_warning(tmp_path, caplog):
    source = tmp_path / "strange.wma"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("wmav2", rate=44_100, layout="mono", bit_rate=64_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 44_100), np.float32), "fltp", "mono")
        frame.rate, frame.pts = 44_100, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with caplog.at_level(logging.WARNING):
        path = write(tmp_path / "a.mp4", [0], audio_from=str(source))
    assert "is left out" in caplog.text
    assert len(times_of(path)) == 1


def test_a_file_without_sound_is_no_error(tmp_path, caplog):
    silent = write_video(tmp_path / "silent.mp4", moving_pattern(2, colour=True))
    with caplog.at_level(logging.WARNING):
        path = write(tmp_path / "a.mp4", [0], audio_from=str(silent))
    assert "no audio track" in caplog.text
    assert len(times_of(path)) == 1


WRITER = """
import resource, sys
from fractions import Fraction
import numpy as np
from stream.config import InputSettings, OutputSettings
from stream.errors import SinkError
from stream.sinks import SinkOptions, open_sink
from stream.sources import open_source
from tests.helpers.fused import fused_frame

path, audio, limit = sys.argv[1], sys.argv[2] or None, int(sys.argv[3])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
noise = np.random.default_rng(0)
sink = open_sink(OutputSettings(uri=path), SinkOptions(rate=Fraction(25), audio_from=audio))
try:
    for index in range(110):
        pixels = noise.integers(0, 255, (96, 128, 3), np.uint8) if limit else None
        sink.write(fused_frame(index, pixels=pixels))
except SinkError as error:
    sink.close()
    sys.exit(str(error))
print("written", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("with_sound", [False, True])
def test_a_killed_run_keeps_all_but_the_last_picture(tmp_path, talkie, suffix, with_sound):
    path = tmp_path / f"a.{suffix}"
    command = [sys.executable, "-c", WRITER, str(path), str(talkie) if with_sound else "", "0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"written\n"
        process.kill()
    times = times_of(path)
    # With sound, which ends early here, an MP4 is written by groups of pictures.
    assert len(times) >= 110 - (1 if not with_sound else 2 if suffix == "mkv" else 27)
    assert times == [Fraction(index, 25) for index in range(len(times))]


SLOW_WRITER = """
import sys, time
from fractions import Fraction
from stream.config import OutputSettings
from stream.sinks import SinkOptions, open_sink
from tests.helpers.fused import fused_frame

path, audio, step_s = sys.argv[1], sys.argv[2] or None, float(sys.argv[3])
sink = open_sink(OutputSettings(uri=path), SinkOptions(rate=Fraction(25), audio_from=audio))
for index in range(1000):
    sink.write(fused_frame(index))
    print(index, flush=True)
    time.sleep(step_s)
"""


@pytest.mark.parametrize(
    ("suffix", "with_sound", "step_s", "count"),
    [("mp4", False, 0.9, 5), ("mp4", True, 0.3, 14), ("mkv", True, 0.9, 5)],
)
def test_what_is_on_the_disk_is_at_most_two_seconds_old(tmp_path, talkie, suffix, with_sound, step_s, count):
    """By the clock on the wall, however slowly pictures come: 25 of them, a group, are many seconds."""
    path = tmp_path / f"a.{suffix}"
    command = [sys.executable, "-c", SLOW_WRITER, str(path), str(talkie) if with_sound else "", str(step_s)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        written = 0
        while written < count:
            written = int(process.stdout.readline()) + 1
        process.kill()
    # The picture at a place was written so many steps before the last one.
    assert (written - len(times_of(path)) + 1) * step_s <= 2


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_full_disk_is_one_sentence_and_what_was_written_plays(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    command = [sys.executable, "-c", WRITER, str(path), "", "600000"]
    ended = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert ended.returncode == 1
    assert f"{path} cannot be written: the file is larger" in ended.stderr
    assert ended.stderr.count("\n") == 1
    with av.open(str(path)) as container:
        readable = 0
        try:
            for _ in container.decode(video=0):
                readable += 1
        except av.error.InvalidDataError:
            pass  # the picture that was cut
    assert readable >= 25
