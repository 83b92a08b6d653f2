"""Excerpts of recordings: the same frames, at the same times, as in the whole of them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import stream
from stream.config import InputSettings
from stream.errors import ConfigError, SourceError
from stream.frame import FusedFrame
from stream.sources.video.file import VideoSource
from tests.helpers.media import write_video

COUNT, RATE = 90, 30
FAST = {"model": "null", "device": "cpu", "visible_decoder": "cpu", "thermal_decoder": "cpu"}


def pictures(seed: int) -> list[np.ndarray]:
    """Frames whose brightness tells their number."""
    noise = np.random.default_rng(seed).integers(0, 30, (48, 64, 3))
    return [np.asarray(noise + 2 * number, np.uint8) for number in range(COUNT)]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    options = {"preset": "fast", "g": "40", "bf": "3", "x264-params": "open-gop=1", "crf": "20"}
    for name in ("v.mp4", "v.mkv", "v.ts"):
        write_video(folder / name, pictures(0), rate=RATE, options=options)
    thermal = [(60 * picture[..., 0].astype(np.uint16)) for picture in pictures(1)]
    write_video(folder / "t.mkv", thermal, rate=RATE)
    write_video(folder / "t8.mp4", [picture[..., 0] for picture in pictures(2)], rate=RATE)
    return folder


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.ts"])
@pytest.mark.parametrize("time_s", [Fraction(0), Fraction(1, 2), Fraction(4, 3), Fraction(17, 6)])
def test_a_video_read_from_a_time_on_gives_what_it_gives_as_a_whole(
    clips: Path, name: str, time_s: Fraction
) -> None:
    with VideoSource(InputSettings(uri=name), clips / name, "visible") as whole:
        began_s = whole.first_s or Fraction(0)
        frames = [frame for frame in whole if frame.time_s >= began_s + time_s]
    with VideoSource(InputSettings(uri=name), clips / name, "visible") as part:
        skipped = part.skip_before(began_s + time_s)
        found = list(part)
    assert skipped == COUNT - len(frames) == frames[0].index
    assert [(each.index, each.time_s) for each in found] == [(each.index, each.time_s) for each in frames]
    assert all(np.array_equal(one.pixels, other.pixels) for one, other in zip(found, frames, strict=True))
    assert not part.lost


def test_a_video_that_ends_before_says_so(clips: Path) -> None:
    sentence = r"ends at 2\.967 s, and was to be read from 7\.000 s on"
    source = VideoSource(InputSettings(uri="v.mp4"), clips / "v.mp4", "visible")
    with source as part, pytest.raises(SourceError, match=sentence):
        part.skip_before(Fraction(7))


def told(frames: list[FusedFrame]) -> list[tuple[Fraction, float, int, int]]:
    """Time, pairing error and indices of both sides."""
    return [
        (frame.time, frame.pair.pairing_error_s or 0.0, frame.pair.visible.index, frame.pair.thermal.index)
        for frame in frames
        if frame.pair.visible and frame.pair.thermal
    ]


def fused(clips: Path, *, thermal: str = "t8.mp4", **settings: object) -> list[FusedFrame]:
    return list(stream.fuse(clips / "v.mp4", clips / thermal, **FAST, **settings))


def test_an_excerpt_is_a_part_of_the_whole(clips: Path) -> None:
    whole = fused(clips, offset_ms=100)
    part = fused(clips, offset_ms=100, start=1.5, frames=4, every=5)
    from_there = [frame for frame in whole if frame.time >= Fraction(3, 2)]
    assert told(part) == told(from_there[:20:5]) and len(part) == 4
    assert np.array_equal(part[0].pixels, from_there[0].pixels)
    assert np.array_equal(part[-1].thermal, from_there[15].thermal)


def test_pictures_of_a_folder_and_a_generated_street_begin_there_too(clips: Path) -> None:
    street = "synthetic://street?size=64x48&rate=10&duration=9"
    part = list(stream.fuse(street, street, **FAST, start=7.95, frames=2))
    assert [frame.time for frame in part] == [Fraction(8), Fraction(81, 10)]


def test_smaller_pictures_of_both_cameras(clips: Path) -> None:
    (part,) = fused(clips, frames=1, scale=0.7)
    assert part.size == (44, 32) and part.thermal.shape == (32, 44)
    (whole,) = fused(clips, frames=1)
    assert abs(float(part.thermal.mean()) - float(whole.thermal.mean())) < 1
    (counts,) = fused(clips, thermal="t.mkv", frames=1, scale=0.7)
    assert counts.pair.thermal is not None and counts.pair.thermal.pixels.dtype == np.uint16


def test_arrays_are_made_smaller_too() -> None:
    seen = stream.fuse_pair(np.zeros((100, 160, 3), np.uint8), np.zeros((100, 160), np.uint8), scale=0.5)
    assert seen.size == (80, 50)


def test_a_start_behind_the_end(clips: Path) -> None:
    with pytest.raises(SourceError, match="give a smaller"):
        fused(clips, start=2.98)
    with pytest.raises(SourceError, match="give a smaller"):
        fused(clips, start=9)


def test_cameras_have_no_beginning() -> None:
    street = "loop://synthetic://street?size=64x48"
    with pytest.raises(ConfigError, match="leave out --start"):
        next(stream.fuse(street, street, **FAST, start=1))
