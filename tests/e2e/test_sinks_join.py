"""Parts of a recording joined without encoding again: pictures, times and sound of one run."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from stream.config import OutputSettings
from stream.sinks import SinkOptions, open_sink
from stream.sinks.video.join import PartFile, UnlikePartsError, join_videos
from tests.helpers.fused import fused_frame
from tests.helpers.media import moving_pattern, write_video
from tests.helpers.readback import read_frames, read_times

RATE, COUNT = Fraction(25), 40
EVEN = [Fraction(number, 25) for number in range(COUNT)]
UNEVEN = [Fraction(number * number, 1000) for number in range(COUNT)]


def write(path: Path, times_s: list[Fraction], first: int = 0, **options: object) -> PartFile:
    settings = SinkOptions(**{"rate": RATE, "time_base": Fraction(1, 1000), **options})  # type: ignore[arg-type]
    with open_sink(OutputSettings(uri=str(path)), settings) as sink:
        for number, time_s in enumerate(times_s):
            sink.write(fused_frame(first + number, time_s, (64, 48)))
    return PartFile(path, len(times_s), times_s[0])


def joined(folder: Path, times_s: list[Fraction], suffix: str, **options: object) -> tuple[Path, Path]:
    """The same frames, written at once and in three parts."""
    sound = {"audio_from": options.pop("audio_from", None)}
    whole = write(folder / f"whole{suffix}", times_s, **options, **sound).path
    cuts = (0, 11, 12, COUNT)
    parts = [
        write(folder / f"part{number}{suffix}", times_s[begin:end], begin, **options)
        for number, (begin, end) in enumerate(pairwise(cuts))
    ]
    target = folder / f"joined{suffix}"
    told = SinkOptions(**{"rate": RATE, "time_base": Fraction(1, 1000), **options, **sound})  # type: ignore[arg-type]
    join_videos(parts, target, told)
    return whole, target


@pytest.mark.parametrize(
    ("encoder", "suffix"),
    [
        ("libx264", ".mp4"),
        ("libx264", ".mkv"),
        ("libx265", ".mov"),
        ("libvpx-vp9", ".mkv"),
        ("mpeg4", ".mp4"),
    ],
)
@pytest.mark.parametrize("times_s", [EVEN, UNEVEN], ids=["even", "uneven"])
def test_pictures_and_times_are_those_of_one_file(
    tmp_path: Path, encoder: str, suffix: str, times_s: list[Fraction]
) -> None:
    whole, target = joined(tmp_path, times_s, suffix, encoder=encoder)
    assert read_times(target) == read_times(whole) == times_s
    for one, other in zip(read_frames(whole), read_frames(target), strict=True):
        error = np.mean((one.astype(float) - other) ** 2)
        assert error < 10, "below 38 dB"


def test_without_loss_the_pictures_are_equal(tmp_path: Path) -> None:
    whole, target = joined(tmp_path, EVEN, ".mkv", encoder="ffv1")
    assert all(map(np.array_equal, read_frames(whole), read_frames(target)))


@pytest.mark.parametrize("first_s", [Fraction(1_700_000_000), Fraction(-1, 2)], ids=["date", "before zero"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_starts_that_no_player_shows_move_to_zero_once(
    tmp_path: Path, first_s: Fraction, suffix: str
) -> None:
    whole, target = joined(tmp_path, [first_s + time_s for time_s in EVEN], suffix)
    assert read_times(target) == read_times(whole) == EVEN


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_sound_is_that_of_one_file(tmp_path: Path, suffix: str) -> None:
    talkie = write_video(tmp_path / "talkie.mp4", moving_pattern(COUNT, colour=True), audio=True)
    whole, target = joined(
        tmp_path,
        [time_s + Fraction(1, 5) for time_s in EVEN[:-9]] + [Fraction(7 + number, 5) for number in range(9)],
        suffix,
        audio_from=str(talkie),
    )
    assert sound_of(target) == sound_of(whole) != []
    assert read_times(target) == read_times(whole)


def sound_of(path: Path) -> list[tuple[Fraction, bytes]]:
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.pts is not None]
        return [(packet.pts * packet.time_base, bytes(packet)) for packet in packets]


def test_parts_that_are_unlike_or_out_of_order_are_refused(tmp_path: Path) -> None:
    one = write(tmp_path / "1.mp4", EVEN[:5])
    options = SinkOptions(rate=RATE, time_base=Fraction(1, 1000))
    for other, words in (
        (write(tmp_path / "2.mp4", EVEN[4:9]), "do not rise"),
        (write(tmp_path / "3.mp4", EVEN[5:9], encoder="mpeg4"), "another form"),
        (PartFile(write(tmp_path / "4.mp4", EVEN[5:9]).path, 5, EVEN[5]), "4 pictures in place of 5"),
    ):
        with pytest.raises(UnlikePartsError, match=words):
            join_videos([one, other], tmp_path / "x.mp4", options)
