from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from stream.config import InputSettings
from stream.errors import SourceError
from stream.frame import Frame, Side
from stream.sources import open_source
from stream.sources.synthetic import SyntheticSource

SMALL = "synthetic://street?size=96x64&duration=0.2"


def read(options: str = "", role: Side = "thermal") -> list[Frame]:
    with open_source(InputSettings(uri=SMALL + options), role) as source:
        frames = list(source)
        assert len(frames) == source.info.frames
        assert {frame.size for frame in frames} == {(source.info.width, source.info.height)}
    return frames


def test_the_two_sides() -> None:
    visible, thermal = read(role="visible"), read()
    assert (visible[0].pixel_format, thermal[0].pixel_format, thermal[0].bits) == ("rgb24", "gray16le", 14)
    assert [frame.time_s for frame in visible] == [frame.time_s for frame in thermal]
    assert [frame.time_s for frame in visible] == [Fraction(n, 25) for n in range(5)]


def test_frames_are_the_same_each_time() -> None:
    for role in ("visible", "thermal"):
        first, second = read("&seed=3", role), read("&seed=3", role)
        for one, other in zip(first, second, strict=True):
            np.testing.assert_array_equal(one.pixels, other.pixels)


def test_seeds_differ() -> None:
    assert np.abs(read("&seed=3")[0].pixels.astype(int) - read("&seed=4")[0].pixels).mean() > 50


def test_the_offset_moves_thermal_times_and_not_the_world() -> None:
    plain, late = read(), read("&offset_ms=37.5")
    assert [b.time_s - a.time_s for a, b in zip(plain, late, strict=True)] == [Fraction(375, 10000)] * 5
    np.testing.assert_array_equal(plain[2].pixels, late[2].pixels)
    assert read("&offset_ms=37.5", "visible")[0].time_s == 0


def test_jitter_stays_within_its_bounds() -> None:
    times = [frame.time_s for frame in read("&jitter_ms=10&duration=2")]
    assert all((time * 25_000).denominator == 1 for time in times)
    late_ms = [float(time - Fraction(n, 25)) * 1000 for n, time in enumerate(times)]
    assert times == sorted(set(times))
    assert max(map(abs, late_ms)) <= 10
    assert max(late_ms) > 3 and min(late_ms) < -3


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_counts_scale_with_their_bits(bits: int) -> None:
    counts = read(f"&bits={bits}&noise=0")[0]
    assert counts.bits == bits
    scaled = counts.pixels.astype(float) * 2.0 ** (14 - bits)
    assert np.abs(scaled - read("&bits=14&noise=0")[0].pixels).max() <= 2.0 ** (14 - min(bits, 14))


def test_8_bits_are_grey_pictures() -> None:
    frame = read("&bits=8")[0]
    assert (frame.pixel_format, frame.bits) == ("gray8", 8)
    assert np.ptp(frame.pixels) > 0


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("synthetic://beach", "unknown scene 'beach'; known are street"),
        ("synthetic://street?sed=1", "unknown option sed; known are baseline_m, bits"),
        ("synthetic://street?size=640", "size must be WIDTHxHEIGHT in pixels, such as 640x480, got '640'"),
        ("synthetic://street?size=1x1", "size must be from 16x16 to 4096x4096, got 1x1"),
        ("synthetic://street?bits=9", "bits must be 8, 10, 12, 14 or 16, got 9"),
        ("synthetic://street?rate=0", "rate must be from 0.1 to 1000, got 0"),
        ("synthetic://street?rate=1/0", "rate must be a number, got '1/0'"),
        ("synthetic://street?seed=1e999999999", "seed must be a number"),
        ("synthetic://street?seed=1.5", "seed must be a whole number, got '1.5'"),
        ("synthetic://street?noise=nan", "noise must be a number, got 'nan'"),
        ("synthetic://street?light=noon", "light must be night, dusk or day, got 'noon'"),
        ("synthetic://street?jitter_ms=30", "jitter_ms must be from 0 to 18, got 30"),
    ],
)
def test_wrong_options_are_one_sentence(uri: str, problem: str) -> None:
    with pytest.raises(SourceError) as caught:
        open_source(InputSettings(uri=uri), "visible")
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_street_is_drawn_once_for_all_sources_that_are_open() -> None:
    first = open_source(InputSettings(uri=SMALL), "visible")
    again, other = (open_source(InputSettings(uri=SMALL + extra), "thermal") for extra in ("", "&smoke=0.5"))
    assert isinstance(first, SyntheticSource) and isinstance(again, SyntheticSource)
    assert isinstance(other, SyntheticSource)
    assert first.street is again.street and first.street is not other.street
