"""Live pairing on cameras with known truth: what is paired, how fast, and what happens without a partner."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from stream.config import LiveSettings, PairingSettings
from stream.frame import FramePair, SingleFrame
from tests.helpers.two_cameras import Film, Played, play, share_below


def flags(played: Played) -> dict[str, int]:
    counted: dict[str, int] = {}
    for moment in played.moments:
        name = "+".join(sorted(moment.flags))
        counted[name] = counted.get(name, 0) + 1
    return counted


def balanced(played: Played) -> bool:
    return not any(played.pairer.counts.unaccounted(side) for side in ("visible", "thermal"))


@pytest.mark.parametrize("rates", [(30, 30), (30, 9), (25, 30), (60, 60), (9, 30)])
def test_frames_of_one_moment_are_paired(rates: tuple[float, float]) -> None:
    played = play(Film("visible", rates[0]), Film("thermal", rates[1]), 20)
    slower = min(rates)
    # Not every frame of the slower camera has one of the faster within the tolerance of 20 ms.
    assert len(played.moments) >= 0.6 * 20 * slower
    assert share_below(played.true_errors_s, 0.0201) == 1
    assert balanced(played)


def test_late_and_uneven_arrival_does_not_mispair() -> None:
    visible = Film("visible", 30, jitter_s=0.02, delay_s=0.04)
    thermal = Film("thermal", 30, phase_s=0.002, jitter_s=0.02, delay_s=0.15)
    played = play(visible, thermal, 60)
    assert len(played.moments) == 1800
    assert share_below(played.true_errors_s, 0.005) >= 0.99
    assert balanced(played)


def test_a_pair_is_decided_when_its_later_frame_is_there() -> None:
    played = play(Film("visible", 30, delay_s=0.05), Film("thermal", 30, phase_s=0.004), 10)
    settled = played.waits_s[20:]
    assert max(settled) < 0.001


@pytest.mark.parametrize("silent", ["visible", "thermal"])
def test_a_silent_camera_never_blocks_the_other(silent: str) -> None:
    gone = ((3.0, 7.0),)
    visible = Film("visible", gone=gone if silent == "visible" else ())
    thermal = Film("thermal", gone=gone if silent == "thermal" else ())
    played = play(visible, thermal, 10, unpaired="single")
    singles = [moment for moment in played.moments if isinstance(moment, SingleFrame)]
    assert len(singles) == pytest.approx(120, abs=3)
    assert {single.side for single in singles} == {"visible", "thermal"} - {silent}
    # Once the camera is known to be silent, the other one's frames do not wait at all.
    waits = [wait for wait, moment in zip(played.waits_s, played.moments, strict=True) if moment in singles]
    assert sorted(waits)[len(waits) // 2] < 0.001
    assert max(waits) <= 0.26
    assert isinstance(played.moments[-1], FramePair)
    assert balanced(played)


def test_drop_leaves_out_what_has_no_partner() -> None:
    played = play(Film("visible"), Film("thermal", gone=((3.0, 7.0),)), 10)
    assert set(flags(played)) == {""}
    assert played.pairer.counts.dropped["visible_unpaired"] == pytest.approx(120, abs=3)
    assert balanced(played)


def test_hold_goes_on_with_the_last_thermal_frame_for_its_age() -> None:
    played = play(Film("visible"), Film("thermal", gone=((3.0, 7.0),)), 10, unpaired="hold", max_age_ms=500)
    held = [moment for moment in played.moments if "held" in moment.flags]
    assert len(held) == pytest.approx(15, abs=2)
    assert len({id(moment.thermal) for moment in held}) == 1
    assert played.pairer.counts.dropped["visible_thermal_too_old"] == pytest.approx(105, abs=4)
    assert balanced(played)


def test_hold_gives_every_visible_frame_of_a_faster_camera() -> None:
    played = play(Film("visible", 30), Film("thermal", 9), 10, unpaired="hold", max_age_ms=200)
    assert len(played.moments) >= 297
    assert flags(played)["held"] == pytest.approx(210, abs=10)
    assert balanced(played)


def freezing(index: int) -> np.ndarray:
    """Raw counts with noise, but for a shutter that is closed from frame 90 to 150."""
    seed = min(index, 90) if index <= 150 else index
    return np.random.default_rng(seed).integers(3000, 3100, (8, 8)).astype(np.uint16)


@pytest.mark.parametrize("phase_s", [0.03, 0.1, 0.17])
@pytest.mark.parametrize("rate", [5.0, 2.0])
def test_hold_goes_on_where_no_two_frames_are_ever_near(phase_s: float, rate: float) -> None:
    """Two slow cameras that nobody triggers, each always between the frames of the other."""
    thermal = Film("thermal", rate, phase_s=phase_s)
    played = play(Film("visible", rate), thermal, 20, unpaired="hold", max_age_ms=600, tolerance_ms=20)
    assert len(played.moments) >= 20 * rate - 2
    for moment in played.moments:
        assert isinstance(moment, FramePair) and moment.flags == {"held"}
        assert moment.pairing_error_s == pytest.approx(phase_s - 1 / rate, abs=1e-3)
    for side in ("visible", "thermal"):
        assert played.pairer.counts.unaccounted(side) == 0


def test_a_closed_shutter_is_not_fused_as_fresh() -> None:
    played = play(Film("visible"), Film("thermal", pixels=freezing), 10, unpaired="single")
    assert flags(played) == {"": pytest.approx(240, abs=3), "single+stale": pytest.approx(59, abs=2)}
    counts = played.pairer.counts
    assert counts.dropped["thermal_stale"] == pytest.approx(59, abs=1)
    assert counts.moments["stale"] == flags(played)["single+stale"]
    assert balanced(played)


def test_while_the_shutter_is_closed_the_last_fresh_frame_is_held() -> None:
    played = play(Film("visible"), Film("thermal", pixels=freezing), 10, unpaired="hold", max_age_ms=1000)
    assert flags(played)["held+stale"] == pytest.approx(29, abs=2)
    fresh = {moment.thermal.index for moment in played.moments if moment.thermal is not None}
    assert not fresh & set(range(93, 151))
    assert balanced(played)


def test_a_camera_that_repeats_each_picture_has_no_closed_shutter() -> None:
    def tripled(index: int) -> np.ndarray:
        return np.random.default_rng(index // 3).integers(3000, 3100, (8, 8)).astype(np.uint16)

    played = play(Film("visible", 27), Film("thermal", 27, pixels=tripled), 10)
    assert played.pairer.counts.dropped["thermal_stale"] <= 3


def test_repeats_in_8_bits_are_a_static_scene_unless_asked() -> None:
    def grey(index: int) -> np.ndarray:
        return np.full((4, 4), 7 if 90 <= index < 150 else index % 250, np.uint8)

    assert play(Film("visible"), Film("thermal", pixels=grey), 8).pairer.counts.dropped == {}
    asked = play(Film("visible"), Film("thermal", pixels=grey), 8, shutter="on").pairer.counts
    assert asked.dropped["thermal_stale"] > 50


@pytest.mark.parametrize(("ahead_s", "drift_ppm"), [(7200.0, 0.0), (-1.7, 60.0), (33.3, -150.0)])
def test_clocks_that_are_apart_are_followed(ahead_s: float, drift_ppm: float) -> None:
    visible = Film("visible", 30, jitter_s=0.02)
    thermal = Film("thermal", 30, jitter_s=0.02, ahead_s=ahead_s, drift_ppm=drift_ppm, seed=2)
    played = play(visible, thermal, 120, offset_ms="auto")
    errors_s = played.true_errors_s[-1800:]
    assert share_below(errors_s, 0.005) >= 0.99
    relation = played.pairer.relation
    true_offset_s = ahead_s + 120 * drift_ppm * 1e-6
    assert relation.offset_s(120.0) == pytest.approx(true_offset_s, abs=0.005)
    assert relation.drift_ppm() == pytest.approx(drift_ppm, abs=20)
    assert balanced(played)


@pytest.mark.parametrize("first", ["visible", "thermal"])
def test_whichever_camera_is_there_first(first: str) -> None:
    """Before the other one is seen, nothing is known of the offset; what waits is brought onto it then."""
    late = ((0.0, 0.9),)
    visible = Film("visible", gone=late if first == "thermal" else ())
    thermal = Film("thermal", gone=late if first == "visible" else (), ahead_s=7200.0)
    played = play(visible, thermal, 10, offset_ms="auto")
    assert len(played.moments) >= 270 and share_below(played.true_errors_s, 0.005) == 1
    assert not played.pairer.counts.dropped["thermal_out_of_order"]


def test_clocks_that_agree_are_believed_although_the_ways_differ() -> None:
    played = play(Film("visible"), Film("thermal", delay_s=0.2), 10, offset_ms="auto")
    assert played.pairer.offset_s(10.0) == 0
    assert share_below(played.true_errors_s, 0.001) == 1


def test_a_clock_that_jumps_is_found_again() -> None:
    class Jumping(Film):
        def shots(self, duration_s: float):  # type: ignore[no-untyped-def]
            for shot in super().shots(duration_s):
                if shot.true_s > 5:
                    object.__setattr__(shot.frame, "time_s", shot.frame.time_s - 3600)
                yield shot

    played = play(Film("visible"), Jumping("thermal"), 15, offset_ms="auto")
    assert played.pairer.counts.clock_jumps == {"thermal": 1}
    (step,) = played.pairer.counts.as_json()["clock_steps"]
    assert step | {"step_s": round(step["step_s"])} == {
        "camera": "thermal", "after_frames": 151, "from": "rtcp", "to": "rtcp", "step_s": -3600
    }  # fmt: skip
    assert len(played.moments) >= 440
    assert share_below(played.true_errors_s, 0.005) == 1
    assert balanced(played)


def test_a_burst_after_a_stall_is_no_jump() -> None:
    class Stalling(Film):
        def shots(self, duration_s: float):  # type: ignore[no-untyped-def]
            for shot in super().shots(duration_s):
                if 5 < shot.true_s < 8:
                    object.__setattr__(shot.frame, "arrived_s", 8.03 + shot.true_s / 1000)
                yield shot

    played = play(Film("visible"), Stalling("thermal"), 15)
    assert not played.pairer.counts.clock_jumps
    assert balanced(played)


def test_frames_that_go_backwards_are_left_out() -> None:
    class Swapping(Film):
        def shots(self, duration_s: float):  # type: ignore[no-untyped-def]
            for shot in super().shots(duration_s):
                if shot.frame.index % 10 == 5:
                    object.__setattr__(shot.frame, "time_s", shot.frame.time_s - Fraction(1, 20))
                yield shot

    played = play(Film("visible"), Swapping("thermal"), 10)
    assert played.pairer.counts.dropped["thermal_out_of_order"] == 30
    assert balanced(played)


def test_settings_change_while_it_runs() -> None:
    played = play(Film("visible"), Film("thermal", phase_s=0.015), 5, tolerance_ms=5)
    assert not played.moments
    played.pairer.change(PairingSettings(tolerance_ms=20))
    again = Film("visible"), Film("thermal", phase_s=0.015)
    for shots in zip(again[0].shots(5), again[1].shots(5), strict=True):
        for shot in shots:
            later = Fraction(100)
            object.__setattr__(shot.frame, "time_s", shot.frame.time_s + later)
            object.__setattr__(shot.frame, "arrived_s", (shot.frame.arrived_s or 0) + 100)
            played.pairer.offer(shot.side, shot.frame)
    assert len(played.pairer.due(104.0)) > 25


def test_what_nobody_takes_is_bounded_and_counted() -> None:
    film = Film("visible", 30)
    from stream.pairing.online import OnlinePairer

    pairer = OnlinePairer(PairingSettings(), LiveSettings(queue_frames=5))
    for shot in film.shots(10):
        pairer.offer("visible", shot.frame)
    assert len(pairer.queues["visible"].waiting) == 5
    assert pairer.counts.dropped["visible_overrun"] == 295
    pairer.finish()
    assert pairer.counts.dropped["visible_at_stop"] == 5
    assert pairer.counts.unaccounted("visible") == 0


def test_memory_is_bounded_in_bytes() -> None:
    from stream.pairing.online import OnlinePairer

    film = Film("visible", 30, pixels=lambda index: np.zeros((100, 100, 3), np.uint8))
    pairer = OnlinePairer(PairingSettings(), LiveSettings(queue_mb=0.1))
    for shot in film.shots(1):
        pairer.offer("visible", shot.frame)
    assert len(pairer.queues["visible"].waiting) == 3
