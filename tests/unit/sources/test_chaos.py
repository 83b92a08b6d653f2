"""Cameras that misbehave on purpose, on a clock moved by hand."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest

from stream.config import InputSettings
from stream.errors import RefusedError, SourceError
from stream.frame import Frame
from stream.sources.chaos import source as chaos_module
from stream.sources.chaos.schedule import KINDS, parse_schedule
from stream.sources.chaos.source import ChaosSource
from stream.sources.live import is_live, open_live
from stream.sources.live.paced import PacedSource
from stream.uri import mask
from tests.helpers.clock import HandClock
from tests.helpers.tape import RATE, Tape, numbers


class ThermalTape(Tape):
    """Five black frames of 14 bits, and one that is lost."""

    def _read(self) -> Iterator[Frame]:
        for index in range(5):
            yield Frame(np.zeros((50, 70), np.uint16), "gray16le", Fraction(index, RATE), "pts", index, 14)
        self.lost["corrupt"] += 1


def chaos(schedule: str, clock: HandClock | None = None) -> ChaosSource:
    clock = clock or HandClock()
    return ChaosSource(lambda: PacedSource(Tape, clock, clock.wait), parse_schedule(schedule), 0.0, clock)


def test_without_faults_nothing_changes() -> None:
    assert numbers(list(chaos(""))) == list(range(100))


def test_a_stall_swallows_its_frames() -> None:
    source = chaos("stall@2+1.0")
    assert numbers(list(source)) == [*range(20), *range(30, 100)]
    assert source.lost == {"chaos_stall": 10}
    assert source.applied == {"stall": 10}


def test_a_freeze_repeats_the_picture_at_new_times() -> None:
    frames = list(chaos("freeze@2+1"))
    assert numbers(frames)[18:32] == [18, 19, *[20] * 10, 30, 31]
    assert len({frame.time_s for frame in frames}) == 100


def test_two_freezes_show_two_pictures() -> None:
    assert numbers(list(chaos("freeze@2+0.5/1")))[20:40] == [
        *[20] * 5,
        *range(25, 30),
        *[30] * 5,
        *range(35, 40),
    ]


def test_a_share_of_frames_is_dropped_the_same_for_one_seed() -> None:
    first, second, other = (numbers(list(chaos(f"drop@0+10*0.3,seed={seed}"))) for seed in (1, 1, 2))
    assert first == second != other
    assert len(first) == pytest.approx(70, abs=12)
    source = chaos("drop@0+10*0.3,seed=1")
    assert len(list(source)) + source.lost["chaos_drop"] == 100


def test_neighbours_are_swapped() -> None:
    assert numbers(list(chaos("reorder@1+0.4")))[8:16] == [8, 9, 11, 10, 13, 12, 14, 15]


def test_a_burst_comes_at_once() -> None:
    frames = list(chaos("burst@2+1"))
    assert numbers(frames) == list(range(100))
    assert len({frame.arrived_s for frame in frames[20:31]}) == 1


@pytest.mark.parametrize("fault", ["burst@9+5", "reorder@9.85+5"])
def test_what_is_held_back_comes_at_the_end_of_a_recording(fault: str) -> None:
    assert numbers(list(chaos(fault))) == list(range(100))


def test_a_long_burst_holds_the_freshest_frames_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chaos_module, "MOST_HELD_BYTES", 3 * 48 * 64)
    source = chaos("burst@2+1")
    assert numbers(list(source)) == [*range(20), *range(27, 100)]
    assert source.lost == {"chaos_burst": 7}


def test_frames_held_back_when_the_camera_is_disconnected_are_counted() -> None:
    source = chaos("burst@1+5,disconnect@3+1")
    with pytest.raises(SourceError, match="disconnected"):
        list(source)
    assert source.lost == {"chaos_disconnect": 21}


def test_a_clock_jumps_and_comes_back() -> None:
    frames = list(chaos("jump@2+1*-100"))
    assert frames[20].time_s == Fraction(2) - 100
    assert frames[30].time_s == 3


def test_a_jump_lasts_for_ever_without_a_length() -> None:
    assert list(chaos("jump@2*60"))[-1].time_s == Fraction(99, RATE) + 60


def test_jumps_add_up() -> None:
    times = [float(frame.time_s) for frame in chaos("jump@2*5,jump@4*-1")]
    assert (times[30], times[50]) == pytest.approx((8, 9))


def test_a_clock_drifts() -> None:
    last = list(chaos("drift@5*200"))[-1]
    assert float(last.time_s) == pytest.approx(9.9 + 4.9 * 200e-6, abs=1e-9)


def test_pictures_change_their_size() -> None:
    frames = list(chaos("resize@2+1*0.5"))
    assert [frames[i].size for i in (19, 20, 29, 30)] == [(64, 48), (32, 24), (32, 24), (64, 48)]


def test_a_share_of_blocks_becomes_noise() -> None:
    frames = list(chaos("corrupt@5+1*0.5"))
    changed = [np.mean(np.asarray(frame.pixels) != index) for index, frame in enumerate(frames)]
    assert not any(changed[:50]) and 0.2 < np.mean(changed[50:60]) < 0.7


def test_noise_of_thermal_counts_stays_within_their_bits() -> None:
    clock = HandClock()
    source = ChaosSource(ThermalTape, parse_schedule("corrupt@0+9*1"), 0.0, clock)
    pixels = np.stack([np.asarray(frame.pixels) for frame in source])
    assert pixels.dtype == np.uint16 and 2**13 < pixels.max() < 2**14
    assert source.lost == {"corrupt": 1}


def test_a_disconnected_camera_cannot_be_opened_until_it_is_back() -> None:
    clock = HandClock()
    frames = []
    with pytest.raises(SourceError, match="disconnected"):
        for frame in chaos("disconnect@2+3", clock):
            frames.append(frame)
    assert len(frames) == 20
    with pytest.raises(SourceError, match="disconnected"):
        chaos("disconnect@2+3", clock)
    clock.now_s = 5.01
    assert len(list(chaos("disconnect@2+3", clock))) == 100


def test_a_camera_that_refuses_keeps_the_connection_it_has() -> None:
    clock = HandClock()
    assert len(list(chaos("refuse@2+3", clock))) == 100
    clock.now_s = 4.9
    with pytest.raises(SourceError, match="refuses") as refused:
        chaos("refuse@2+3", clock)
    assert not isinstance(refused.value, RefusedError)
    clock.now_s = 5.01
    assert len(list(chaos("refuse@2+3", clock))) == 100


def test_every_kind_can_be_applied() -> None:
    for kind in KINDS:
        source = chaos(f"{kind}@2+1")
        try:
            list(source)
        except SourceError:
            assert kind == "disconnect"
        assert set(source.applied) == {kind} - {"refuse"}


def test_a_fault_comes_again() -> None:
    assert numbers(list(chaos("stall@1+1.0/3"))) == [
        *range(10),
        *range(20, 40),
        *range(50, 70),
        *range(80, 100),
    ]


def test_random_faults_are_the_same_for_one_seed() -> None:
    first, second = parse_schedule("random=30,seed=4"), parse_schedule("random=30,seed=4")
    assert first == second != parse_schedule("random=30,seed=5")
    assert len(first.faults) == pytest.approx(1800, rel=0.1)
    assert {fault.kind for fault in first.faults} == set(KINDS)


@pytest.mark.parametrize(
    "wrong", ["explode@3", "stall", "stall@x", "stall@1..2", "seed=x", "seed=1.5", "drop@1*2*3", "rate=3"]
)
def test_a_wrong_schedule_is_refused(wrong: str) -> None:
    with pytest.raises(RefusedError, match="is not a fault: write KIND@START") as refused:
        parse_schedule(f"stall@1,{wrong}")
    assert repr(wrong) in str(refused.value)
    assert all(kind in str(refused.value) for kind in KINDS)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("drop@1*5", "share of frames.* from 0 to 1, got 5"),
        ("resize@1*900", "from 0.05 to 4, got 900"),
        ("resize@1*0", "from 0.05 to 4, got 0"),
        ("stall@1*3", "stall takes no amount"),
        ("stall@1+0", "above 0 s"),
        ("stall@1+1/0", "come again every 0 s and last 1 s"),
        ("jump@1/60", "last endlessly; give it a length"),
        ("random=1000000", "at most 60"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(wrong: str, says: str) -> None:
    with pytest.raises(RefusedError, match=says) as refused:
        parse_schedule(wrong)
    assert repr(wrong) in str(refused.value)


def test_blanks_between_faults_do_no_harm() -> None:
    assert parse_schedule("stall@1, drop@2*.5 ,seed=3") == parse_schedule("stall@1,drop@2.0*0.5,seed=3")


def test_schedules_by_uri() -> None:
    clock = HandClock()
    street = "synthetic://street?seed=1&size=64x48&duration=1"
    settings = InputSettings(uri=f"chaos://stall@0.2+0.2!{street}")
    assert is_live(settings.uri)
    with open_live(settings, "visible", clock, clock.wait) as source:
        assert len(list(source)) == 20


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("chaos://stall@1+2", "names no camera behind a '!'"),
        ("chaos://explode@1!live://nothing.mp4", "is not a fault"),
        ("chaos://stall@1!live://nothing.mp4", "does not exist"),
    ],
)
def test_what_will_never_open_is_refused(uri: str, says: str) -> None:
    clock = HandClock()
    with pytest.raises(RefusedError, match=says):
        open_live(InputSettings(uri=uri), "visible", clock, clock.wait)


def test_the_password_of_the_inner_camera_is_masked() -> None:
    masked = mask("chaos://stall@10+3,drop@20+5*0.3!rtsp://anna:secret@host:554/path")
    assert masked == "chaos://stall@10+3,drop@20+5*0.3!rtsp://anna:***@host:554/path"


@pytest.mark.parametrize(
    "uri",
    [
        "chaos://explode@1!rtsp://anna:pa55!w0rd@host/path",
        "chaos://rtsp://anna:pa55w0rd@host/path!stall@1",
        "chaos://rtsp://anna:pa55!w0rd@host/path",
        "chaos://stall@1,rtsp://anna:pa55w0rd@host/path",
        "chaos://stall@1,rtsp://anna:pa55,w0rd@host!live://x",
        "chaos://explode@1!rtsp://anna:pa55w0rd@host/path",
    ],
)
def test_no_mistake_shows_a_password(uri: str) -> None:
    assert "pa55" not in mask(uri) and "w0rd" not in mask(uri)
    clock = HandClock()
    with pytest.raises(RefusedError) as refused:
        open_live(InputSettings(uri=uri), "visible", clock, clock.wait)
    assert "pa55" not in str(refused.value) and "w0rd" not in str(refused.value)
