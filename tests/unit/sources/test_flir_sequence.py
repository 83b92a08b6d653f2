"""FLIR's sequences: counts, times and constants of every frame; whole and damaged."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stream.errors import SourceError
from stream.radiometry import Planck
from tests.helpers.flir import CAMERA, fff, sequence
from tests.helpers.media import moving_pattern
from tests.unit.sources.test_thermal_files import lost, put, read, source_of

COUNTS = [each + 9000 for each in moving_pattern(4, depth=13)]
TIMES_MS = [1526373747123, 1526373747234, 1526373747400, 1526373748345]


@pytest.mark.parametrize("suffix", ["seq", "csq"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("form", ["{}", "thermal://{}"])
def test_frames_and_their_times(tmp_path: Path, suffix: str, order: str, form: str) -> None:
    data = sequence(COUNTS, TIMES_MS, csq=suffix == "csq", order=order)
    path = put(tmp_path / f"a.{suffix}", data)
    with source_of(form.format(path)) as source:
        frames = list(source)
        assert (source.info.width, source.info.height, source.info.frames) == (64, 48, 4)
    np.testing.assert_array_equal([frame.pixels for frame in frames], COUNTS)
    assert [frame.time_s * 1000 for frame in frames] == TIMES_MS
    assert {frame.clock for frame in frames} == {"device"}
    assert isinstance(frames[3].radiometry, Planck) and frames[3].radiometry.b == CAMERA.b


def test_frames_without_times_follow_the_rate_of_the_camera(tmp_path: Path) -> None:
    path = put(tmp_path / "a.seq", sequence(COUNTS, rate=9))
    assert [frame.time_s for frame in read(path)] == [Fraction(index, 9) for index in range(4)]
    assert read(f"thermal://{path}?rate=30")[1].time_s == Fraction(1, 30)
    assert read(put(tmp_path / "b.seq", sequence(COUNTS)))[1].time_s == Fraction(1, 25)


def test_times_that_do_not_rise_are_not_believed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = put(tmp_path / "a.seq", sequence(COUNTS, [TIMES_MS[0]] * 4, rate=30))
    assert read(path)[1].time_s == Fraction(1, 30)
    assert "times that do not rise" in caplog.text


def test_a_rate_goes_before_times(tmp_path: Path) -> None:
    path = put(tmp_path / "a.seq", sequence(COUNTS, TIMES_MS))
    assert read(path, rate=10)[1].time_s == Fraction(1, 10)


def test_counts_that_look_like_a_head(tmp_path: Path) -> None:
    counts = [each.copy() for each in COUNTS]
    counts[1].reshape(-1)[100:102] = np.frombuffer(b"FFF\0", "<u2")
    found = read(put(tmp_path / "a.seq", sequence(counts, TIMES_MS)))
    np.testing.assert_array_equal([frame.pixels for frame in found], counts)


@pytest.mark.parametrize("csq", [False, True])
def test_a_sequence_that_breaks_off(tmp_path: Path, csq: bool) -> None:
    path = put(tmp_path / "a.seq", sequence(COUNTS, csq=csq)[:-2000])
    assert lost(path) == ([0, 1, 2], {"corrupt": 1})


def test_a_damaged_frame_keeps_its_place(tmp_path: Path) -> None:
    data = bytearray(sequence(COUNTS, rate=9))
    second = len(data) // 4
    for length in (1, 1 << 30):
        struct.pack_into("<I", data, second + 64 + 16, length)  # of the raw image
        assert lost(put(tmp_path / "a.seq", bytes(data))) == ([0, 2, 3], {"corrupt": 1})


def test_any_wrong_byte_is_an_answer_or_a_sentence(tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    for csq in (False, True):
        good = np.frombuffer(sequence([each[:8, :8] for each in COUNTS[:2]], TIMES_MS[:2], csq=csq), np.uint8)
        for _ in range(150):
            broken = good.copy()
            broken[random.integers(0, 400, 3)] = random.integers(0, 256, 3)
            try:
                read(put(tmp_path / "a.seq", broken.tobytes()))
            except SourceError:
                continue


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is empty"),
        (b"nothing" * 100, "no FLIR sequence, or damaged"),
        (fff([(0x20, bytes(0x400))]), "no FLIR sequence, or damaged"),
    ],
)
def test_what_is_no_sequence(tmp_path: Path, data: bytes, problem: str) -> None:
    with pytest.raises(SourceError, match=problem):
        read(put(tmp_path / "a.seq", data))


def test_a_sequence_has_no_visible_side(tmp_path: Path) -> None:
    path = put(tmp_path / "a.seq", sequence(COUNTS))
    with pytest.raises(SourceError, match="no visible pictures"):
        read(path, "visible")
    with pytest.raises(SourceError, match="does not exist"):
        read(tmp_path / "b.csq")


@pytest.mark.refdata
def test_the_case_of_a_sequence(refdata: Path) -> None:
    frames = read(refdata / "cases/files/12-thermal-files-refused/three_frames.seq")
    assert len(frames) == 3 and frames[0].pixels.min() == 14000 and frames[0].pixels.max() == 17000
    assert [float(frame.time_s) for frame in frames] == [1526373747.123, 1526373747.234, 1526373747.345]
