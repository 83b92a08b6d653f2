"""One rule for recordings and live cameras: the same stamps give the same pairs."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.config import LiveSettings, PairingSettings
from stream.errors import SyncError
from stream.frame import Frame, FramePair, FrameSet, Side
from stream.pairing.offline import OfflinePairer, pair_streams
from stream.pairing.online import OnlinePairer
from stream.pairing.policy import PairingPolicy
from tests.helpers.two_cameras import Film, play

PIXELS = np.zeros((1, 1), np.uint8)
RATES = (9, 10, 15, 24, 25, 30, 60)
Times = list[Fraction]


def stamps(rate: int, seconds: int = 3, phase: Fraction = Fraction(0)) -> Times:
    return [(index + phase) / Fraction(rate) for index in range(rate * seconds)]


def frames(times_s: Times, delay_s: float = 2000.0) -> list[Frame]:
    return [
        Frame(PIXELS, "gray8", time_s, "rtcp", index, 8, float(time_s) + delay_s)
        for index, time_s in enumerate(times_s)
    ]


def offline(visible: Times, thermal: Times, rates: tuple[int, int] | None, **keys: object) -> list[FrameSet]:
    pairer = OfflinePairer(PairingSettings.model_validate(keys), *(rates or ()))
    made: list[FrameSet] = []
    try:
        for frame_set in pair_streams(frames(visible), frames(thermal), pairer):
            made.append(frame_set)
    except SyncError:
        pass
    return made


def online(visible: Times, thermal: Times, at_once: bool = False, **keys: object) -> list[FrameSet]:
    """Frames arrive as they are taken, or all before anything is decided."""
    pairer = OnlinePairer(PairingSettings.model_validate(keys), LiveSettings(queue_frames=1000, queue_ms=1e6))
    arrivals: list[tuple[float, Side, Frame]] = []
    for side, times_s in (("visible", visible), ("thermal", thermal)):
        arrivals += [(frame.arrived_s or 0, side, frame) for frame in frames(times_s)]  # type: ignore[misc]
    made: list[FrameSet] = []
    for arrived_s, side, frame in sorted(arrivals, key=lambda arrival: arrival[0]):
        pairer.offer(side, frame)
        if not at_once:
            made += pairer.due(arrived_s)
    return made + pairer.due(max(arrival[0] for arrival in arrivals) + 100 if arrivals else 0)


def pairs(frame_sets: list[FrameSet]) -> list[tuple[int, int]]:
    return [(one.visible.index, one.thermal.index) for one in frame_sets if isinstance(one, FramePair)]


def jittered(times_s: Times, seed: int, share: float) -> Times:
    step_s, rng = times_s[1] - times_s[0], random.Random(seed)
    return [time_s + step_s * Fraction(rng.uniform(-share, share)) for time_s in times_s]


def with_gaps(times_s: Times, seed: int) -> Times:
    rng = random.Random(seed)
    return [time_s for time_s in times_s if rng.random() > 0.1]


def unchanged(times_s: Times, seed: int) -> Times:
    return times_s


def shaken(times_s: Times, seed: int) -> Times:
    return jittered(times_s, seed, 0.08)


CASES = [
    (shape, visible_rate, thermal_rate)
    for shape in (unchanged, shaken, with_gaps)
    for visible_rate in RATES
    for thermal_rate in RATES
    # Of shaken 9 and 10 frames/s, either may be measured as more than a tenth slower.
    if not (shape is shaken and {visible_rate, thermal_rate} == {9, 10})
]


@pytest.mark.parametrize(("shape", "visible_rate", "thermal_rate"), CASES)
def test_both_pairers_make_the_same_pairs(
    shape: Callable[[Times, int], Times], visible_rate: int, thermal_rate: int
) -> None:
    for third in range(2):
        visible = shape(stamps(visible_rate), 1)
        thermal = shape(stamps(thermal_rate, phase=Fraction(third, 3)), 2)
        keys = {"tolerance_ms": max(20.0, 600 / max(visible_rate, thermal_rate)), "max_wait_ms": 5000}
        recorded = pairs(offline(visible, thermal, (visible_rate, thermal_rate), **keys))
        assert pairs(online(visible, thermal, at_once=True, **keys)) == recorded
        # As frames arrive, the leader is known once both rates are measured.
        live = pairs(online(visible, thermal, **keys))
        assert [pair for pair in live if visible[pair[0]] > 1.5] == [
            pair for pair in recorded if visible[pair[0]] > 1.5
        ]
        assert len(recorded) >= 0.6 * min(len(visible), len(thermal))


@pytest.mark.parametrize("offset_ms", [-1234.5, 0.1, 5000])
def test_both_take_the_same_offset_out(offset_ms: float) -> None:
    visible = stamps(25)
    thermal = [time_s + Fraction(str(offset_ms)) / 1000 for time_s in stamps(24, phase=Fraction(1, 3))]
    recorded = offline(visible, thermal, (25, 24), offset_ms=offset_ms)
    live = online(visible, thermal, at_once=True, offset_ms=offset_ms)
    assert pairs(live) == pairs(recorded) != []
    assert [one.pairing_error_s for one in live] == [one.pairing_error_s for one in recorded]


@pytest.mark.parametrize("unpaired", ["drop", "single"])
def test_both_do_the_same_with_what_has_no_partner(unpaired: str) -> None:
    visible, thermal = with_gaps(stamps(30), 3), with_gaps(stamps(30, phase=Fraction(1, 5)), 4)
    recorded = offline(visible, thermal, (30, 30), unpaired=unpaired)
    live = online(visible, thermal, unpaired=unpaired)
    assert pairs(live) == pairs(recorded)
    if unpaired == "single":
        lonely = [one.visible.index for one in live if one.thermal is None and one.visible is not None]
        assert lonely == [one.visible.index for one in recorded if one.thermal is None and one.visible]


times = st.lists(st.integers(0, 500), max_size=20, unique=True).map(
    lambda values: [Fraction(value, 1000) for value in sorted(values)]
)


@settings(max_examples=200, deadline=None)
@given(times, times, st.integers(0, 80))
def test_both_agree_on_any_stamps(visible: Times, thermal: Times, tolerance_ms: int) -> None:
    recorded = pairs(offline(visible, thermal, None, tolerance_ms=tolerance_ms))
    # The leader is visible in both: it is known from rates in one and from intervals in the other.
    live = online(visible, thermal, at_once=True, tolerance_ms=tolerance_ms, unpaired="hold", max_age_ms=0)
    assert pairs([one for one in live if not one.flags]) == recorded
    for v, t in recorded:
        assert abs(visible[v] - thermal[t]) <= Fraction(tolerance_ms, 1000)


@pytest.mark.parametrize(("thermal_rate", "leader"), [(25, "visible"), (24, "visible"), (22, "thermal")])
def test_a_stream_that_is_a_tenth_slower_leads(thermal_rate: int, leader: str) -> None:
    settings = PairingSettings()
    assert OfflinePairer(settings, 25, thermal_rate).anchor == leader
    pairer = OnlinePairer(settings, LiveSettings())
    for side, rate in (("visible", 25), ("thermal", thermal_rate)):
        for frame in frames(stamps(rate, 1)):
            pairer.offer(side, frame)  # type: ignore[arg-type]
    assert pairer.anchor() == leader


def test_of_equally_near_partners_the_earlier_is_taken() -> None:
    policy = PairingPolicy.of(PairingSettings())
    near = [Fraction(-1, 100), Fraction(1, 100)]
    assert policy.choose(Fraction(0), near, None, False) == 0
    assert policy.choose(Fraction(0), near[1:], Fraction(2, 100), False) == 0
    assert policy.choose(Fraction(0), near[1:], Fraction(199, 10000), False) is None
    assert policy.choose(Fraction(0), [Fraction(20, 1000)], None, False) == 0
    assert policy.choose(Fraction(0), [Fraction(20001, 1000000)], None, False) is None


@pytest.mark.parametrize("rate", [9, 10, 15, 25, 30, 60])
@pytest.mark.parametrize("twelfth", range(12))
def test_free_running_cameras_pair_at_every_phase(rate: int, twelfth: int) -> None:
    """Without a word about the tolerance, live and recorded."""
    phase_s = twelfth / 12 / rate
    played = play(Film("visible", rate), Film("thermal", rate, phase_s=phase_s), 10)
    nearest_s = min(twelfth, 12 - twelfth) / 12 / rate
    assert len(played.moments) >= 10 * rate - 12
    assert all(abs(error_s) == pytest.approx(nearest_s, abs=1e-5) for error_s in played.true_errors_s)
    recorded = offline(stamps(rate), stamps(rate, phase=Fraction(twelfth, 12)), (rate, rate))
    assert len(recorded) >= 3 * rate - 1
    errors_s = [abs(one.pairing_error_s or 0) for one in recorded]
    assert errors_s == pytest.approx([nearest_s] * len(errors_s), abs=1e-9)


@pytest.mark.parametrize(("rate", "slower"), [(30, 9), (60, 9), (25, 10), (60, 30)])
def test_every_frame_of_the_slower_camera_pairs(rate: int, slower: int) -> None:
    for twelfth in range(12):
        played = play(Film("visible", rate), Film("thermal", slower, phase_s=twelfth / 12 / slower), 10)
        assert len(played.moments) >= 10 * slower - 12
        assert max(abs(error_s) for error_s in played.true_errors_s) <= 0.5 / rate + 1e-5


def test_jitter_at_half_an_interval_costs_next_to_nothing() -> None:
    for seed in range(5):
        visible, thermal = stamps(30, 10), jittered(stamps(30, 10, Fraction(1, 2)), seed, 0.08)
        assert len(offline(visible, thermal, (30, 30))) >= 290


@pytest.mark.parametrize(
    ("rates", "tolerance_ms"), [((15, 15), 40), ((9, 30), 20), ((9, 9), 66.7), ((60, 60), 20), ((10, 12), 50)]
)
def test_the_automatic_tolerance_is_said_once(
    rates: tuple[int, int], tolerance_ms: float, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    words = f"visible has {rates[0]}.0 and thermal {rates[1]}.0 frames/s: frames within {tolerance_ms:.1f} ms"
    pairer = OfflinePairer(PairingSettings(), *rates)
    assert float(pairer.policy.tolerance_s) * 1000 == pytest.approx(tolerance_ms, abs=0.1)
    assert caplog.text.count(words) == 1
    caplog.clear()
    played = play(Film("visible", rates[0]), Film("thermal", rates[1]), 5)
    assert float(played.pairer.policy.tolerance_s) * 1000 == pytest.approx(tolerance_ms, abs=0.1)
    assert caplog.text.count(words) == caplog.text.count("frames/s") == 1


def test_a_rate_that_changes_is_followed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    visible = [*stamps(30, 4), *(4 + time_s for time_s in stamps(10, 6))]
    thermal = [*stamps(30, 4, Fraction(1, 3)), *(4 + time_s for time_s in stamps(10, 6, Fraction(1, 3)))]
    late = [one for one in online(visible, thermal) if isinstance(one, FramePair) and one.time_s > 7]
    assert len(late) >= 29
    assert "within 20.0 ms" in caplog.text and "within 60.0 ms" in caplog.text


def test_a_number_stays_a_number(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    played = play(Film("visible", 10), Film("thermal", 10, phase_s=0.03), 5, tolerance_ms=20)
    assert not played.moments and "frames/s" not in caplog.text
    assert OfflinePairer(PairingSettings(tolerance_ms=20), 10, 10).policy.tolerance_s == Fraction(1, 50)
