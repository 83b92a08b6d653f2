"""Fusion of arrays and iterables in Python: nothing is lost, and what cannot be paired is refused or told."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import stream
from stream.errors import CalibrationError, ConfigError, GifnetError, SourceError
from tests.helpers.media import write_video

QUICK: dict[str, Any] = {"model": "null", "device": "cpu"}


def pictures(count: int, size: tuple[int, int] = (64, 48)) -> Iterator[Any]:
    width, height = size
    return (np.full((height, width, 3), 10 + number, np.uint8) for number in range(count))


def counts(count: int, size: tuple[int, int] = (64, 48)) -> Iterator[Any]:
    width, height = size
    ramp = np.arange(width * height, dtype=np.uint16).reshape(height, width)
    return (ramp + 3000 + number for number in range(count))


def timed(items: Iterator[Any], step_s: float, start_s: float = 0.0) -> Iterator[Any]:
    return ((item, start_s + number * step_s) for number, item in enumerate(items))


def test_three_pictures_in_three_out() -> None:
    frames = list(stream.fuse(pictures(3), counts(3), **QUICK))
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert [int(frame.visible[0, 0, 0]) for frame in frames] == [10, 11, 12]
    assert frames[1].time == Fraction(1, 25) and frames[1].time_s == pytest.approx(0.04)
    lists = stream.fuse(list(pictures(3)), list(counts(3)), **QUICK)
    assert len(list(lists)) == 3


def test_a_buffer_that_is_used_again_does_not_change_frames() -> None:
    def one_buffer() -> Iterator[Any]:
        buffer = np.zeros((48, 64, 3), np.uint8)
        for number in range(10):
            buffer[:] = number
            yield buffer

    frames = list(stream.fuse(one_buffer(), counts(10), **QUICK))
    assert [int(frame.visible[5, 5, 0]) for frame in frames] == list(range(10))


def test_times_pair_streams_of_different_rates(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        frames = list(stream.fuse(timed(pictures(30), 1 / 30), timed(counts(10), 0.1), **QUICK))
    assert len(frames) == 10
    assert [frame.pair.visible.index for frame in frames if frame.pair.visible] == list(range(0, 30, 3))
    assert "20 visible_unpaired" in caplog.text


def test_iterables_of_different_lengths_say_what_was_left(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert len(list(stream.fuse(pictures(5), counts(3), **QUICK))) == 3
    assert "not fused: 2 visible_unpaired frames" in caplog.text


def test_pictures_without_times_beside_a_file_are_refused(tmp_path: Any) -> None:
    write_video(tmp_path / "visible.mp4", pictures(5))
    with pytest.raises(SourceError, match=r"thermal input have no times.*thermal_rate"):
        next(stream.fuse(tmp_path / "visible.mp4", counts(5), **QUICK))
    with_rate = stream.fuse(tmp_path / "visible.mp4", counts(5), thermal_rate=25, **QUICK)
    assert len(list(with_rate)) == 5


def test_one_side_with_times_and_one_without_is_refused() -> None:
    with pytest.raises(SourceError, match="visible input have no times"):
        next(stream.fuse(pictures(3), timed(counts(3), 0.04), **QUICK))


@pytest.mark.parametrize(
    ("visible", "thermal", "sentence"),
    [
        ([], [np.zeros((48, 64), np.uint8)], "visible input ended before its first picture"),
        (["cat.png"], [np.zeros((48, 64), np.uint8)], "must give arrays .* got str"),
        (
            [np.zeros((48, 64), np.uint8)],
            [np.zeros((48, 64), np.uint8)],
            r"\[H, W, 3\] uint8 .* got \(48, 64\)",
        ),
        ([np.zeros((48, 64, 3), np.uint8)], [np.zeros((48, 64), complex)], "complex"),
        (
            [(np.zeros((48, 64, 3), np.uint8), "now")],
            [(np.zeros((48, 64), np.uint8), 0)],
            "number of seconds",
        ),
    ],
)
def test_other_items_are_refused_in_one_sentence(visible: Any, thermal: Any, sentence: str) -> None:
    with pytest.raises(SourceError, match=sentence):
        list(stream.fuse(visible, thermal, **QUICK))


def test_async_for() -> None:
    async def collect() -> list[int]:
        return [frame.index async for frame in stream.fuse(pictures(4), counts(4), **QUICK)]

    assert asyncio.run(collect()) == [0, 1, 2, 3]


def test_an_endless_iterable_ends_when_it_is_closed() -> None:
    endless = (np.zeros((48, 64, 3), np.uint8) for _ in itertools.count())
    frames = stream.fuse(endless, (np.zeros((48, 64), np.uint8) for _ in itertools.count()), **QUICK)
    assert [next(frames).index for _ in range(5)] == list(range(5))
    frames.close()


def test_a_fuser_in_a_loop_fuses_every_pair_and_gives_arrays_of_its_own() -> None:
    with stream.Fuser(**QUICK) as fuser:
        results = [fuser(*pair) for pair in zip(pictures(8), counts(8), strict=True)]
        timed_one = fuser(next(pictures(1)), next(counts(1)), time_s=12.5)
    assert [result.index for result in results] == list(range(8)) and timed_one.time_s == 12.5
    assert len({int(result.visible[0, 0, 0]) for result in results}) == 8
    assert all(result.pixels.shape == (48, 64, 3) and result.pixels.dtype == np.uint8 for result in results)
    with pytest.raises(GifnetError, match="closed"):
        fuser(next(pictures(1)), next(counts(1)))


def test_a_fuser_and_a_stream_give_the_same_pictures() -> None:
    one_thread: dict[str, Any] = {"model": "lite", "device": "cpu", "precision": "float32"}
    streamed = list(stream.fuse(pictures(3), counts(3), **one_thread))
    with stream.Fuser(**one_thread) as fuser:
        for streamed_one, pair in zip(streamed, zip(pictures(3), counts(3), strict=True), strict=True):
            assert np.array_equal(fuser(*pair).pixels, streamed_one.pixels)
    alone = stream.fuse_pair(next(pictures(1)), next(counts(1)), **one_thread)
    assert np.array_equal(alone.pixels, streamed[0].pixels)


def test_sizes_that_differ_need_a_calibration() -> None:
    with pytest.raises(CalibrationError, match="calibrat"):
        stream.fuse_pair(next(pictures(1)), next(counts(1, (32, 24))), **QUICK)
    with stream.Fuser(**QUICK) as fuser:
        assert fuser(next(pictures(1)), next(counts(1))).index == 0
        assert fuser(next(pictures(1, (80, 60))), next(counts(1, (80, 60)))).pixels.shape == (60, 80, 3)


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"stream.Fuser has no setting encoder"):
        stream.Fuser(encoder="libx264")


def test_a_fused_frame_is_json() -> None:
    (frame,) = stream.fuse(timed(pictures(1), 0.1, 5.0), timed(counts(1), 0.1, 5.01), **QUICK)
    told = json.loads(json.dumps(frame.as_json()))
    assert told["index"] == 0 and told["time_s"] == 5.0 and told["size"] == [64, 48]
    assert told["pairing_error_ms"] == pytest.approx(10) and told["sources"]["thermal"]["time_s"] == 5.01
